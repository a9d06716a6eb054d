#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: check time=1800
# 2,000 idle and 200 busy tunnels through the real `cordon proxy`: run.sh CORDON [SECONDS]. Bytes are equal by hash, memory stays flat.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PYTHONPATH=$here/../egress PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/soak.py" "$1" "${2:-120}"
