#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What git on the host would execute in repositories made inside is set aside, or told; nothing is lost, and what is no trap stays
# as it was. Git itself is the control: without the sandbox each trap goes off. run.sh CORDON.
# suite: time=300
set -u
cordon=$1
passed=0 failed=0 skipped=0
root=$(mktemp -d /var/tmp/cordon-traps.XXXXXX)
trap 'chmod -R u+rwx "$root" 2>/dev/null; rm -rf "$root"' EXIT
export HOME=$root/home GIT_CONFIG_NOSYSTEM=1
unset XDG_RUNTIME_DIR XDG_CONFIG_HOME
mkdir -p "$HOME" "$root/elsewhere"
git config --global user.email a@example.com
git config --global user.name a
git config --global init.defaultBranch main
marker=$root/marker
export marker
# The first change inside is not in the clock tick in which what lies there was made: a tick is at most 10 ms.
settle() { sleep 0.02; }
project() { # a new one
  chmod -R u+rwx "$HOME/project" 2>/dev/null
  rm -rf "$HOME/project" "$marker" "$root/events"
  mkdir "$HOME/project" && cd "$HOME/project" || exit 1
}
ok() { # sentence, condition as a command
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}
run() { settle; timeout -s KILL 20 "$cordon" run --quiet --events "$root/events" "$@"; }
# As on a host that refuses user namespaces. Without the settings of HOME: nothing in /var/tmp but the project can be read there.
run_landlock() {
  settle
  HOME=$root/elsewhere timeout -s KILL 20 unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"' - "$cordon" run --quiet --events "$root/events" --require landlock "$@"
}
told() { # decision, object, what
  grep "\"decision\":\"$1\"" "$root/events" | grep -F "\"object\":\"$2" | grep '"rule":"fs.traps"' | grep -qF "$3" || { echo "  not told: $1 $2 $3"; return 1; }
}
untold() { ! grep '"rule":"fs.traps"' "$root/events"; }
unmarked() { [ ! -e "$marker" ]; }


trapped() { # name, where git then runs, what it runs, script: the trap goes off without the sandbox, not after it, and is told
  local name=$1 where=$2 command=$3 script=$4 tier
  project
  (umask 022; sh -c "$script") >/dev/null 2>&1
  (cd "$where" && sh -c "$command") >/dev/null 2>&1
  ok "$name: goes off without the sandbox" [ -e "$marker" ]
  for tier in run run_landlock; do
    if [ $tier = run_landlock ] && ! unshare -Ur true 2>/dev/null; then skipped=$((skipped + 1)); continue; fi
    project
    $tier --env marker -- sh -c "$script" >/dev/null 2>&1
    chmod -R u+rwx "$HOME/project"
    (cd "$where" && sh -c "$command") >/dev/null 2>&1
    ok "$name: is harmless ($tier)" unmarked
    ok "$name: is told ($tier)" told denied "$HOME/project" '"set_aside":"'
  done
}
evil='printf "[core]\n\tfsmonitor = \"touch $marker; false\"\n"'
hook='printf "#!/bin/sh\ntouch $marker\n"'
trapped "a setting of a nested repository" sub "git status" "git init -q sub; $evil >>sub/.git/config"
trapped "a setting, written as git allows it" sub "git status" 'git init -q sub; printf "[CORE]FsMonitor=\"tou\"ch\\\\\n \"$marker; fa\"lse # x\n" >>sub/.git/config'
trapped "a hook of a nested repository" sub "git commit -q --allow-empty -m x" "git init -q sub; $hook >sub/.git/hooks/pre-commit; chmod +x sub/.git/hooks/pre-commit"
trapped "a repository in a project that was none" . "git status" "git init -q .; $evil >>.git/config"
trapped "a directory that looks like a bare repository" sub "git status" \
  "mkdir -p sub/objects sub/refs; echo 'ref: refs/heads/main' >sub/HEAD; { printf '[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = \".\"\n'; $evil; } >sub/config"
