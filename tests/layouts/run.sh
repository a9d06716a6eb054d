#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Unusual layouts of home, project and git, each with its defined result: run.sh CORDON. What counts is what the host sees.
set -u
cordon=$1
. "$(dirname "$0")/../support/suite.sh"
world layouts
base=$root plain=''
if [ "$(id -u)" -eq 0 ]; then # a place that is no mount point's neighbour and that is not made private inside
  plain=$(mktemp -d /srv/cordon-layouts.XXXXXX)
  trap 'cd /; chmod -R u+rwx "$base" "$plain" 2>/dev/null; rm -rf "$base" "$plain"' EXIT
fi
export GIT_CONFIG_NOSYSTEM=1

c() { timeout 30 "$cordon" run --quiet "$@"; }
fresh() {
  cd / && rm -rf "${layout:?}/home" && mkdir -p "$layout/home/.ssh" "$layout/home/project" && echo secret >"$layout/home/.ssh/id"
  export HOME=$layout/home
  cd "$HOME/project" || exit 1
}
repository() { git init -q . && git config user.email a@b.c && git config user.name n; }
commit='echo $$ >>file && git add file && git commit -qm one'

cases() {
  # The second wall: what the host puts under a denied name meanwhile.
  fresh
  mkfifo ../fifo
  mkdir ../dir && mkfifo ../dir/fifo && echo v >../dir/visible
  ok "a file beside the project is readable" same "$(c -- cat ../dir/visible)" v
  ok "a file beside the project is not writable" fails c -- sh -c 'echo x >../dir/visible'
  ok "a FIFO beside the project cannot be written" fails c -- timeout 2 sh -c 'echo x >>../fifo'
  (c -- sh -c 'echo ready; read -r x; cat ~/.ssh/id ~/.aws/credentials' >out 2>/dev/null < <(
    soon grep -qs ready out
    mv ~/.ssh ~/.ssh.old; mkdir ~/.ssh ~/.aws; echo secret >~/.ssh/id; echo secret >~/.aws/credentials; echo go)) || true
  ok "a secret that the host replaces or makes meanwhile stays unreadable" same "$(cat out)" ready
  ok "control: the host did replace it" same "$(cat ~/.ssh/id ~/.aws/credentials)" "$(printf 'secret\nsecret')"

  # Where the project lies.
  fresh && cd "$HOME" || exit 1
  ok "home as the implicit project starts" status 0 c -- true
  ok "home as the implicit project is not writable" fails c -- sh -c 'echo x >new'
  ok "home as the named project is writable" status 0 c --project . -- sh -c 'echo x >new'
  ok "its secrets stay unreadable" fails c --project . -- cat .ssh/id
  ok "its absent start-up files cannot be made" fails c --project . -- sh -c 'echo x >.bashrc'
  ok "its absent secrets cannot be made" fails c --project . -- sh -c 'mkdir -p .config && echo x >.config/gh'
  ok "no placeholder is left in home" same "$(ls -A)" "$(printf '.ssh\nnew\nproject')"
  ok "allow_write ~ protects home's start-up files" fails c --allow-write '~' -- sh -c 'echo x >~/.profile'
  ok "/ as the project starts" status 0 c --project / -- true
  ok "/ as the project is not writable" fails c --project / -- sh -c 'echo x >/usr/cordon-new'
  fresh && mkdir ../.ssh/p && cd ../.ssh/p || exit 1
  ok "a project inside a denied place is refused" status 125 c -- true
  ok "and starts where it is opened" status 0 c --allow-read . -- true
  fresh
  if [ "$(id -u)" -ne 0 ]; then
    mkdir kept && chmod 555 kept && cd kept || exit 1
    ok "a project that the user may not write starts, read-only" status 0 c -- true
    ok "and stays so" fails c -- sh -c 'chmod 755 . ; echo x >new'
    ok "explain says so" same "$("$cordon" explain --path new | grep -c '^write .*: denied')" 1
    cd ..
  fi
  fresh
  ok "a relative project with .. is resolved" same "$(c --project ../project/../project -- pwd)" "$PWD"
  ln -s project ../alias
  ok "a project through a symlink is the directory itself" status 0 c --project ../alias -- sh -c 'echo x >via-alias'

  # What is denied.
  fresh && mkdir -p sub/deep && echo d >sub/deep/file && echo d >plain && ln -s plain link && ln -s /nowhere/else dangling && ln -s sub/missing inner
  ok "a deny on a file" fails c --deny-write plain -- sh -c 'echo x >plain'
  ok "nor can it be replaced" fails c --deny-write plain -- sh -c 'echo x >new && mv new plain || { rm -f new; exit 1; }'
  ok "nor its parents moved" fails c --deny-write sub/deep/file -- mv sub sub2
  ok "a deny on a missing path" fails c --deny-write no/such/path -- sh -c 'mkdir -p no/such && echo x >no/such/path'
  ok "a deny on a symlink holds for its target" fails c --deny-write link -- sh -c 'echo x >plain'
  ok "and for the link itself" fails c --deny-write link -- sh -c 'rm -f link; echo x >link; test ! -L link && test -e link'
  ok "which still reads" same "$(c --deny-write link -- cat link)" d
  ok "a dangling link is held" fails c --deny-write dangling -- sh -c 'rm -f dangling && echo x >dangling'
  ok "a link to a missing place in the project is held at both ends" fails c --deny-write inner -- sh -c 'echo x >sub/missing'
  ok "nothing changed" same "$(cat plain sub/deep/file; readlink link dangling inner)" "$(printf 'd\nd\nplain\n/nowhere/else\nsub/missing')"
  ok "a glob" fails c --deny-read 'sub/**/file' -- cat sub/deep/file
  ok "what matches a glob only later is told at the end" same "$("$cordon" run --deny-read 'sub/**/*.key' -- sh -c 'echo k >sub/deep/new.key' 2>&1)" "cordon: $PWD/sub/deep/new.key came to match sub/**/*.key (--deny-read) while the command ran, which did not deny it"
  ok "what matched at the start is not" same "$("$cordon" run --deny-read 'sub/**/*.key' -- sh -c 'echo >x' 2>&1)" ""
  ok "it is an event" same "$(c --events - --deny-read 'sub/**/*.key' -- sh -c 'echo k >sub/another.key' 2>&1 | grep '"late":true' | grep -c '"kind":"file.read","decision":"allowed"')" 1
  rm -f sub/deep/new.key sub/another.key x
  chmod 000 sub/deep
  ok "a denied path that cannot be looked at in a writable place is held, or the start is refused" status "$([ "$(id -u)" -eq 0 ] && echo 0 || echo 125)" c --deny-read sub/deep/file -- true
  chmod 755 sub/deep
  ok "a writable path that does not exist does not stop the start" status 0 c --allow-write ~/absent -- true
  mkdir ../store && echo alias >../store/rc && ln -s store/rc ../.bashrc && ln -s .ssh ../keys
  ok "a dotfile that is a symlink starts and reads" same "$(c -- cat ~/.bashrc)" alias
  ok "a secret behind a symlinked name" fails c -- cat ~/keys/id
  ok "no placeholder is left" same "$(ls -A)" "$(printf 'dangling\ninner\nlink\nplain\nsub')"
  mkdir -m 01555 .vscode
  ok "a stale mark of another run counts as absent" status 0 c -- true
  ok "and is gone afterwards" fails test -e .vscode

  command -v git >/dev/null || { skip "git" "git is not installed"; return; }
  fresh && repository
  ok "git commit" status 0 c -- sh -c "$commit"
  ok "git says nothing odd" same "$(c -- git status --porcelain 2>&1)" ""
  ok "git worktree add inside" status 0 c -- sh -c 'git worktree add -q tree && cd tree && echo 1 >b && git add b && git commit -qm two'
  ok "a worktree's commondir is held" fails c -- sh -c 'echo ../../../evil >.git/worktrees/tree/commondir'
  ok "git init and clone inside" status 0 c -- sh -c 'git init -q nested && git clone -q . copy'
  git config extensions.worktreeConfig true
  ok "an absent config.worktree that git would read cannot be made" fails c -- sh -c 'echo x >.git/config.worktree'
  ok "nor be put in its place" fails c -- sh -c 'echo x >n; mv n .git/config.worktree || { rm .git/config.worktree && mv n .git/config.worktree; }'
  rm -f n
  ok "git works beside it" status 0 c -- sh -c 'git status --porcelain && echo 2 >>file && git commit -qam three'
  ok "git on the host as well, meanwhile" same "$(c -- sh -c 'echo up >up; while [ ! -e seen ]; do sleep 0.05; done' & soon test -e up; git status --porcelain up 2>&1; touch seen; wait; rm -f up seen)" '?? up'
  ok "and it is gone at the end" fails test -e .git/config.worktree
  git worktree add -q ../second
  ok "nor can a worktree's, from the main one" fails c -- sh -c 'echo x >.git/worktrees/second/config.worktree'
  git worktree remove --force ../second
  "$cordon" run --quiet -- sleep 60 &
  pid=$!
  ok "control: it is there while a command runs" soon test -e .git/config.worktree
  kill -9 $pid
  wait $pid 2>/dev/null
  absent() { [ ! -e .git/config.worktree ]; }
  ok "it is gone after SIGKILL, too" soon absent
  : >.git/config.worktree && chmod 1444 .git/config.worktree
  ok "what a crash left is taken and removed" status 0 c -- git status
  ok "so it is gone" absent
  printf '[EXTENSIONS]\n\tWorktreeConfig\n' >>.git/config
  ok "the extension is known however it is written" fails c -- sh -c 'echo x >.git/config.worktree'
  git config --unset extensions.worktreeConfig
  fresh && repository && git commit -q --allow-empty -m zero && git worktree add -q ../linked
  cd ../linked || exit 1
  ok "git commit in a linked worktree" status 0 c -- sh -c "$commit"
  ok "its real hooks are held" fails c -- sh -c 'echo x >../project/.git/hooks/post-commit'
  ok "its real config is held" fails c -- git config core.fsmonitor ./evil
  ok "its .git file is held" fails c -- sh -c 'rm -f .git; mkdir .git'
  fresh && mkdir ../sub && (cd ../sub && repository && git commit -q --allow-empty -m s) && repository
  git -c protocol.file.allow=always submodule --quiet add ../sub sub >/dev/null 2>&1 && git commit -qm sub
  git -C sub config user.email a@b.c && git -C sub config user.name n
  ok "a submodule's config is held" fails c -- git -C sub config core.fsmonitor ./evil
  ok "a submodule's .git file is held" fails c -- sh -c 'rm -f sub/.git; mkdir sub/.git'
  ok "git commit in a submodule" status 0 c -- sh -c "cd sub && $commit"
  cd sub || exit 1
  ok "git commit with the submodule as the project" status 0 c -- sh -c "$commit"
  ok "where its real config is held" fails c -- git config core.fsmonitor ./evil
  fresh && repository && mv .git data && ln -s data .git
  ok ".git as a symlink within the project starts, and git commit works" status 0 c -- sh -c "$commit"
  ok "its config is held" fails c -- sh -c 'echo x >>.git/config'
  ok "and so is the link" fails c -- sh -c 'rm -f .git && mkdir .git'
  fresh && mkdir ../other && (cd ../other && repository) && ln -s ../other/.git .git
  ok ".git as a symlink out of the project starts" status 0 c -- true
  ok "what it names is not writable" fails c -- sh -c 'echo x >.git/planted'
  fresh && git init -q --bare .
  ok "a bare repository as the project: its hooks are held" fails c -- sh -c 'echo x >hooks/post-update'
  ok "and its config" fails c -- git config core.fsmonitor ./evil
}

