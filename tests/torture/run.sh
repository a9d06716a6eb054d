#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: time=5400
# Every system call of our processes fails in turn: run.sh CORDON. A sample of 25 s with its seed, or all with CORDON_CHECK=1.
set -u
cordon=$1
bin=$(dirname "$cordon")
mode=${2:-fail}
[ -x "$bin/cordon-torture" ] || { echo "SKIP $mode: the tracer knows x86-64 alone"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
if [ "$mode" = fail ] && grep -qaE '__(a|t)san_init' "$cordon"; then
  echo "SKIP $mode: a failing call of a sanitizer's run time ends the process without a sentence"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi
place=/var/tmp
[ "$(id -u)" -ne 0 ] || place=/srv  # nothing private lies over it
scratch=$(mktemp -d "$place/cordon-$mode.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
sample=(25 "${SEED:-$RANDOM}")
[ -z "${CORDON_CHECK:-}" ] || sample=()
"$bin/cordon-torture" "$mode" "$cordon" "$bin/cordon-probe" "$scratch" "${sample[@]}"