trapped "a .git file that names a directory" sub "git status" "mkdir a; git init -q --separate-git-dir=\"\$PWD/a/store\" sub; $evil >>a/store/config"
trapped "a .git that is a link" sub "git status" "git init -q a; mv a/.git .store; ln -s ../.store a/.git; mv a sub; $evil >>.store/config"
trapped "a commondir" sub "git status" "git init -q a; mkdir -p sub/.git; cp a/.git/HEAD sub/.git; echo ../../a/.git >sub/.git/commondir; $evil >>a/.git/config"
trapped "the configuration of a worktree" sub "git status" "git init -q sub; cd sub; git config extensions.worktreeConfig true; $evil >>.git/config.worktree"
trapped "an included file" sub "git status" "git init -q sub; $evil >x; git -C sub config include.path ../../x"
trapped "a configuration that is a link" sub "git status" "git init -q sub; { cat sub/.git/config; $evil; } >x; ln -sf ../../x sub/.git/config"
trapped "hooks that are a link" sub "git commit -q --allow-empty -m x" "git init -q sub; rm -rf sub/.git/hooks; mkdir h; $hook >h/pre-commit; chmod +x h/pre-commit; ln -s ../../h sub/.git/hooks"
trapped "a path of hooks" sub "git commit -q --allow-empty -m x" "git init -q sub; mkdir h; $hook >h/pre-commit; chmod +x h/pre-commit; git -C sub config core.hooksPath ../h"
trapped "a filter" sub "git add a" 'git init -q sub; cd sub; echo "* filter=x" >.gitattributes; git config filter.x.clean "touch $marker; cat"; echo >a'
trapped "a directory that its owner may not change" sub "git status" "git init -q sub; $evil >>sub/.git/config; chmod 0555 sub/.git; chmod 0444 sub/.git/config"
trapped "a directory that its owner may not list" a/sub "git status" "mkdir a; git init -q a/sub; $evil >>a/sub/.git/config; chmod 0311 a/sub/.git a/sub a"
trapped "a repository below many directories" a/b/c/d/e/f/g/h/sub "git status" "git init -q a/b/c/d/e/f/g/h/sub; $evil >>a/b/c/d/e/f/g/h/sub/.git/config"
trapped "a pattern that quotes" sub "git status" "git init -q sub; $evil >>sub/.git/config; git -C sub config x.y '\"#;'"

# Links mean to git on the host what they mean there.
trapped "settings behind the reader's own directory" sub "git status" "git init -q sub; { cat sub/.git/config; $evil; } >sub/.cfg; ln -sf /proc/self/cwd/.cfg sub/.git/config"
trapped "a hook behind it" sub "git commit -q --allow-empty -m x" "git init -q sub; $hook >sub/h; chmod +x sub/h; ln -s /proc/self/cwd/h sub/.git/hooks/pre-commit"
trapped "hooks behind it" sub "git commit -q --allow-empty -m x" "git init -q sub; mkdir sub/h; $hook >sub/h/pre-commit; chmod +x sub/h/pre-commit; rm -rf sub/.git/hooks; ln -s /proc/self/cwd/h sub/.git/hooks"
trapped "a git directory behind it" sub "git status" "git init -q sub; $evil >>sub/.git/config; mv sub/.git sub/.store; echo 'gitdir: /proc/self/cwd/.store' >sub/.git"
trapped "a .git behind it" sub "git status" "git init -q sub; $evil >>sub/.git/config; mv sub/.git sub/.store; ln -s /proc/self/cwd/.store sub/.git"
mkdir "$HOME/other"
sh -c "{ printf '[core]\n\trepositoryformatversion = 0\n'; $evil; } >\"\$HOME/other/config\""
trapped "settings of another project" sub "git status" "git init -q sub; ln -sf '$HOME/other/config' sub/.git/config"
trapped "a .git file with many ends of line" sub "git status" "git init -q .; git init -q sub; $evil >>sub/.git/config; mv sub/.git .git/zz; { printf 'gitdir: ../.git/zz'; yes '' | head -n 9000; } >sub/.git"
trapped "a .git file with one in the name" sub "git status" "git init -q .; git init -q sub; $evil >>sub/.git/config; mv sub/.git '.git/z
z'; printf 'gitdir: ../.git/z\nz\n' >sub/.git"
trapped "a commondir with one in the name" sub "git status" "git init -q a; mkdir -p sub/.git 'b
b'; $evil >>a/.git/config; mv a/.git 'b
b/.git'; cp b*/.git/HEAD sub/.git; printf '../../b\nb/.git' >sub/.git/commondir"
trapped "names that were taken before" sub "git status" "git init -q sub; $evil >>sub/.git/config; cd sub/.git; mkdir -p config.cordon-clean/x config.quarantined-by-cordon; for i in \$(seq 200); do mkdir config.quarantined-by-cordon.\$i; done"
trapped "a working tree elsewhere" sub "git reset -q --hard" "git init -q sub; cd sub; echo >marker; git add marker; git -c user.name=a -c user.email=a@example.com commit -qm x; rm marker; git config core.worktree '$root'"

