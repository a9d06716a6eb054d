#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Egress against a bare splice proxy, squid and tinyproxy: run.sh CORDON [ROUNDS]. Rounds are interleaved, medians compared, so that what
# else the machine does meets all of them alike. Everything is on loopback; about two minutes.
set -eu
build=$(cd "$(dirname "$1")" && pwd) rounds=${2:-5}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
unset HTTP_PROXY HTTPS_PROXY http_proxy https_proxy ALL_PROXY all_proxy
for program in splice_floor load; do ${CXX:-g++} -std=c++20 -O2 -pthread "$here/$program.cpp" -o "$work/$program"; done

declare -A port pid
"$work/splice_floor" >"$work/floor" 2>"$work/floor.log" &
pid[floor]=$!
printf 'version = 1\n[net]\nallow = ["127.0.0.1:*"]\n' >"$work/policy.toml"
"$build/cordon" proxy --policy "$work/policy.toml" --events "$work/events" >"$work/cordon" &
pid[cordon]=$!
pids=("${pid[floor]}" "${pid[cordon]}")
free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
if command -v squid >/dev/null; then
  port[squid]=$(free_port)
  mkdir "$work/squid" && chmod 777 "$work" "$work/squid"
  printf 'http_port 127.0.0.1:%d\nacl all_ports port 1-65535\nhttp_access allow all\ncache deny all\naccess_log none\ncache_log %s/squid/log\npid_filename none\ncache_mem 8 MB\nmax_filedescriptors 16384\nworkers 1\n' \
    "${port[squid]}" "$work" >"$work/squid.conf"
  squid -N -f "$work/squid.conf" >/dev/null 2>&1 &
  pid[squid]=$! pids+=($!)
fi
if command -v tinyproxy >/dev/null; then
  port[tinyproxy]=$(free_port)
  printf 'Port %d\nListen 127.0.0.1\nTimeout 600\nMaxClients 5000\nAllow 127.0.0.1\nLogLevel Critical\n' "${port[tinyproxy]}" >"$work/tinyproxy.conf"
  tinyproxy -d -c "$work/tinyproxy.conf" >/dev/null 2>&1 &
  pid[tinyproxy]=$! pids+=($!)
fi
sleep 2
port[floor]=$(cat "$work/floor")
port[cordon]=$(sed -n 's/^ready http=.*:\([0-9]*\) .*/\1/p' "$work/cordon")

peers=(floor cordon)
for p in squid tinyproxy; do
  if [ -n "${pid[$p]:-}" ] && kill -0 "${pid[$p]}" 2>/dev/null; then peers+=("$p"); else echo "SKIP $p: not there, or it does not start"; fi
done
ticks() { # seconds of CPU so far, of a process and its children
  awk -v hz="$(getconf CLK_TCK)" '{sub(/.*\) /, ""); print ($12 + $13 + $14 + $15) / hz}' "/proc/$1/stat"
}
median() { sort -g | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }

declare -A result cpu
measure() { # name, arguments of load with PORT; result and the CPU seconds of the proxy, by peer
  local name=$1 p i before
  shift
  for ((i = 0; i < rounds; i++)); do
    for p in "${peers[@]}"; do
      before=$(ticks "${pid[$p]}")
      "$work/load" "${@//PORT/${port[$p]}}" >>"$work/$name.$p"
      awk -v a="$before" -v b="$(ticks "${pid[$p]}")" 'BEGIN {print b - a}' >>"$work/$name.$p.cpu"
    done
  done
  for p in "${peers[@]}"; do
    result[$name.$p]=$(median <"$work/$name.$p")
    cpu[$name.$p]=$(median <"$work/$name.$p.cpu")
  done
}
show() { # name, unit
  local p
  printf '%-22s' "$1"
  for p in "${peers[@]}"; do printf '  %s %s' "$p" "${result[$1.$p]}"; done
  printf '  %s\n' "$2"
}

measure bulk-1 bulk PORT 1 2
show bulk-1 "GiB/s, 1 tunnel"
measure bulk-32 bulk PORT 32 2
show bulk-32 "GiB/s, 32 tunnels"
measure short short PORT 2
show short "CONNECTs a second"
measure rtt rtt PORT 5000
show rtt "us, one byte there and back (median)"
for n in 1 32; do
  echo "ratio bulk-$n to the floor: $(ratio "${result[bulk-$n.cordon]}" "${result[bulk-$n.floor]}") (at least 0.85)"
  [ -z "${result[bulk-$n.squid]:-}" ] || echo "ratio bulk-$n to squid: $(ratio "${result[bulk-$n.cordon]}" "${result[bulk-$n.squid]}") (at least 2)"
  echo "cpu bulk-$n: $(awk -v c="${cpu[bulk-$n.cordon]}" -v r="${result[bulk-$n.cordon]}" 'BEGIN {printf "%.3f", c / (r * 2)}') s/GiB (at most 0.25)"
done
[ -z "${result[short.tinyproxy]:-}" ] || echo "ratio short to tinyproxy: $(ratio "${result[short.cordon]}" "${result[short.tinyproxy]}") (at least 1)"
echo "cpu short: $(awk -v c="${cpu[short.cordon]}" -v r="${result[short.cordon]}" 'BEGIN {printf "%.0f", c / (r * 2) * 1e6}') us a CONNECT (at most 100)"
echo "ratio rtt to the floor: $(ratio "${result[rtt.cordon]}" "${result[rtt.floor]}") (at most 1.1)"

# Idle tunnels: what one adds to the resident memory and to the table of descriptors, and the CPU of 3 s of silence.
resident() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }
descriptors() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }
before=$(resident "${pid[cordon]}") files=$(descriptors "${pid[cordon]}")
mkfifo "$work/hold"
"$work/load" idle "${port[cordon]}" 2000 <"$work/hold" >"$work/idle" &
pids+=($!)
exec 9>"$work/hold"
for ((i = 0; i < 300; i++)); do grep -q open "$work/idle" && break; sleep 0.1; done
sleep 1
cpu_before=$(ticks "${pid[cordon]}")
sleep 3
awk -v r="$(resident "${pid[cordon]}")" -v b="$before" -v f="$(descriptors "${pid[cordon]}")" -v g="$files" -v c="$(ticks "${pid[cordon]}")" -v d="$cpu_before" \
  'BEGIN {printf "idle, 2,000 tunnels: %.1f KiB resident each (at most 12), %.2f descriptors each (2), %.2f s CPU in 3 s (0)\n", (r - b) / 2000, (f - g) / 2000, c - d}'
exec 9>&-
