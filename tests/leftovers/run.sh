#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Nothing is left, whoever of us is killed, and two runs in one project keep each other's protection: run.sh CORDON.
set -u
cordon=$1
. "$(dirname "$0")/../support/suite.sh"
world leftovers

mark=7$$ # the argument by which our sleeps are known
start() { # N: a run that sleeps; sets pid
  "$cordon" run --quiet -- sleep "$mark.$1" &
  pid=$!
  soon pgrep -f "^sleep $mark.$1" >/dev/null
}
child() { # name of the process: a child of $pid
  for c in $(cat "/proc/$pid/task/$pid/children"); do [ "$(cat "/proc/$c/comm" 2>/dev/null)" = "$1" ] && echo "$c"; done
}
clean() { [ -z "$(ls -A)" ]; }
gone() { ! pgrep -f "^sleep $mark.$1" >/dev/null; }

start 1
confined() { [ "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$1/status")" = 2 ]; }
ok "the supervisor runs under a seccomp filter" soon confined "$pid"
ok "PID 1 runs under a seccomp filter" soon confined "$(child cordon-init)"
ok "the janitor runs under a seccomp filter" soon confined "$(child cordon-janitor)"
ok "control: placeholders are there while the command runs" same "$(stat -c %a .vscode)" 1555
kill -9 "$pid"; wait "$pid" 2>/dev/null
ok "SIGKILL of the supervisor ends the command" soon gone 1
ok "SIGKILL of the supervisor leaves no placeholder" soon clean

start 2
init=$(child cordon-init)
ok "control: PID 1 is found" test -n "$init"
kill -9 "$init"; wait "$pid" 2>/dev/null
ok "SIGKILL of PID 1 is told by the status" same $? 137
ok "SIGKILL of PID 1 ends the command" soon gone 2
ok "SIGKILL of PID 1 leaves no placeholder" soon clean

start 3
janitor=$(child cordon-janitor)
ok "control: the janitor is found" test -n "$janitor"
kill -9 "$janitor"; wait "$pid" 2>/dev/null
ok "SIGKILL of the janitor ends the sandbox, with a status of its own" same $? 137
ok "SIGKILL of the janitor ends the command" soon gone 3
ok "SIGKILL of the janitor leaves no placeholder" soon clean

start 4
init=$(child cordon-init)
kill -9 "$pid" "$init"; wait "$pid" 2>/dev/null
ok "SIGKILL of supervisor and PID 1 at once leaves no placeholder" soon clean
ok "SIGKILL of supervisor and PID 1 at once ends the command" soon gone 4

left() { pgrep -f "^sleep $mark" >/dev/null && return 1; clean; }
for delay in 0 1 2 3 4 5 6 8; do # milliseconds: somewhere in the start
  "$cordon" run --quiet -- sleep "$mark.5" &
  pid=$!
  sleep "0.00$delay"
  kill -9 "$pid"; wait "$pid" 2>/dev/null
done
ok "SIGKILL of the supervisor while it starts leaves nothing" soon left

# The first run ends while the second is running.
"$cordon" run --quiet -- sleep 0.7 &
first=$!
soon test -d .vscode
"$cordon" run --quiet -- sh -c 'sleep 1.4; mkdir -p .vscode/x 2>/dev/null || echo protected; echo x > .vscode/tasks.json 2>/dev/null || echo protected' >../out &
second=$!
wait "$first"
ok "a run that ends leaves the placeholders of another" same "$(stat -c %a .vscode)" 1555
wait "$second"
ok "two runs in one project do not take each other's protection away" same "$(cat ../out)" $'protected\nprotected'
ok "the last run removes the placeholders" clean
for _ in $(seq 12); do "$cordon" run --quiet -- sh -c 'echo x > .vscode/x' 2>>../errors & done
wait
ok "twelve runs at once leave nothing" same "$(ls -A)" ""
ok "none of the twelve failed to start" same "$(grep -c '^cordon:' ../errors)" 0
mkdir .idea && echo mine >.idea/file
"$cordon" run --quiet -- true
ok "a directory of the user's is kept" same "$(cat .idea/file)" mine

summary
