#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What Cordon itself says never drives the terminal, whatever files are called: run.sh CORDON.
for python in /usr/bin/python3 python3; do
  command -v "$python" >/dev/null && exec "$python" "$(dirname "$0")/words.py" "$1"
done
echo "SKIP words: python3 is not installed"
echo "0 passed, 0 failed, 1 skipped"