# name, what the host's user set up, what git then runs, script: as `trapped`, in a repository of the user's own
named() {
  local name=$1 set_up=$2 command=$3 script=$4 tier
  for tier in none run run_landlock; do
    if [ $tier = run_landlock ] && ! unshare -Ur true 2>/dev/null; then skipped=$((skipped + 1)); continue; fi
    project
    git init -q .
    sh -c "$set_up"
    if [ $tier = none ]; then sh -c "$script"; else $tier --env marker -- sh -c "$script" >/dev/null 2>&1; fi
    sh -c "$command" >/dev/null 2>&1
    if [ $tier = none ]; then ok "$name: goes off without the sandbox" [ -e "$marker" ]; continue; fi
    ok "$name: is harmless ($tier)" unmarked
    ok "$name: is told ($tier)" told denied "$HOME/project" '"set_aside":"'
  done
}
named "a file that the user's settings include" "echo '[x]' >shared; git config include.path ../shared" "git status" "$evil >>shared"
named "one that was not there" "git config include.path ../shared" "git status" "$evil >shared"
named "one that an included file includes" "printf '[include]\npath = b\n' >a; git config include.path ../a" "git status" "$evil >b"
named "a hook where the user's settings name the directory" "mkdir h; git config core.hooksPath h" "git commit -q --allow-empty -m x" "$hook >h/pre-commit; chmod +x h/pre-commit"
named "a link on the way that leads elsewhere now" "git init -q sub; mkdir old bad; cp sub/.git/config old; { cat old/config; $evil; } >bad/config; ln -s old link; ln -sf ../../link/config sub/.git/config" \
  "git -C sub status" "ln -sfn bad link"
named "a directory on the way that is another one now" "mkdir old bad; echo '[x]' >old/x; $evil >bad/x; git config include.path ../old/x" "git status" "mv old older; mv bad old"
# What was there before, but not where git runs: its change times say nothing. Of a repository's files, say, an archive's, a test's.
old="git init -q --bare files/x.git; git -C files/x.git config core.bare false; $evil >>files/x.git/config"
named "a directory that becomes a .git" "$old" "git -C sub status" "mkdir sub; mv files/x.git sub/.git"
named "a repository that lay where git keeps other things" "git init -q x; mkdir x/.git/lfs; git init -q x/.git/lfs/y; $evil >>x/.git/lfs/y/.git/config" "git -C sub status" "mv x/.git/lfs/y sub"
named "a new .git file that leads to it" "$old" "git -C sub status" "mkdir sub; echo 'gitdir: ../files/x.git' >sub/.git"
named "a new commondir, below a directory called worktrees" "$old" "git -C worktrees status" \
  "mkdir -p worktrees/.git; echo 'ref: refs/heads/main' >worktrees/.git/HEAD; echo ../../files/x.git >worktrees/.git/commondir"
