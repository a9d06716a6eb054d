#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: once check time=3600
# Two builds of one source in different folders are byte-identical.
set -u
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d /var/tmp/cordon-reproducible.XXXXXX)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
for place in "$work/a" "$work/another/folder"; do
  mkdir -p "$place"
  (cd "$source" && tar cf - --exclude=./build --exclude=./.git .) | tar xf - -C "$place"
  (cd "$place" && cmake --preset release -DCORDON_TESTS=OFF && ninja -C build/release installed) >"$work/log" 2>&1 || { tail -n 20 "$work/log"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
done
for file in cordon cordon-egress cordon-probe libcordon.so; do
  [ -e "$work/a/build/release/$file" ] || continue
  if cmp "$work/a/build/release/$file" "$work/another/folder/build/release/$file"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $file differs between two folders"
  fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
