#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: time=900
# Plan against reality: what `cordon explain` says of a path is what a process experiences. run.sh CORDON [SEED]
command -v python3 >/dev/null || { echo "SKIP reality: python3 is not installed"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
exec python3 "$(dirname "$0")/reality.py" "$@"