named "a new worktree of it" "$old; mkdir files/x.git/worktrees" "git -C sub status" \
  "mkdir sub files/x.git/worktrees/w; cd files/x.git/worktrees/w; echo 'ref: refs/heads/main' >HEAD; echo ../.. >commondir; echo 'gitdir: ../files/x.git/worktrees/w' >../../../../sub/.git"
for tier in none run; do
  project
  git init -q .
  git config --global core.hooksPath .hooks
  script="mkdir .hooks; $hook >.hooks/pre-commit; chmod +x .hooks/pre-commit"
  if [ $tier = none ]; then sh -c "$script"; else run --env marker -- sh -c "$script" >/dev/null 2>&1; fi
  git commit -q --allow-empty -m x >/dev/null 2>&1
  git config --global --unset core.hooksPath
  if [ $tier = none ]; then ok "a hook where the settings of all repositories say: goes off without the sandbox" [ -e "$marker" ]; continue; fi
  ok "a hook where the settings of all repositories say: is harmless" unmarked
  ok "a hook where the settings of all repositories say: is told" told denied "$HOME/project/.hooks/pre-commit" '"set_aside":"'
done
# Through these git on the host would write what the command wants, where it wants.
named "a log that is a link" "git commit -q --allow-empty -m x" "git commit -q --allow-empty -m x" "ln -sf '$marker' .git/logs/HEAD"
named "logs that are a link" "git commit -q --allow-empty -m x; mkdir '$root/logs'" "git commit -q --allow-empty -m x; [ ! -e '$root/logs/HEAD' ] || mv '$root/logs/HEAD' '$marker'; rm -rf '$root/logs'" "rm -rf .git/logs; ln -s '$root/logs' .git/logs"
named "a message that is a link" "git commit -q --allow-empty -m x" "git commit -q --allow-empty -m x" "ln -sf '$marker' .git/COMMIT_EDITMSG"
named "a list of what was fetched that is a link" "git commit -q --allow-empty -m x" "git fetch -q . HEAD" "ln -sf '$marker' .git/FETCH_HEAD"
named "a rebase that executes" "git config user.name a; git config user.email a@example.com; git commit -q --allow-empty -m x; git commit -q --allow-empty -m y" "git rebase --continue" \
  "GIT_SEQUENCE_EDITOR='printf \"break\nexec touch \$marker\n\" >' git rebase -q -i HEAD~1"

