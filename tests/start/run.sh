#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Starts under hard conditions: one clear sentence, the right status, nothing started, nothing left: run.sh CORDON.
set -u
cordon=$1
. "$(dirname "$0")/../support/suite.sh"
world start

c() { timeout -s KILL 30 "$cordon" run --quiet "$@"; }
refused() { # status, pattern, command...: ends so, with one sentence that matches, and leaves nothing
  local want=$1 pattern=$2 got
  shift 2
  "$@" >/dev/null 2>../said </dev/null
  got=$?
  [[ $got =~ ^$want$ ]] || { echo "  status $got, not $want: $(head -c 300 ../said)"; return 1; }
  [ "$(wc -l <../said)" -eq 1 ] && grep -qE "^cordon: .*($pattern)" ../said || { echo "  said: $(head -c 300 ../said)"; return 1; }
  [ -z "$(ls -A)" ] || { echo "  left: $(ls -A)"; return 1; }
}

# However few descriptors there are, on a busy machine: it runs, or one sentence names the remedy, and nothing is left once it has ended.
few_descriptors() { # tier to accept, wrapper...
  local n got good=0
  for n in $(seq 3 40); do
    # shellcheck disable=SC2016  # for the inner shell: the limit is for cordon alone
    "${@:2}" sh -c 'ulimit -n "$2" && exec "$0" run --quiet --require "$1" -- true' "$cordon" "$1" "$n" >/dev/null 2>../said </dev/null
    got=$?
    if [ -n "$(ls -A)" ] || { [ "$got" -ne 0 ] && { [ "$got" -ne 125 ] || [ "$(grep -c '^cordon: .*ulimit -n' ../said)" -ne 1 ] || [ "$(wc -l <../said)" -ne 1 ]; }; }; then
      echo "  $n descriptors: status $got, left '$(ls -A | tr '\n' ' ')', said: $(head -c 300 ../said)"
      rm -rf ./* ./.[a-z]*
      good=1
    fi
  done
  [ "$got" -eq 0 ] || { echo "  40 descriptors are not enough: $(head -c 300 ../said)"; good=1; }
  return $good
}
(while :; do :; done) & busy=$!
(while :; do :; done) & busy="$busy $!"
ok "with few descriptors a start fails cleanly or not at all" few_descriptors namespaces env
if landlock_only true 2>/dev/null; then
  ok "with few descriptors a start in the landlock tier fails cleanly or not at all" few_descriptors any landlock_only
else
  skip "few descriptors in the landlock tier" "user namespaces cannot be made here, so neither refused"
fi
# shellcheck disable=SC2086  # two numbers
kill $busy
wait 2>/dev/null
ok "closed standard streams are no hindrance" same "$(c -- sh -c 'echo x > made; ls -l /proc/self/fd | grep -c /dev/null' <&- 2>&-; cat made; rm -f made)" $'2\nx'
ok "a closed standard output does not become a file of ours" same "$(c -- sh -c 'echo x' >&-; ls -A)" ""
long=$(head -c 100000 /dev/zero | tr '\0' x)
ok "a list of arguments of a megabyte passes" same "$(c -- sh -c 'echo $#' - "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long" </dev/null)" 10
ok "an option does not swallow the next one" refused 125 "value is missing before '--'; see" c --allow-write -- true
ok "an option does not swallow the next option" refused 125 "value is missing before '--quiet'" c --deny-read --quiet -- true
ok "an empty project is no project" refused 125 'project.*empty' c --project '' -- true
ok "a preset and a file are two policies" refused 125 "leave one out" c --mode plan --policy ../policy.toml -- true
ok "a preset is no file" refused 125 "the preset of that name is --mode safe" c --policy safe -- true
ok "an unknown option is named" refused 125 "unknown option '--bogus'" c --bogus -- true
ok "an unknown command is named" refused 125 "unknown command 'runn'" "$cordon" runn
ok "open-files is the command's limit, not that of what serves it" same "$(c --limit open-files=9 -- sh -c 'ulimit -n')" 9
ok "events that could not be written are told" refused 0 'events in /dev/full are not complete' c --events /dev/full -- true
ok "126 for a directory" refused 126 'directory' c -- /usr
ok "127 for a command that does not exist" refused 127 'not found|No such file' c -- ./nothing
ok "125 for a working directory that is gone" refused 125 'directory' sh -c 'mkdir gone && cd gone && rmdir ../gone && exec "$0" run -- true' "$cordon"
printf 'not a program' >../plain && chmod +x ../plain
ok "126 for a file without an interpreter" refused 126 'interpreter|execut' c --allow-read "$HOME/plain" -- ../plain
printf '#!/no/such/shell\n' >../noshell && chmod +x ../noshell
ok "a command that was not executed: one sentence, and none about what it left" refused 127 'interpreter' timeout -s KILL 30 "$cordon" run --allow-read "$HOME/noshell" -- ../noshell
ok "a project of two lines is named, with a remedy" refused 125 "project '.*x0ab'.*newline.*another name" c --project $'a\nb' -- true
ok "a project that a rule of the same length denies is opened by no option" refused 125 "leave that rule out" c --deny-read . -- true
ok "one that a shorter rule denies is opened by the option that is named" same "$(c --deny-read "$HOME" --allow-read "$PWD" -- echo x 2>&1)" x
ok "no cordon.toml" refused 125 'there is no cordon.toml' c --policy auto -- true
ok "a limit without a value" refused 125 'write memory=VALUE' c --limit memory -- true
ok "explain answers one question at a time" refused 125 'two questions' "$cordon" explain --path . -- true
ok "no controlling terminal is no hindrance" same "$(setsid -w timeout 20 "$cordon" run --quiet -- sh -c 'echo x' </dev/null)" x
if [ "$(id -u)" -ne 0 ]; then
  ok "no free process: one sentence" sh -c '"$0" 2>&1 | grep -q "^cordon: "' "$(printf '#!/bin/bash\nulimit -u 1\nexec %q run -- true\n' "$cordon" >../starve && chmod +x ../starve && echo ../starve)"
else
  skip "no free process" "root is exempt from RLIMIT_NPROC"
fi
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
  full='mount -t tmpfs -o size=4k none /tmp && head -c 8000 /dev/zero >/tmp/x 2>/dev/null; exec timeout 20 "$0" run --quiet -- sh -c "echo x"'
  ok "a full /tmp is no hindrance" same "$(cp "$cordon" "$(dirname "$cordon")/cordon-egress" "$root"; unshare -m sh -c "$full" "$root/cordon" </dev/null)" x
  offline='mount -t tmpfs none /mnt && mount --bind /mnt /etc && exec timeout 20 "$0" run --quiet -- sh -c "echo x"'
  ok "a host without network, resolv.conf, hosts and passwd is no hindrance" same "$(unshare -nm sh -c "$offline" "$cordon" </dev/null 2>&1)" x
  bare='mount -t tmpfs none /mnt && for n in null zero full random urandom; do touch /mnt/$n; mount --bind /dev/$n /mnt/$n; done; mount --rbind /mnt /dev; exec timeout 20 "$0" run --quiet -- sh -c "echo x; test -e /dev/tty || echo none"'
  ok "a host without /dev/tty is no hindrance" same "$(unshare -m sh -c "$bare" "$cordon" </dev/null | tr '\n' ' ')" 'x none '
else
  skip "a full /tmp, no /dev/tty" "mounts are root's"
fi
# The default has a network, so cordon-egress belongs to it: without it nothing starts, and never with less in its place.
mkdir ../alone && cp "$cordon" ../alone/cordon
alone() { timeout -s KILL 30 ../alone/cordon run --quiet "$@"; }
ok "no cordon-egress: 125, a sentence, nothing started" refused 125 'cordon-egress is missing.*--net none' alone -- touch started
ok "without a network it is not missed" same "$(alone --net none -- echo x 2>&1)" x
printf 'not a program' >../alone/cordon-egress && chmod +x ../alone/cordon-egress
ok "a cordon-egress that cannot be executed: 125, a sentence, nothing started" refused 125 'cannot start .*cordon-egress.*--net none' alone -- touch started
printf '#!/bin/sh\nexit 0\n' >../alone/cordon-egress
ok "a cordon-egress that ends at once ends the command" refused '1(25|37)' 'the egress process ended' alone -- sleep 60
ok "egress serves with 64 descriptors" same "$(ulimit -n 64; c --allow-host 127.0.0.1:1 -- bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; printf "CONNECT 127.0.0.1:2 HTTP/1.1\r\n\r\n" >&3; head -c 12 <&3' 2>&1)" "HTTP/1.1 403"
ok "the host name inside is not the host's" same "$(c -- uname -n)" cordon
ok "nothing is left at the end" same "$(ls -A)" ""

summary
