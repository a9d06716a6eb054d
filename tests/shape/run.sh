#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: once
exec python3 "$(dirname "$0")/shape.py" "$@"
