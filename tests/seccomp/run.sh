#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: time=200
# The seccomp filter in the real kernel, its events, exec rules as far as they are watched, and debuggers inside: run.sh CORDON
set -u
cordon=$1
here=$(cd "$(dirname "$0")" && pwd)
passed=0 failed=0 skipped=0
root=$(mktemp -d /var/tmp/cordon-seccomp.XXXXXX)
trap 'rm -rf "$root"' EXIT
export HOME=$root/home
unset XDG_RUNTIME_DIR
mkdir -p "$HOME/project"
cd "$HOME/project" || exit 1
cp "$here"/*.py .
ok() { # sentence, condition as a command
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}
skip() { skipped=$((skipped + 1)); echo "SKIP $1"; }
same() { [ "$1" = "$2" ] || { echo "  '$1' is not '$2'" >&2; false; }; }
has() { grep -q -- "$2" "$1" || { echo "  no '$2' in:" >&2; head -5 "$1" >&2; false; }; }
run() { timeout 60 "$cordon" run --quiet "$@"; }
table() { # how it is run...
  local out good
  out=$("$@" 2>&1)
  good=$(grep -c '^ok ' <<<"$out" || true)
  passed=$((passed + good))
  while read -r line; do
    case $line in SKIP*) skip "${line#SKIP }" ;; *) failed=$((failed + 1)); echo "$line" ;; esac
  done < <(grep -v '^ok ' <<<"$out")
}
if command -v python3 >/dev/null; then
  table timeout 60 python3 calls.py control
  table run -- python3 calls.py
  run --events events -- python3 calls.py >/dev/null 2>&1
  for name in mount keyctl bpf perf_event_open setns; do
    ok "$name is an event with its program" has events "\"kind\":\"syscall\",\"decision\":\"denied\",\"object\":\"$name\",\"rule\":\"seccomp\",\"pid\":[0-9]*,\"exe\":\"/[^\"]*python"
  done
  ok "what programs only probe is no event" same "$(grep -c '"object":"\(io_uring_setup\|clone3\|statmount\)"' events)" 0
  rm -f events
else
  skip "seccomp: needs python3"
fi
if unshare -U true 2>/dev/null; then
  ok "nested user namespaces: not unless the policy says so" same "$(run -- sh -c 'unshare -U true 2>/dev/null; echo $?')" 1
  printf 'version = 1\n[exec]\nallow = ["*"]\nnested_namespaces = true\n' >../p.toml
  ok "and then they work" run --policy ../p.toml -- unshare -U true
else
  skip "nested namespaces: this host refuses user namespaces"
fi

# exec: who is denied, by which rule, and what would allow it.
denied() { # events file, pattern of the object
  has "$1" "\"kind\":\"exec\",\"decision\":\"denied\",\"object\":\"$2\""
}
id=$(readlink -f "$(command -v id)") sh=$(readlink -f "$(command -v sh)")
run --events e --deny-exec "$id" -- sh -c "$id; true" 2>/dev/null
ok "a denied program is an event" denied e "$id"
ok "with the rule" has e "\"object\":\"$id\",\"rule\":\"$id (--deny-exec)\""
rm -f e
printf '#!%s -u\n' "$id" >script && chmod +x script
run --events e --deny-exec "$id" -- sh -c './script; echo $? >status' 2>/dev/null
ok "a script of a denied interpreter is refused" denied e "$id"
ok "and does not run" same "$(cat status)" 126
rm -f e script status
loader=$(find /lib64 /lib -maxdepth 2 -name 'ld-linux*.so*' 2>/dev/null | head -n 1)
if [ -n "$loader" ]; then
  run --events e --deny-exec "$id" -- "$loader" "$id" >out 2>/dev/null
  ok "the loader does not run a denied program" same "$(cat out)" ""
  ok "and that is an event" denied e "$id"
  rm -f e out
fi
run --events e --deny-exec "$id" -- sh -c "ln -s $id l; ./l; exec -a true ./l" >out 2>/dev/null
ok "a link to a denied program is the program" denied e "$id"
ok "and gives nothing" same "$(cat out)" ""
rm -f e out l
run --events e --allow-exec "$sh" -- sh -c "$id; true" >out 2>/dev/null
if [ -e e ] && grep -q '"kind":"start"' e; then
  ok "a program that is not listed is an event with a hint" has e "\"object\":\"$id\",\"rule\":\"programs not listed are denied\".*\"hint\":\"--allow-exec $id\""
  ok "and gives nothing" same "$(cat out)" ""
fi
rm -f e out
if command -v python3 >/dev/null; then
  run --events e --deny-exec "$id" -- python3 -c '
import os, sys
fd = os.open(sys.argv[1], os.O_PATH)
try: os.execve(fd, ["id"], {})
except OSError as e: print(e.errno)' "$id" >out 2>/dev/null
  ok "fexecve of a denied program is refused" same "$(cat out)" 13
  ok "and is an event" denied e "$id"
  rm -f e out
fi
run --events e -- id >/dev/null
ok "without exec rules nothing is watched" same "$(grep -c '"kind":"exec"' e)" 0
rm -f e

# Debuggers of own children.
if command -v strace >/dev/null; then ok "strace works inside" run -- sh -c 'strace -f -o t true && grep -q exit_group t'; else skip "strace is not installed"; fi
if command -v gdb >/dev/null; then
  ok "gdb works inside" same "$(run -- gdb -q -batch -ex 'starti' -ex 'kill' "$(command -v true)" 2>&1 | grep -c 'Program stopped')" 1
else
  skip "gdb is not installed"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
