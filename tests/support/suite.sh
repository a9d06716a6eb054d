# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the suites share: a home with an empty project to work in, the words of a test, the count at the end.
#
#   . "$(dirname "$0")/../support/suite.sh"
#   world sandbox                                      # $root, $HOME and $HOME/project, the working directory
#   ok "the exit status passes" status 7 c -- sh -c 'exit 7'
#   summary                                            # the last line
passed=0 failed=0 skipped=0

world() { # name: of the directory, which is removed at the end
  root=$(mktemp -d "/var/tmp/cordon-$1.XXXXXX")
  trap 'cd /; chmod -R u+rwx "$root" 2>/dev/null; rm -rf "$root"' EXIT
  export HOME=$root/home
  unset XDG_RUNTIME_DIR
  mkdir -p "$HOME/project" && cd "$HOME/project" || exit 1
}
ok() { # sentence, condition as a command
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}
skip() { # sentence, why
  skipped=$((skipped + 1))
  echo "SKIP $1: $2"
}
summary() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}

# Conditions; each says why it does not hold.
same() { [ "$1" = "$2" ] || { echo "  '$1' is not '$2'"; return 1; }; }
status() { # expected, command...
  local want=$1 got
  shift
  "$@" >"$root/said" 2>&1 </dev/null
  got=$?
  [ "$got" -eq "$want" ] || { echo "  status $got, not $want: $*"; head -n 3 "$root/said" | sed 's/^/  /'; return 1; }
}
fails() { not "$@" >/dev/null 2>&1 </dev/null || { echo "  succeeded: $*"; return 1; }; }
not() { ! "$@"; }
soon() { # command...: is tried for twenty seconds
  local end=$((SECONDS + 20))
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}

# Runs a command where no user namespace can be made, so that Cordon has its landlock tier alone.
landlock_only() {
  unshare --user --map-current-user --keep-caps sh -c \
    'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --ambient-caps=-all "$0" "$@"' "$@"
}
