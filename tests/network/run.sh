#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real clients through egress, against local servers that play the hosts: run.sh CORDON. Each direct and behind squid as upstream.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PYTHONPATH=$here/../egress PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/clients.py" "$1"
