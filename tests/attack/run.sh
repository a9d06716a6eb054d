#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: time=900
# Every attack of cases/ against both tiers: run.sh CORDON. An attack that fails without a sandbox too proves nothing and is a
# failure here; what a tier does not promise (a case says so and why) and got through is listed as a skip.
set -u
cordon=$1
here=$(cd "$(dirname "$0")" && pwd)
passed=0 failed=0 skipped=0
place=/var/tmp
[ "$(id -u)" -ne 0 ] || place=/srv  # nothing private lies over it
scratch=$(mktemp -d "$place/cordon-attack.XXXXXX")
offline=$(mktemp -d)
trap 'chmod -R u+rwx "$scratch" 2>/dev/null; rm -rf "$scratch" "$offline"' EXIT
export HOME=$scratch
cd "$scratch" || exit 1

# A root's control shall not be able to reach a process of this machine: its processes are numbered apart.
apart() {
  if [ "$(id -u)" -eq 0 ]; then unshare --pid --fork --mount-proc --kill-child "$@"; else "$@"; fi
}

# User namespaces refused, as in most containers: nobody may make one in a chroot(2); a limit of its own does it for a user.
without_user_namespaces() {
  if [ "$(id -u)" -eq 0 ]; then
    apart sh -c 'mkdir "$0/root" && mount --rbind / "$0/root" && exec chroot "$0/root" "$@"' "$scratch" "$@"
    rmdir "$scratch/root"
  else
    unshare --user --map-current-user --keep-caps sh -c \
      'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --ambient-caps=-all "$0" "$@"' "$@"
  fi
}

suite() { # tier, directory of the attacks, options for all of them, command...
  local tier=$1 cases=$2 options out
  read -ra options <<<"$3"
  shift 3
  out=$("$@" prove "${options[@]}" --require "$([ "$tier" = landlock ] && echo any || echo namespaces)" --cases "$cases" --scratch "$scratch" --verbose --jobs 3 ${ONLY:+--only "$ONLY"} 2>&1)
  grep -qF "against the tier \`$tier\`" <<<"$out" || { failed=$((failed + 1)); echo "FAILED: the tier is not $tier: $out"; return; }
  passed=$((passed + $(grep -c '^  holds ' <<<"$out")))
  failed=$((failed + $(grep -cE '^  (ESCAPED|unproven) ' <<<"$out")))
  skipped=$((skipped + $(grep -cE '^  (untried|WEAKER) ' <<<"$out")))
  sed -nE "s/^  (ESCAPED|unproven) +/FAILED: $tier: \1 /p; s/^  untried +/SKIP $tier: /p; s/^  WEAKER +/SKIP $tier does not promise: /p" <<<"$out"
  tail -n 1 <<<"$out"
  [ -z "$(ls -A "$scratch")" ] || { failed=$((failed + 1)); echo "FAILED: left behind: $(ls -A "$scratch")"; }
}
cases=$offline/all
cp -R "$here/cases" "$cases"
if ldd "$cordon" 2>/dev/null | grep -q '=>'; then  # a build with sanitizers or for coverage; what ships is static
  rm "$cases/environment/loader"
  skipped=$((skipped + 1))
  echo "SKIP environment/loader: of a program that is not static the loader itself says what it was told"
fi
suite namespaces "$cases" '' apart "$cordon"
suite landlock "$cases" '' without_user_namespaces "$cordon"
# The walls of a command without any network are others.
if [ -z "${ONLY:-}" ]; then
  mkdir -p "$offline/none/network"
  grep -L '^# options:.*--net' "$cases/network"/* | xargs -d '\n' cp -t "$offline/none/network"
  suite namespaces "$offline/none" '--net none' apart "$cordon"
  suite landlock "$offline/none" '--net none' without_user_namespaces "$cordon"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
