#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every limit holds for all processes of the sandbox together, is told by name, and ends or refuses: run.sh CORDON.
# suite: time=200
set -u
cordon=$1
. "$(dirname "$0")/../support/suite.sh"
world limits
ulimit -S -c 0

c() { timeout -s KILL 40 "$cordon" run "$@"; }
told() { # limit, command...: the event names it, with the option that raises it
  local name=$1
  shift
  c --quiet --events ../events "$@" >/dev/null 2>&1
  local n
  n=$(grep '"kind":"limit"' ../events | grep "\"object\":\"$name\"" | grep -c "\"hint\":\"--limit $name=...\"")
  rm -f ../events
  [ "$n" -eq 1 ] || { echo "  $n events"; return 1; }
}

burn='while :; do :; done'
ok "cpu: two processes share the time" status 137 c --limit cpu=1s -- sh -c "($burn) & $burn"
ok "cpu: it is told" told cpu --limit cpu=500ms -- sh -c "($burn) & $burn"
ok "cpu: it is told of one process alone" told cpu --limit cpu=1s -- sh -c "$burn"
ok "cpu: children who were waited for count" status 137 c --limit cpu=1s -- sh -c 'while :; do sh -c "i=0; while [ \$i -lt 20000 ]; do i=\$((i+1)); done"; done'
ok "cpu: waiting costs nothing" status 0 c --limit cpu=300ms -- sleep 0.6

ok "memory: one process gets none past the limit" status 1 c --limit memory=64MiB -- sh -c 'perl -e "\$x = q(x) x (200 << 20)" || exit 1'
attack='for (1 .. 40) { if (!fork) { $x = "x" x (16 << 20); sleep 20; exit } } sleep 20'
ok "memory: many processes that each take little are ended" status 137 c --limit memory=128MiB -- perl -e "$attack"
ok "memory: it is told" told memory --limit memory=128MiB -- perl -e "$attack"
ok "memory: files in the private /tmp count" status 137 c --limit memory=64MiB -- sh -c 'head -c 200000000 /dev/zero >/tmp/x; sleep 10'
attack='use Socket; for (1 .. 400) { last if !socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0); push @s, $a, $b; for ($a, $b) { setsockopt $_, SOL_SOCKET, SO_SNDBUF, 1 << 20; 1 while defined send($_, "x" x 32768, MSG_DONTWAIT) } } print "full\n"; sleep 20'
ok "memory: what lies in sockets counts" status 137 c --limit memory=32MiB -- perl -e "$attack"
ok "memory: it counts where the senders are closed" status 137 c --limit memory=32MiB -- perl -e "${attack/sleep 20/close \$s[2 * \$_] for 0 .. 399; sleep 20}"
ok "memory: what processes share counts once" status 0 c --limit memory=192MiB -- perl -e '$x = "x" x (40 << 20); for (1 .. 8) { if (!fork) { sleep 1; exit } } 1 while wait > 0'

crowd='$n = 0; for (1 .. 30) { $p = fork; last if !defined $p; if (!$p) { sleep 3; exit } $n++ } print $n'
ok "processes: no more than the limit, the command included" same "$(c --limit processes=10 -- perl -e "$crowd")" 9
ok "processes: the numbers of the dead are used again" same "$(c --limit processes=8 -- sh -c 'i=0; while [ $i -lt 700 ]; do i=$((i+1)); /bin/true || exit 1; done; echo $i')" 700
ok "processes: the host's count does not matter" status 0 c --limit processes=3 -- sh -c '/bin/true; /bin/true'

ok "output: no byte more than the limit" same "$(c --quiet --limit output=1000 -- yes 2>/dev/null | wc -c)" 1000
ok "output: exactly the limit is allowed" status 0 c --limit output=1000 -- head -c 1000 /dev/zero
ok "output: standard error counts with standard output" status 137 c --limit output=1000 -- sh -c 'head -c 600 /dev/zero; head -c 600 /dev/zero >&2; sleep 5'
ok "output: it is told" told output --limit output=10 -- yes
ok "output: it works with a file that is open for appending" same "$(c --quiet --limit output=1MiB -- sh -c 'echo one; echo two >&2' >>../log 2>&1; cat ../log)" $'one\ntwo'
head -c 5000000 /dev/urandom >../big
ok "output: five megabytes pass unchanged" same "$(c --limit output=8MiB -- cat <../big | cksum)" "$(cksum <../big)"
ok "output: a reader that leaves ends the command by SIGPIPE" same "$(c --limit output=1GiB -- sh -c 'yes; echo $? >status' | head -n 1; cat status)" $'y\n141'

