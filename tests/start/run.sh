#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Starts under hard conditions: one clear sentence, the right status, nothing started, nothing left: run.sh CORDON.
set -u
cordon=$1
passed=0 failed=0 skipped=0
root=$(mktemp -d /var/tmp/cordon-start.XXXXXX)
trap 'chmod -R u+rwx "$root" 2>/dev/null; rm -rf "$root"' EXIT
export HOME=$root/home
unset XDG_RUNTIME_DIR
mkdir -p "$HOME/project" && cd "$HOME/project" || exit 1

ok() { # sentence, condition as a command
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}
skip() { skipped=$((skipped + 1)); echo "SKIP $1: $2"; }
same() { [ "$1" = "$2" ] || { echo "  '$1' is not '$2'"; return 1; }; }
c() { timeout -s KILL 30 "$cordon" run --quiet "$@"; }
refused() { # status, pattern, command...: ends so, with one sentence that matches, and leaves nothing
  local want=$1 pattern=$2 got
  shift 2
  "$@" >/dev/null 2>../said </dev/null
  got=$?
  [ "$got" -eq "$want" ] || { echo "  status $got, not $want: $(head -c 300 ../said)"; return 1; }
  [ "$(wc -l <../said)" -eq 1 ] && grep -qE "^cordon: .*($pattern)" ../said || { echo "  said: $(head -c 300 ../said)"; return 1; }
  [ -z "$(ls -A)" ] || { echo "  left: $(ls -A)"; return 1; }
}

few_descriptors() { (ulimit -n "$1" && c -- true); }
ok "20 descriptors are enough, or one sentence says that they are not" sh -c '[ "$1" -eq 0 ] || [ "$1" -eq 125 ]' - "$(few_descriptors 20 2>/dev/null; echo $?)"
ok "8 descriptors are too few" refused 125 'descriptor|open files' few_descriptors 8
ok "nothing is left of it" same "$(ls -A)" ""
ok "closed standard streams are no hindrance" same "$(c -- sh -c 'echo x > made; ls -l /proc/self/fd | grep -c /dev/null' <&- 2>&-; cat made; rm -f made)" $'2\nx'
ok "a closed standard output does not become a file of ours" same "$(c -- sh -c 'echo x' >&-; ls -A)" ""
long=$(head -c 100000 /dev/zero | tr '\0' x)
ok "a list of arguments of a megabyte passes" same "$(c -- sh -c 'echo $#' - "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long" </dev/null)" 10
ok "an option does not swallow the next one" refused 125 "value is missing before '--'" c --allow-write -- true
ok "an option does not swallow the next option" refused 125 "value is missing before '--quiet'" c --deny-read --quiet -- true
ok "an empty project is no project" refused 125 'project.*empty' c --project '' -- true
ok "an unknown option is named" refused 125 "unknown option '--bogus'" c --bogus -- true
ok "an unknown command is named" refused 125 "unknown command 'runn'" "$cordon" runn
ok "open-files is the command's limit, not that of what serves it" same "$(c --limit open-files=9 -- sh -c 'ulimit -n')" 9
ok "events that could not be written are told" refused 0 'events in /dev/full are not complete' c --events /dev/full -- true
ok "126 for a directory" refused 126 'directory' c -- /usr
ok "127 for a command that does not exist" refused 127 'not found|No such file' c -- ./nothing
ok "125 for a working directory that is gone" refused 125 'directory' sh -c 'mkdir gone && cd gone && rmdir ../gone && exec "$0" run -- true' "$cordon"
printf 'not a program' >../plain && chmod +x ../plain
ok "126 for a file without an interpreter" refused 126 'interpreter|execut' c --allow-read "$HOME/plain" -- ../plain
ok "no controlling terminal is no hindrance" same "$(setsid -w timeout 20 "$cordon" run --quiet -- sh -c 'echo x' </dev/null)" x
if [ "$(id -u)" -ne 0 ]; then
  ok "no free process: one sentence" sh -c '"$0" 2>&1 | grep -q "^cordon: "' "$(printf '#!/bin/bash\nulimit -u 1\nexec %q run -- true\n' "$cordon" >../starve && chmod +x ../starve && echo ../starve)"
else
  skip "no free process" "root is exempt from RLIMIT_NPROC"
fi
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
  full='mount -t tmpfs -o size=4k none /tmp && head -c 8000 /dev/zero >/tmp/x 2>/dev/null; exec timeout 20 "$0" run --quiet -- sh -c "echo x"'
  ok "a full /tmp is no hindrance" same "$(cp "$cordon" "$root/cordon"; unshare -m sh -c "$full" "$root/cordon" </dev/null)" x
  bare='mount -t tmpfs none /mnt && for n in null zero full random urandom; do touch /mnt/$n; mount --bind /dev/$n /mnt/$n; done; mount --rbind /mnt /dev; exec timeout 20 "$0" run --quiet -- sh -c "echo x; test -e /dev/tty || echo none"'
  ok "a host without /dev/tty is no hindrance" same "$(unshare -m sh -c "$bare" "$cordon" </dev/null | tr '\n' ' ')" 'x none '
else
  skip "a full /tmp, no /dev/tty" "mounts are root's"
fi
ok "the host name inside is not the host's" same "$(c -- uname -n)" cordon
ok "nothing is left at the end" same "$(ls -A)" ""

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
