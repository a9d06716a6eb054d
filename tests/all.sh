#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All tests of a build folder, or some suites: all.sh BUILD [SUITE...]. The last line counts them.
#
# A suite is an executable tests/NAME/run.sh. It gets the path of the built `cordon`; what else was built lies beside that.
# Its last line is "N passed, N failed, N skipped"; a skip is a line "SKIP what: why". As root it runs twice, as root and as
# nobody, from copies that everybody can read, for the checkout may lie in a private directory. A line
# "# suite: WORDS" in its head changes that:
#   once       as the caller alone, in the checkout itself     root, user   only as root, only as nobody (or the caller)
#   alone      nothing else runs meanwhile                     time=N       seconds it may take (default 600)
#   check      not in a plain run of all: named, or by `./dev check` (CORDON_CHECK=1)
set -u
build=$(cd "$1" && pwd)
shift
only="$*"
wanted() { [ -z "$only" ] || [[ " $only " == *" $1 "* ]]; }
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work" 2>/dev/null; rm -rf "$work"' EXIT
chmod 755 "$work"
umask 022
mkdir "$work/bin" "$work/log"
for file in "$build"/*; do
  [ -f "$file" ] && { [ -x "$file" ] || [[ $file == *.cjs ]]; } && [[ $file != *_test ]] && cp "$file" "$work/bin/"
done
cp -R "$here" "$work/tests"
chmod -R a+rX "$work/bin" "$work/tests"
unset XDG_RUNTIME_DIR

job_names=() job_who=() job_time=() job_alone=()
add() { job_names+=("$1"); job_who+=("$2"); job_time+=("$3"); job_alone+=("$4"); }
for unit in "$build"/*_test; do
  name=$(basename "$unit")
  [ -x "$unit" ] || continue
  wanted unit || wanted "$name" || continue
  add "$name" unit 600 ''
done
for script in "$here"/*/run.sh; do
  name=$(basename "$(dirname "$script")") time=600 alone='' who=''
  [ -x "$script" ] || continue
  wanted "$name" || continue
  words=$(sed -n '1,12s/^# suite: *//p' "$script")
  for word in $words; do
    case $word in
      once | root | user) who=$word ;;
      alone) alone=1 ;;
      time=*) time=${word#time=} ;;
      check) [ -n "${CORDON_CHECK:-}$only" ] || continue 2 ;;
      *) echo "tests/$name/run.sh: unknown word '$word' in its suite line"; exit 1 ;;
    esac
  done
  if [ -n "$who" ]; then
    [ "$who" = root ] && [ "$(id -u)" -ne 0 ] && { echo "SKIP $name: wants root"; continue; }
    add "$name" "$who" "$time" "$alone"
  else
    [ "$(id -u)" -ne 0 ] || add "$name" root "$time" "$alone"
    add "$name" user "$time" "$alone"
  fi
done
[ ${#job_names[@]} -gt 0 ] || { echo "no suite '$only'; there are: unit $(cd "$here" && echo */run.sh | sed 's|/run.sh||g')"; exit 1; }

job() { # index
  local name=${job_names[$1]} who=${job_who[$1]} out=$work/log/$1 start=$SECONDS
  local bounded=(timeout -k 5 "${job_time[$1]}") status=0
  case $who in
    unit) "${bounded[@]}" "$build/$name" --gtest_brief=1 ;;
    once) "${bounded[@]}" "$here/$name/run.sh" "$build/cordon" ;;
    root) "${bounded[@]}" "$work/tests/$name/run.sh" "$work/bin/cordon" ;;
    user)
      if [ "$(id -u)" -eq 0 ]; then
        "${bounded[@]}" setpriv --reuid=65534 --regid=65534 --clear-groups "$work/tests/$name/run.sh" "$work/bin/cordon"
      else
        "${bounded[@]}" "$work/tests/$name/run.sh" "$work/bin/cordon"
      fi ;;
  esac >"$out" 2>&1 </dev/null || status=$?
  echo "$status $((SECONDS - start))" >"$out.done"
}

passed=0 failed=0 skipped=0
report() { # index: one line for what went well, everything for what did not
  local out=$work/log/$1 status seconds p='' f='' s=''
  local title="${job_names[$1]} (${job_who[$1]})"
  read -r status seconds <"$out.done"
  if [ "${job_who[$1]}" = unit ]; then
    number() { sed -nE "s/^\[ +$1 +\] ([0-9]+) tests?.*/\1/p" "$out" | tail -n 1; }
    p=$(number PASSED) f=$(number FAILED) s=$(number SKIPPED)
    [ -z "$p" ] || { f=${f:-0} s=${s:-0}; }
  else
    read -r p f s < <(tail -n 1 "$out" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p')
  fi
  if [ -z "$p" ]; then
    p=0 s=0 f=1
    echo "$title ended after ${seconds} s with status $status and no count" >>"$out"
  elif [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
    f=1
    echo "$title ended with status $status" >>"$out"
  fi
  if [ "$f" -gt 0 ]; then sed "s/^/    /" "$out"; else grep -a '^SKIP' "$out" | sed 's/^/    /'; fi
  printf '%-6s %-28s %4d s  %s passed, %s failed, %s skipped\n' "$([ "$f" -gt 0 ] && echo FAILED || echo ok)" "$title" "$seconds" "$p" "$f" "$s"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# Two at a time, never the same suite twice (a root's `pgrep` would see nobody's), then those that want to be alone.
running=()
reap() { # waits until at most $1 run
  local left i
  while [ ${#running[@]} -gt "$1" ]; do
    wait -n "${running[@]#*:}" 2>/dev/null
    left=()
    for i in "${running[@]}"; do
      if [ -e "$work/log/${i%%:*}.done" ]; then report "${i%%:*}"; else left+=("$i"); fi
    done
    running=("${left[@]}")
  done
}
runs() { # does suite $1 run now?
  local i
  for i in "${running[@]}"; do [ "${job_names[${i%%:*}]}" != "$1" ] || return 0; done
  return 1
}
for alone in '' 1; do
  queue=()
  for i in "${!job_names[@]}"; do [ "${job_alone[$i]}" != "$alone" ] || queue+=("$i"); done
  while [ ${#queue[@]} -gt 0 ]; do
    if [ -n "$alone" ]; then reap 0; else reap 1; fi
    for k in "${!queue[@]}"; do runs "${job_names[${queue[$k]}]}" || break; done
    i=${queue[$k]}
    runs "${job_names[$i]}" && { reap 0; continue; }
    unset "queue[$k]"
    queue=("${queue[@]}")
    job "$i" &
    running+=("$i:$!")
  done
done
reap 0
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
