#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Promises of `cordon run`, tried through the real binary and the real kernel: run.sh CORDON. Run it as root and as a user.
# What counts is what the host sees. An attack has a control: the same thing without Cordon must succeed.
set -u
cordon=$1
. "$(dirname "$0")/../support/suite.sh"
world sandbox

fresh() { # a home with a secret and an empty project, the working directory
  cd / && rm -rf "${root:?}/home" && mkdir -p "$root/home/.ssh" "$root/home/project" && echo secret >"$root/home/.ssh/id" && cd "$root/home/project" || exit 1
}
c() { timeout 30 "$cordon" run --quiet "$@"; }

fresh
ok "control: the secret is readable without Cordon" same "$(cat ~/.ssh/id)" secret
ok "a secret is unreadable" status 1 c -- cat "$HOME/.ssh/id"
ok "a secret is unreadable by another spelling" status 1 c -- cat "$HOME/project/../.ssh/./id"
ln -s ../.ssh/id link
ok "a secret is unreadable through a symlink of the project" status 1 c -- cat link
ok "a secret is unreadable through /proc/self/root" status 1 c -- cat "/proc/self/root$HOME/.ssh/id"
ok "a secret's directory cannot be listed" status 2 c -- ls "$HOME/.ssh"
ok "a secret's mask cannot be opened by chmod" status 1 c -- chmod 755 "$HOME/.ssh"

fresh
(c -- sh -c 'echo ready; read -r x; cat ~/.ssh/id' >out 2>/dev/null < <(
  soon grep -qs ready out
  mv ~/.ssh ~/.ssh.old; mkdir ~/.ssh; echo secret >~/.ssh/id; echo go)) || true
ok "a secret that the host replaces meanwhile stays unreadable" same "$(grep -c secret out)" 0
ok "control: the host did replace it" same "$(cat ~/.ssh/id)" secret

fresh
ok "the project can be written" status 0 c -- sh -c 'echo x > file'
ok "what was written is there" same "$(cat file)" x
ok "a write outside of the project fails" status 2 c -- sh -c 'echo x > ../outside'
ok "the host did not change" same "$(ls -A ..)" "$(printf '.ssh\nproject')"
ok "mode plan does not write the project" status 2 c --mode plan -- sh -c 'echo x > file2'
ok "an absent .vscode cannot be filled" status 1 c -- sh -c 'echo x > .vscode/tasks.json; mv .vscode v; rmdir .vscode; test -e .vscode/tasks.json'
ok "no placeholder is left" same "$(ls -A)" file
mkfifo fifo ../fifo
ok "a FIFO of the host cannot be written" same "$(timeout 5 "$cordon" run --quiet -- sh -c 'echo x >> ../fifo' 2>&1 | grep -c denied)" 1
echo keep >../kept
ok "a read-only standard input cannot be reopened for writing" status 2 c -- sh -c 'echo x > /proc/self/fd/0' <../kept
ok "standard input's file is unchanged" same "$(cat ../kept)" keep