bomb() { # settings of the user's own, each of which names ten times more
  git init -q .
  for level in 0 1 2 3 4 5 6 7 8 9; do
    for _ in $(seq 40); do printf '[include]\npath = inc%d\n' $((level + 1)); done >.git/inc$level
  done
  cat .git/inc0 >>.git/config
}
for tier in run run_landlock; do
  if [ $tier = run_landlock ] && ! unshare -Ur true 2>/dev/null; then skipped=$((skipped + 1)); continue; fi
  project
  bomb
  $tier -- true
  ok "settings that name others without end are read once ($tier)" [ $? -eq 0 ]
  ok "and are no trap ($tier)" untold

  project
  $tier --env marker -- sh -c "git init -q store; yes '#' | head -c 1000000 >>store/.git/config; for i in \$(seq 80); do mkdir d\$i; echo 'gitdir: ../store/.git' >d\$i/.git; done; mkdir -p a/b/c; git init -q a/b/c/sub; $evil >>a/b/c/sub/.git/config"
  ok "what is more than can be looked at ends, too ($tier)" [ $? -eq 0 ]
  (cd a/b/c/sub && git status) >/dev/null 2>&1
  ok "what then was not read is harmless ($tier)" unmarked
  ok "it is set aside as a whole ($tier)" told denied "$HOME/project/a/b/c/sub/.git\"" "as a whole"
  ok "and nothing is lost ($tier)" [ -f a/b/c/sub/.git.quarantined-by-cordon/config ]

  # What was so before stays, however unusual.
  project
  mkdir -p shared/hooks
  git init -q sub
  mv sub/.git/config shared/config
  mv sub/.git/logs shared/logs 2>/dev/null || mkdir shared/logs
  git config -f shared/config core.editor true
  rm -rf sub/.git/hooks
  printf '#!/bin/sh\n' >shared/hooks/post-commit
  chmod +x shared/hooks/post-commit
  for part in config hooks logs; do ln -s ../../shared/$part sub/.git/$part; done
  git init -q a
  mv a/.git store
  ln -s ../store a/.git
  mkdir b
  ln -s store way
  echo 'gitdir: ../way' >b/.git
  links=$(find . -type l -printf '%p %l\n' | sort)
  $tier -- sh -c 'for in in sub a; do cd $in; echo >x; git add x; git -c user.name=a -c user.email=a@example.com commit -qm x || exit; echo y >x; git -c user.name=a -c user.email=a@example.com stash -q || exit; cd ..; done' 2>/dev/null
  ok "a commit in repositories of the user's own, with links: works ($tier)" [ $? -eq 0 ]
  ok "and is no trap ($tier)" untold
  ok "and the links stay ($tier)" [ "$links" = "$(find . -type l -printf '%p %l\n' | sort)" ]
done

project
run -- sh -c "mkdir sub; ln -s '$marker' sub/FETCH_HEAD; mkdir sub/refs" && run -- sh -c 'cd sub; mkdir objects; echo "ref: refs/heads/main" >HEAD; echo "[core]" >config'
ok "a link that was there before the rest of a repository is told" told denied "$HOME/project/sub/FETCH_HEAD" link
ok "and gone" [ ! -L sub/FETCH_HEAD ]

project
bomb
settle
"$cordon" run --quiet -- sh -c 'touch ready; sleep 20' &
supervisor=$!
for _ in $(seq 400); do [ -e ready ] && break; sleep 0.05; done
others=$(pgrep -P $supervisor)
kill -9 $supervisor
wait $supervisor 2>/dev/null
for _ in $(seq 400); do
  left=''
  for pid in $others; do [ "$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null)" = Z ] || [ ! -e "/proc/$pid" ] || left=$pid; done
  [ -n "$left" ] || break
  sleep 0.05
done
ok "a killed supervisor leaves no PID 1 that looks on" [ -n "$others" -a -z "$left" ]

project
git init -q .
mkdir h
cp /bin/true h/tool
git config core.hooksPath h
run -- sh -c 'cp h/tool h/other; echo x >h/pre-commit'
ok "what is no hook stays where hooks are named" [ -x h/other ]
ok "and is not told" untold

for how in "--limit wall=500ms -- sh -c 'X; sleep 20'" "--limit output=4KiB -- sh -c 'X; yes'" "-- sh -c 'X; kill -9 \$\$'"; do
  project
  eval "run --env marker ${how/X/git init -q sub; $evil >>sub/.git/config}" >/dev/null 2>&1
  (cd sub && git status) >/dev/null 2>&1
  ok "however the command ends, the trap is harmless: $how" unmarked
  ok "and told: $how" told denied "$HOME/project/sub/.git/config" core.fsmonitor
done

project
settle
"$cordon" run --quiet --env marker -- sh -c "git init -q sub; $evil >>sub/.git/config; touch ready; sleep 20" &
for _ in $(seq 100); do [ -e ready ] && break; sleep 0.05; done
kill -9 $!
wait $! 2>/dev/null
for _ in $(seq 100); do [ -e sub/.git/config.quarantined-by-cordon ] && break; sleep 0.05; done
(cd sub && git status) >/dev/null 2>&1
ok "a killed supervisor leaves no trap" unmarked