c --quiet --events ../events --limit output=1000 -- head -c 600 /dev/zero >/dev/null
ok "output: exit names the bytes" same "$(grep '"kind":"exit"' ../events | grep -o '"output":[0-9]*')" '"output":600'
ok "exit names the bytes of the network, of which there is none" same "$(grep '"kind":"exit"' ../events | grep -o '"bytes_out":0,"bytes_in":0')" '"bytes_out":0,"bytes_in":0'
rm -f ../events
too_small() { c --quiet --limit memory=4KiB -- true 2>&1 | grep -q '^cordon: the limit memory is too small: .*; raise it: --limit memory=...$'; }
ok "memory: what is too small to start at all is told so" soon too_small

ok "file-size: it holds and is told" told file-size --limit file-size=1MiB -- perl -e 'open F, ">", "f"; syswrite(F, "x" x (2 << 20)); syswrite(F, "x")'
ok "open-files: the limit is the command's" same "$(c --limit open-files=32 -- sh -c 'ulimit -n')" 32
if [ "$(ulimit -H -c)" != 0 ]; then  # at 1 a program that core_pattern names gets none, at 0 it does
  ok "cores: the limit is 1, and stays so" same "$(c -- sh -c 'ulimit -c 0; exec grep "^Max core" /proc/self/limits' | tr -s ' ')" 'Max core file size 1 1 bytes '
else
  skip "cores" "the caller's hard limit is 0"
fi
ok "wall: it is told" told wall --limit wall=200ms -- sleep 20
ok "wall: the grace is two seconds" same "$(s=$(date +%s%N); c --quiet --limit wall=100ms -- sh -c 'trap "" TERM; while :; do sleep 0.1; done'; echo $((($(date +%s%N) - s) / 1000000000)))" 2
# The command has Cordon's standard error, and can fill it.
mkfifo ../full
exec 9<>../full
fill='use Fcntl; fcntl(STDERR, F_SETFL, O_WRONLY | O_NONBLOCK); for $n (4096, 1) { 1 while syswrite(STDERR, "x" x $n) } fcntl(STDERR, F_SETFL, O_WRONLY); syscall(321, 0, 0, 0)'
stuck() { c --events - "$@" 2>../full 9<&-; }
stuck --limit wall=1s -- perl -e "$fill; sleep 30"
ok "wall: it holds though nobody reads what Cordon says" same $? 124
(stuck -- perl -e "$fill; open F, '>', 'ready'; select(undef, undef, undef, 0.05) until -e 'go'"; echo $? >../status) &
soon [ -e ready ]
cat <&9 >../got &
reader=$!
ok "an event that found no room is written when there is" soon grep -q '"object":"bpf"' ../got
touch go
ok "and the last one" soon grep -q '"kind":"exit"' ../got
ok "and Cordon ends as the command did" soon grep -qx 0 ../status
kill $reader
exec 9<&-
c --quiet --events ../events --limit cpu=10s --limit memory=100MiB --limit processes=20 -- true
ok "start names the mechanism of each limit" same "$(grep '"kind":"start"' ../events | grep -o '"\(cpu\|memory\|processes\): ' | tr -d '\n')" '"cpu: "memory: "processes: '
ok "exit names what was used" same "$(grep '"kind":"exit"' ../events | grep -c '"status":0,"wall":.*"cpu":.*"peak_memory":[1-9]')" 1
if [ -w /sys/fs/cgroup ] || [ -w /sys/fs/cgroup/unified ]; then
  ok "no cgroup is left" same "$(find /sys/fs/cgroup/ -maxdepth 3 -name 'cordon-[0-9]*' 2>/dev/null | wc -l)" 0
else
  skip "cgroup" "no cgroup is delegated to this user"
fi

summary