fresh
if command -v git >/dev/null; then
  export GIT_CONFIG_NOSYSTEM=1
  git init -q . && git config user.email a@b.c && git config user.name n
  hash=$(cat .git/config .git/hooks/* 2>/dev/null | cksum)
  ok "git commit works" status 0 c -- sh -c 'echo 1 > a && git add a && git commit -qm one'
  ok ".git/config cannot be written" status 2 c -- sh -c 'echo "[core]" >> .git/config'
  ok ".git/hooks cannot be written" status 2 c -- sh -c 'echo x > .git/hooks/pre-commit'
  ok ".git cannot be swapped" status 1 c -- mv .git .git2
  ok "hooks and config are unchanged" same "$(cat .git/config .git/hooks/* 2>/dev/null | cksum)" "$hash"
  ok "a worktree can be made and is clean of placeholders" same "$(git status --porcelain)" ""
  git worktree add -q ../tree 2>/dev/null
  ok "git commit works in a linked worktree" status 0 sh -c 'cd ../tree && "$0" run --quiet -- sh -c "echo 2 > b && git add b && git commit -qm two"' "$cordon"
  ok "the main repository's hooks are locked from a worktree" status 2 sh -c 'cd ../tree && "$0" run --quiet -- sh -c "echo x > ../project/.git/hooks/post-commit"' "$cordon"
  fresh
  ok "git init works in an empty project" status 0 c -- git init -q .
else
  skip "git" "git is not installed"
fi

fresh
touch "/tmp/cordon-canary.$$"
ok "the host's /tmp is not seen" status 1 c -- test -e "/tmp/cordon-canary.$$"
rm -f "/tmp/cordon-canary.$$"
ok "/tmp can be written" status 0 c -- sh -c 'echo x > /tmp/x'
ok "no process of the host is seen" status 1 c -- test -e "/proc/$$/cmdline" -a "$$" -gt 50
ok "PID 1 is not traceable" status 1 c -- sh -c 'cat /proc/1/environ'
ok "PID 1 cannot be signalled" status 1 c -- sh -c 'kill -KILL 1'
ok "only lo is in the network" same "$(c -- sh -c 'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "')" lo
ok "capabilities are gone" same "$(c -- sed -n 's/^CapBnd:\t//p' /proc/self/status)" 0000000000000000
ok "no_new_privs is set" same "$(c -- sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)" 1
ok "/proc/sys is read-only" status 2 c -- sh -c 'echo 1 > /proc/sys/kernel/core_pattern'
ok "sysrq is out of reach" status 2 c -- sh -c 'echo h > /proc/sysrq-trigger'
ok "a user namespace cannot be made" status 1 c -- unshare -U true
ok "which is an event with what would allow it" same "$(c --events - -- unshare -U true 2>&1 | grep '"object":"unshare"' | grep -c '"hint":"exec.nested_namespaces = true"')" 1
printf 'version = 1\nextends = "safe"\n[exec]\nnested_namespaces = true\n' >../nested.toml
ok "and can be where the policy says so" status 0 c --policy ../nested.toml -- unshare -U true
ok "nothing can be unmounted" status 32 c -- umount "$HOME/.ssh"
ok "a descriptor above 2 is closed" status 1 c -- test -e /proc/self/fd/9 9</dev/null
SECRET_TOKEN=x ok "an environment variable is not passed" same "$(SECRET_TOKEN=x c -- sh -c 'echo "$SECRET_TOKEN"')" ""
ok "a named environment variable is passed" same "$(FOO=x c --env FOO -- sh -c 'echo "$FOO"')" x
ok "an environment variable is set" same "$(c --env FOO=y=z -- sh -c 'echo "$FOO"')" y=z

if command -v perl >/dev/null; then
  perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => "sock", Listen => 5) or die; while ($a = $s->accept) { print $a "hello\n"; close $a }' &
  server=$!
  soon test -S sock
  client='use IO::Socket::UNIX; $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 7; print <$s>;'
  ok "control: the host's unix socket answers" same "$(perl -e "$client" sock)" hello
  ok "a unix socket of the host in the project is out of reach" status 7 c -- perl -e "$client" sock
  ok "its denial is an event" same "$(c --events - -- perl -e "$client" sock 2>&1 | grep -c '"object":"unix:sock"')" 1
  kill "$server"; wait "$server" 2>/dev/null
  ok "a unix socket made inside works" same "$(c -- perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => "/tmp/s", Listen => 5) or die; if (!fork) { $a = $s->accept; print $a "inside\n"; exit } $c = IO::Socket::UNIX->new(Peer => "/tmp/s") or die; print <$c>')" inside
  ok "a unix socket made inside the project works" same "$(c -- perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => "s2", Listen => 5) or die; if (!fork) { $a = $s->accept; print $a "inside\n"; exit } $c = IO::Socket::UNIX->new(Peer => "s2") or die; print <$c>')" inside
  perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 5) or die; $| = 1; print $s->sockport, "\n"; while ($a = $s->accept) { print $a "hello\n"; close $a }' >port &
  server=$!
  soon test -s port
  tcp='use IO::Socket::INET; $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or exit 7; print <$s>;'
  ok "control: the host's loopback port answers" same "$(perl -e "$tcp" "$(cat port)")" hello
  ok "the host's loopback port is out of reach" status 7 c -- perl -e "$tcp" "$(cat port)"
  ok "--net host reaches it" same "$(c --net host -- perl -e "$tcp" "$(cat port)")" hello
  kill "$server"; wait "$server" 2>/dev/null
  ok "TCP on the own loopback works" same "$(c -- perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 5) or die; if (!fork) { $a = $s->accept; print $a "inside\n"; exit } $c = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $s->sockport) or die; print <$c>')" inside
  x86=$([ "$(uname -m)" = x86_64 ] && echo 1)
  if [ -n "$x86" ]; then
    ok "io_uring_setup does not exist" same "$(c -- perl -e 'syscall(425, 8, 0); print $!+0')" 38
    ok "bpf is refused" same "$(c -- perl -e 'syscall(321, 0, 0, 0); print $!+0')" 1
    ok "keyctl is refused" same "$(c -- perl -e 'syscall(250, 0, 0); print $!+0')" 1
    ok "a call newer than the review does not exist" same "$(c -- perl -e 'syscall(470, 0); print $!+0')" 38
    ok "an x32 call does not exist" same "$(c -- perl -e 'syscall(0x40000000 + 39); print $!+0')" 38
    ok "AF_VSOCK does not exist" same "$(c -- perl -e 'socket(S, 40, 1, 0); print $!+0')" 97
    ok "AF_ALG does not exist" same "$(c -- perl -e 'socket(S, 38, 5, 0); print $!+0')" 97
    ok "a unix datagram socket pair works" same "$(c -- perl -e 'socketpair(A, B, 1, 2, 0); send(A, "x", 0); recv(B, $m, 9, 0); print $m')" x
    ok "a refused call is an event" same "$(c --events - -- perl -e 'syscall(321, 0, 0, 0)' 2>&1 | grep -c '"object":"bpf"')" 1
  else
    skip "system call numbers" "this is not x86_64"
  fi
else
  skip "sockets and system calls" "perl is not installed"
fi

fresh
ok "the exit status passes" status 7 c -- sh -c 'exit 7'
ok "127 where the command is not found" status 127 c -- no-such-command
touch plain
ok "126 where it is not executable" status 126 c -- ./plain
ok "126 where it is a directory" status 126 c -- /usr
ok "128+N after signal N" status 137 c -- sh -c 'kill -9 $$'
ok "124 after the wall time" status 124 c --limit wall=300ms -- sleep 20
ok "124 also where SIGTERM is ignored" status 124 c --limit wall=300ms -- sh -c 'trap "" TERM; while :; do sleep 0.1; done'
c -- sh -c 'sleep 431.25 & exit 0'
ok "a daemon does not survive" status 1 pgrep -f 'sleep 431.25'
"$cordon" run -- sleep 432.5 &
pid=$!
runs() { pgrep -f '^sleep 432.5' >/dev/null; }
ok "control: it runs" soon runs
kill -9 "$pid"; wait "$pid" 2>/dev/null
ok "SIGKILL of the supervisor leaves no process" soon not runs
alone() { [ "$(ls -A)" = plain ]; }
ok "SIGKILL of the supervisor leaves no placeholder" soon alone
"$cordon" run --quiet -- sh -c 'trap "exit 3" TERM; echo up; while :; do sleep 0.05; done' >../up &
pid=$!
soon grep -qs up ../up
kill "$pid"; wait "$pid"
ok "SIGTERM reaches the command" same $? 3
hail() { # signals without a pause until it has ended, twenty times
  for _ in $(seq 20); do
    : >../up
    "$cordon" run --quiet --net none -- sh -c 'trap "" USR1; echo up; exit 3' >../up &
    pid=$!
    soon grep -qs up ../up
    while kill -USR1 "$pid" 2>/dev/null; do :; done
    wait "$pid"
    same $? 3 || return 1
  done
}
ok "signals while it ends do not change the status" hail
head -c 10000000 /dev/urandom >../big
ok "10 MB pass through unchanged" same "$(c -- cat <../big | cksum)" "$(cksum <../big)"
ok "argv passes unchanged" same "$(c -- printf '%s|' 'a b' '' '$x' '*' --)" 'a b||$x|*|--|'

printf 'version = 1\nextends = "safe"\n[fs]\nallow_wrte = ["."]\n' >bad.toml
ok "125 for an unknown key" status 125 c --policy bad.toml -- true
ok "the sentence names place and nearest key" same "$(c --policy bad.toml -- true 2>&1)" "cordon: bad.toml:4:1: unknown key 'fs.allow_wrte'; did you mean 'fs.allow_write'?"
printf '{"version": 1, "extends": "safe", "fs": {"deny_read": ["plain"]}}' >p.json
ok "a JSON policy denies a file of the project" status 1 c --policy p.json -- cat plain
ok "125 for an unknown preset" status 125 c --mode sfe -- true
ok "125 for a missing project" status 125 c --project /nowhere -- true
ok "125 for an unknown limit" status 125 c --limit wal=1s -- true
ok "file-size holds" status 1 c --limit file-size=1MiB -- sh -c 'head -c 3000000 /dev/zero > f; test "$(wc -c < f)" -gt 1048576'
ok "an output that was cut is no success" status 137 c --limit output=3 -- echo 1234
ok "an exec-denied program does not run, nor its copy" status 126 c --deny-exec /usr/bin/id -- sh -c 'cp /usr/bin/id ./me; ./me; /usr/bin/id'
ok "explain says no for a secret" same "$("$cordon" explain --path "$HOME/.ssh/id" | grep -c '^read .*: denied by ~/.ssh')" 1
ok "doctor prints JSON" status 0 sh -c '"$0" doctor --json | grep -q landlock' "$cordon"
printf 'version = 1\n[fs]\nallow_write = ["."]\n[exec]\nallow = ["*"]\n' >cordon.toml
ok "prove takes the policy of this project" same "$("$cordon" prove --policy auto --cases "$(dirname "$0")/../attack/cases" --scratch "$root" --only secrets/plain | tail -n 1)" "1 hold, 0 escaped, 0 weaker, 0 untried, 0 unproven"
ok "and leaves no copy of it" same "$(find "$root" -maxdepth 1 -name '*cordon-prove*' | wc -l)" 0
rm cordon.toml
ok "a policy validates" status 0 "$cordon" policy validate p.json
# What one run leaves is not followed by the next; what the user laid elsewhere is.
fresh
mkdir ../elsewhere conf && ln -s elsewhere ../alias && echo corp >ca.pem
# shellcheck disable=SC2088  # the policy knows what ~ is
ok "an allowed path that is a link outside of what is writable" status 0 c --allow-write '~/alias' -- sh -c 'echo x >~/alias/x'
ok "an allowed path that is not there yet" status 0 c --allow-write build -- sh -c 'mkdir build && echo x >build/x'
ok "an allowed path within the project" status 0 c --allow-write build -- sh -c 'echo y >build/x; mv build b || echo z >build/z'
ln -s ../elsewhere out
ok "125 where it is a link that the command could have laid" status 125 c --allow-write out/x -- true
ok "the sentence names the link" same "$(c --allow-write out -- true 2>&1)" "cordon: the link $PWD/out lies where the command may write, so it decides what --allow-write 'out' opens; look where it leads, then name that place itself, or remove the link"
ok "so with reading" status 125 c --allow-read out -- true
ok "and the project" status 125 c --project out --allow-write "$PWD" -- true
ok "a link that the policy holds is followed" status 0 c --deny-write out --allow-read out -- true
printf 'version = 1\nextends = "safe"\n[net]\nca_bundle = "ca.pem"\n' >conf/p.toml
ok "a CA file and a policy in the project" same "$(c --policy conf/p.toml -- cat ca.pem)" corp
ok "the CA file is not the command's to change" fails c --policy conf/p.toml -- sh -c 'echo x >>ca.pem || mv ca.pem x'
ok "nor is the policy, nor what it lies in" fails c --policy conf/p.toml -- sh -c 'echo >>conf/p.toml || rm conf/p.toml || mv conf x'
printf 'version = 1\nextends = "safe"\n[net]\nca_bundle = "~/.ssh/id"\n' >p.toml
ok "a key is opened by no word about certificates" status 125 c --policy p.toml -- true
mkdir bin && cp "$cordon" "$(dirname "$cordon")/cordon-egress" bin
ok "Cordon's own programs are not the command's to change" fails bin/cordon run --quiet -- sh -c 'rm bin/cordon || rm bin/cordon-egress || mv bin x'
ok "nor is the file of events" fails c --events ev -- sh -c 'echo >>ev || rm ev'
ok "which has them" same "$(grep -c '"kind":"exit"' ev)" 1
if command -v perl >/dev/null; then
  printf 'version = 1\nextends = "safe"\n[net]\nmode = "filtered"\nallow = ["api.test:80"]\nroute = { "api.test" = "unix:~/alias/s" }\n' >p.toml
  perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => "../elsewhere/s", Listen => 5) or die; while ($a = $s->accept) { <$a>; print $a "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nrouted" }' &
  server=$!
  soon test -S ../elsewhere/s
  ok "a route to a socket behind a link of the user's" same "$(c --policy p.toml -- perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new("127.0.0.1:3128") or die; print $s "GET http://api.test/ HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n"; print <$s>' | grep -c routed)" 1
  kill "$server"; wait "$server" 2>/dev/null
fi

fresh
if landlock_only true 2>/dev/null; then
  ok "control: without user namespaces, less must be accepted" status 125 landlock_only "$cordon" run --quiet -- true
  ok "doctor names the limit that refuses user namespaces" same "$(landlock_only "$cordon" doctor | grep -c 'to get it: sysctl -w user.max_user_namespaces')" 1
  ok "the sentence names the option that does" same "$(landlock_only "$cordon" run --quiet -- true 2>&1 | grep -c -e 'cordon doctor.*--require landlock')" 1
  ok "explain says what it does not hold" same "$(landlock_only "$cordon" explain --require landlock --path .vscode | grep -c '^write .*: allowed by .vscode, which does not hold without namespaces (floor)$')" 1
  ok "and that the names in a denied directory are seen" same "$(landlock_only "$cordon" explain --require landlock --path ~/.ssh | grep -c '^read .*: denied by ~/.ssh, but for the names in it (floor)')" 1
  ok "the landlock tier denies the secret" status 1 landlock_only "$cordon" run --quiet --require landlock -- cat "$HOME/.ssh/id"
  weaker() { landlock_only "$cordon" explain --require landlock "${@:2}" | grep -qF "$1" || { landlock_only "$cordon" explain --require landlock "${@:2}"; return 1; }; }
  ok "explain knows the rules of the landlock tier" weaker "read $HOME/.ssh/id: denied by ~/.ssh (floor)" --path "$HOME/.ssh/id"
  ok "and what it does not grant" weaker 'read /nowhere: denied by not granted without namespaces (sandbox)' --path /nowhere
  ok "and what it does not hold" weaker 'absent/x: allowed by absent/x, which does not hold without namespaces (--deny-write)' --deny-write absent/x --path absent/x
  ok "which is so" status 0 landlock_only "$cordon" run --quiet --require landlock --deny-write absent/x -- sh -c 'mkdir absent && echo >absent/x'
  rm -r absent
else
  skip "the landlock tier" "user namespaces cannot be made here, so neither refused"
fi

summary