for layout in "$base" $plain; do cases; done

layout=$base
fresh
mkdir bin && cp "$(command -v cat)" bin/other && echo text >file
sh=$(command -v sh)
explained() { "$cordon" explain "${@:2}" 2>&1 | grep -qF "$1" || { echo "  explain ${*:2}: $("$cordon" explain "${@:2}" 2>&1)"; return 1; }; }
ok "explain looks a program's name up in PATH" explained '/cat: denied by cat (--deny-exec)' --deny-exec cat --exec cat
ok "explain knows that what is not there cannot be made writable" explained 'write /nowhere/x: denied by /nowhere/x, which does not exist at the start' --allow-write /nowhere/x --path /nowhere/x
ok "explain tells by its status that all of it is allowed" status 0 "$cordon" explain --path file
ok "and that something is denied" status 1 "$cordon" explain --path /usr
ok "and whether a program may run" status 1 "$cordon" explain --deny-exec cat --exec cat
ok "a path to be written that is not there is told" same "$(timeout 30 "$cordon" run --allow-write ../absent -- sh -c 'mkdir ../absent 2>/dev/null || echo no' 2>&1)" $'no\ncordon: --allow-write ../absent allows nothing: it does not exist; make it first'
mkdir -p a/b/c/d && echo 1 >a/b/key && echo 2 >a/b/c/d/key
ok "a pattern holds where it was looked for" fails c --deny-read '**/key' -- cat a/b/key
ok "control: and not below" same "$(c --deny-read '**/key' -- cat a/b/c/d/key)" 2
ok "explain says so of the one" explained 'key: denied by **/key (--deny-read)' --deny-read '**/key' --path a/b/key
ok "and of the other" explained 'key: allowed by **/key, which matched nothing there at the start or does not reach so deep' --deny-read '**/key' --path a/b/c/d/key
mkdir -p g/c/b/r && echo 1 >g/c/b/w && echo 2 >g/c/b/r/x && echo 3 >g/c/b/secret
ok "what an option opens for writing in a denied directory is written" status 0 c --deny-read g/c --allow-write g/c/b/w -- sh -c 'echo 4 >>g/c/b/w'
ok "the way there is not listed" fails c --deny-read g/c --allow-write g/c/b/w -- ls g/c/b
ok "explain says so" explained 'g/c/b: denied by g/c (--deny-read)' --deny-read g/c --allow-write g/c/b/w --path g/c/b
ok "unless it is opened, too" same "$(c --deny-read g/c --allow-write g/c/b/w --allow-read g/c/b -- sh -c 'ls g/c/b; echo 5 >>g/c/b/w; rm g/c/b/secret 2>/dev/null || tail -n 1 g/c/b/w')" $'r\nsecret\nw\n5'
ok "exec.allow: what is listed runs" status 0 c --allow-exec sh -- sh -c 'echo works'
ok "exec.allow: what is not listed does not" status 126 c --allow-exec sh -- sh -c 'cat file'
ok "nor a copy" status 126 c --allow-exec sh -- sh -c 'bin/other file'
ok "nor through the loader" fails c --allow-exec sh -- sh -c 'for l in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do [ -e $l ] && $l ./bin/other file; done'
ok "nor the program itself through the loader" fails c --allow-exec sh -- sh -c 'for l in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do [ -e $l ] && $l /bin/cat file; done'
printf '#!%s\necho script\n' "$sh" >script && chmod +x script
ok "nor a script" status 126 c --allow-exec sh -- sh -c ./script
ok "exec.allow of a directory of the project" status 0 c --allow-exec sh --allow-exec ./bin -- sh -c 'bin/other file'
if command -v python3 >/dev/null; then
  ok "control: a memory file runs without an allow-list" status 0 c -- python3 -c 'import os; f = os.memfd_create("m", 0); os.write(f, open("/bin/true", "rb").read()); os.execve(f, ["true"], {})'
  ok "nor a memory file" fails c --allow-exec python3 -- python3 -c 'import os; f = os.memfd_create("m", 0); os.write(f, open("/bin/true", "rb").read()); os.execve(f, ["true"], {})'
  ok "nor a file in /dev/shm through the loader" fails c --allow-exec python3 -- python3 -c 'import os, shutil; shutil.copy("/bin/true", "/dev/shm/t"); os.execve("/lib64/ld-linux-x86-64.so.2", ["ld", "/dev/shm/t"], {})'
fi
ok "exec.deny: no copy can be made" fails c --deny-exec cat -- sh -c 'cp "$(command -v cat)" mine'

ok "secrets-like names do not pass by a pattern" same "$(MY_TOKEN=x MY_PLAIN=y c --env 'MY_*' -- sh -c 'echo "$MY_TOKEN$MY_PLAIN"')" y
ok "a cache can be written where home has none" status 0 c -- sh -c 'mkdir -p "$XDG_CACHE_HOME/x" && echo 1 >"$XDG_CACHE_HOME/x/y"'
mkdir ~/.cache
ok "the cache of home is private" status 0 c -- sh -c 'echo x >~/.cache/planted'
ok "and left as it was" same "$(ls -A ~/.cache)" ""
ok "doctor ends with a verdict" same "$("$cordon" doctor | grep -c '^=> ')" 1
ok "explain --host decides" same "$("$cordon" explain --net filtered --allow-host example.com --host example.com | grep -c "^connect .*: allowed")" 1
ok "explain --host denies" same "$("$cordon" explain --net filtered --host example.com:22 | grep -c "^connect .*: denied")" 1

summary
