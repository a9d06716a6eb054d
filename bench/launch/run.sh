#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a start costs: run.sh CORDON. bubblewrap gets the same namespaces and the mounts of Cordon's own plan; both run `true`.
set -eu
cordon=$1
build=$(dirname "$cordon")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d /var/tmp/cordon-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home
mkdir -p "$HOME/project" "$HOME/.ssh"
c++ -O2 -std=c++23 "$here/../support/race.cpp" -o "$work/race"
c++ -O2 -std=c++23 "$here/library.cpp" -I "$here/../../include" -L "$build" -lcordon -Wl,-rpath,"$build" -o "$work/library"
cd "$HOME/project"
mapfile -d '' bwrap < <("$cordon" explain --json -- true | python3 -c '
import json, sys
args = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--ro-bind", "/", "/"]
for m in json.load(sys.stdin)["mounts"]:
    to, source = m["target"], m["source"] or m["target"]
    args += {"tmpfs": ["--perms", "0" + m["mode"], "--tmpfs", to], "bind_rw": ["--bind", source, to], "bind_ro": ["--ro-bind", source, to],
             "mask_dir": ["--perms", "0000", "--tmpfs", to], "hole_dir": ["--perms", "0111", "--tmpfs", to],
             "empty_dir": ["--tmpfs", to, "--remount-ro", to], "mask_file": ["--ro-bind", "/dev/null", to],
             "dev": ["--dev", to], "proc": ["--proc", to]}.get(m["kind"], [])
sys.stdout.write("".join(a + "\0" for a in args))
')
ours=("$cordon" run --quiet --net none '-\-' true)
# What Cordon makes for the while of a run must be there for bubblewrap too.
"$cordon" explain --json -- true | python3 -c '
import json, os, sys
for p in json.load(sys.stdin)["placeholders"]: os.makedirs(p["path"], exist_ok=True)'
theirs=("${bwrap[@]}" true)
"${theirs[@]}"
rounds=${ROUNDS:-100}
echo "$(bwrap --version); Linux $(uname -r); $(nproc) processors; $(id -un)"
echo "one start (aim 0.65):                  $("$work/race" "$rounds" 1 -- "${ours[@]}" -- "${theirs[@]}")"
echo "eight at once (aim 0.60):              $("$work/race" "$((rounds / 4))" 8 -- "${ours[@]}" -- "${theirs[@]}")"
space=(unshare -m)
[ "$(id -u)" -eq 0 ] || space=(unshare -Um --map-current-user --keep-caps)
# shellcheck disable=SC2016  # expanded inside
if "${space[@]}" true 2>/dev/null; then
  echo "one start, 200 more mounts on the host: $("${space[@]}" sh -c 'mkdir "$0"; for i in $(seq 200); do mkdir "$0/$i"; mount -t tmpfs none "$0/$i" || exit 1; done; exec "$@"' \
    "$work/mounts" "$work/race" "$((rounds / 4))" 1 -- "${ours[@]}" -- "${theirs[@]}")"
fi
"$work/library" "$cordon"