project
run -- sh -c 'mkdir sub; printf "[core]\n\tfsmonitor = \"touch '"$marker"'; false\"\n" >sub/config' && run -- sh -c 'cd sub; mkdir objects refs; echo "ref: refs/heads/main" >HEAD'
(cd sub && git --git-dir=. --work-tree=. status) >/dev/null 2>&1
ok "a repository that was made in two runs is harmless" unmarked

project
run -- sh -c 'git init -q sub; printf "[core]\n\tfsmonitor = ./evil\n[x]\n\ty = \"a b\"\n" >>sub/.git/config; cp sub/.git/config kept'
ok "what was set aside is whole" cmp -s kept sub/.git/config.quarantined-by-cordon
ok "what is harmless stays in force" [ "$(git -C sub config x.y)" = "a b" ]
ok "the trap does not" sh -c '! git -C sub config core.fsmonitor'
ok "git finds nothing wrong" git -C sub fsck --no-progress 2>/dev/null
rm "$root/events"
run -- sh -c 'git -C sub config core.pager ./evil'
ok "what was set aside before is not lost" cmp -s kept sub/.git/config.quarantined-by-cordon
ok "the second one is beside it" [ "$(git config -f sub/.git/config.quarantined-by-cordon.1 core.pager)" = ./evil ]

project
run -- sh -c 'git init -q a; cd a; git commit -q --allow-empty -m x; git worktree add -q ../b; cd ..; git clone -q a c; git clone -q --bare a d; git -C c -c protocol.file.allow=always submodule --quiet add ../a s; git -C c commit -qm s; git -C c remote add x ../d; git -C c stash' >/dev/null 2>&1
ok "what git makes by itself is no trap" untold
ok "and stays as it is" [ -z "$(find . -name '*quarantined*' -o -name '*cordon*')" ]
ok "and works: worktree, clone, submodule" sh -c 'git -C b status && git -C c pull -q origin main && git -C c submodule status' >/dev/null

project
git init -q sub
git -C sub config filter.x.clean cat
printf '#!/bin/sh\n' >sub/.git/hooks/post-commit
chmod +x sub/.git/hooks/post-commit
run -- sh -c 'cd sub; echo >a; git add a; git commit -qm x; git checkout -qb y' >/dev/null 2>&1
ok "what the user set before is no trap, though the command works there" untold
ok "and stays" [ "$(git -C sub config filter.x.clean)" = cat ]
run -- sh -c 'git -C sub worktree add -q ../tree; cd tree; echo >b; git add b; git commit -qm y' >/dev/null 2>&1
ok "nor in a worktree that the command made of it" untold
ok "and that works" [ "$(git -C tree log -1 --format=%s)" = y ]

project
printf 'version = 1\nextends = "safe"\n[fs]\ntraps = "report"\n' >"$root/report.toml"
run --policy "$root/report.toml" --env marker -- sh -c "git init -q sub; $evil >>sub/.git/config"
ok "report: it is told" told allowed "$HOME/project/sub/.git/config" core.fsmonitor
(cd sub && git status) >/dev/null 2>&1
ok "report: it is left" [ -e "$marker" ]

project
git init -q .
printf 'version = 1\nextends = "safe"\n[fs]\ngit_config = true\n' >"$root/own.toml"
run --policy "$root/own.toml" -- git config filter.x.clean cat
ok "git_config = true: the project's own configuration is the command's" untold
ok "git_config = true: and stays" [ "$(git config filter.x.clean)" = cat ]

project
ok "the summary says what was set aside" sh -c '"$0" run -- sh -c "git init -q sub; git -C sub config core.pager x" 2>&1 | grep -q "^cordon: set aside in .*/sub/.git/config by fs.traps: core.pager; now "' "$cordon"
cd / || exit 1
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
