#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: once
# Replays every fuzz target's corpus: run.sh CORDON. What a fuzzer found once stays found.
set -u
here=$(cd "$(dirname "$0")" && pwd)
passed=0 failed=0
for replay in "$(dirname "$1")"/tests/fuzz/fuzz_replay_*; do
  [ -x "$replay" ] || continue
  name=${replay##*fuzz_replay_}
  if out=$(timeout -k 5 120 "$replay" "$here/corpus/$name" 2>&1); then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED %s: ends in\n%s\n' "$name" "$(tail -n 3 <<<"$out")"
  fi
done
[ $((passed + failed)) -gt 0 ] || { echo "FAILED: no fuzz_replay_* was built"; failed=1; }
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
