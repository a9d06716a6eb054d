#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: time=1800
# Real clients inside the sandbox, unchanged, against local servers that play the hosts: run.sh CORDON. Each direct and behind squid
# as upstream. The hosts have a network and a hosts file of their own, so that they serve on ports 80 and 443.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cordon=$1
hosts=$(mktemp)
trap 'rm -f "$hosts"' EXIT
chmod 644 "$hosts"
printf '127.0.0.1 %s\n' localhost web.test git.test npm.test pypi.test crates.test deb.test other.test >"$hosts"
space=(unshare -mn)
[ "$(id -u)" -eq 0 ] || space=(unshare -Umn --map-current-user --keep-caps)
enter() { # command...
  # shellcheck disable=SC2016  # expanded inside
  "${space[@]}" sh -c 'mount --bind "$0" /etc/hosts && ip link set lo up && echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start &&
    exec setpriv --inh-caps=-all --ambient-caps=-all "$@"' "$hosts" "$@"
}
if ! why=$(enter true 2>&1); then
  echo "SKIP network: no network and hosts file of its own here: $why"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi
export PYTHONPATH=$here/../egress PYTHONDONTWRITEBYTECODE=1
enter python3 "$here/clients.py" "$cordon"
