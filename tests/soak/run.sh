#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: time=3600
# Launches in a row and eight at once: run.sh CORDON. 300 of them, or 10,000 with CORDON_CHECK=1. Nothing may grow.
set -u
cordon=$1
launches=300
[ -z "${CORDON_CHECK:-}" ] || launches=10000
passed=0 failed=0
root=$(mktemp -d /var/tmp/cordon-soak.XXXXXX)
trap 'rm -rf "$root"' EXIT
export HOME=$root/home
mkdir -p "$HOME/.ssh" "$HOME/project" && cd "$HOME/project" || exit 1
echo secret >"$HOME/.ssh/id"
same() { if [ "$2" = "$3" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $1: '$2' became '$3'"; fi; }
files() { find "$root" | sort | cksum; }
mounts() { grep -c "$root" /proc/self/mountinfo; }
# What has this variable is ours: other suites run beside us.
launch() { SOAK=$root "$cordon" run --quiet --env SOAK -- "$@"; }
processes() { grep -lsF "SOAK=$root" /proc/[0-9]*/environ 2>/dev/null | wc -l; }
descriptors() { find "/proc/$$/fd" -mindepth 1 | wc -l; }
groups() { find /sys/fs/cgroup -maxdepth 6 -type d -name 'cordon*' -empty 2>/dev/null | wc -l; }
before="$(files) $(mounts) $(groups)"
fds=$(descriptors) started=$(date +%s%N) wrong=0
for ((i = 0; i < launches; i++)); do launch /bin/true || wrong=$((wrong + 1)); done
same "launches that failed" 0 "$wrong"
same "files, mounts and control groups after $launches launches" "$before" "$(files) $(mounts) $(groups)"
same "our descriptors" "$fds" "$(descriptors)"
echo "$launches launches in a row, $(((($(date +%s%N) - started) / launches) / 1000)) us each"

each=$((launches / 8)) pids=()
for n in 1 2 3 4 5 6 7 8; do
  (bad=0; for ((i = 0; i < each; i++)); do [ "$(launch /bin/sh -c "echo $n")" = "$n" ] || bad=$((bad + 1)); done; exit "$((bad > 0))") &
  pids+=($!)
done
wrong=0
for p in "${pids[@]}"; do wait "$p" || wrong=$((wrong + 1)); done
same "eight at once in one project: streams of launches that failed" 0 "$wrong"
for _ in $(seq 50); do [ "$before" = "$(files) $(mounts) $(groups)" ] && [ "$(processes)" -eq 0 ] && break; sleep 0.02; done
same "files, mounts and control groups after eight at once" "$before" "$(files) $(mounts) $(groups)"
same "processes that are left" 0 "$(processes)"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
