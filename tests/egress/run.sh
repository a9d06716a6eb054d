#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Egress through the real `cordon proxy`: run.sh CORDON. Servers, name server and clients are ours, on loopback.
# ONLY=WORDS runs the tests whose sentence has them; VERBOSE=1 shows each with its time.
set -eu
exec python3 "$(dirname "$0")/all.py" "$1"
