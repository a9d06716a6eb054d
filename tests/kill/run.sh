#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: time=5400
# Each of our processes is killed at each step of each: run.sh CORDON. A sample of 25 s with its seed, or all with CORDON_CHECK=1.
exec "$(dirname "$0")/../torture/run.sh" "$1" kill
