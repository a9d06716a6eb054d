#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: once
# `cordon explain` of the network. --host over the rule table that the filter and its reference decision are tested with: run.sh CORDON.
set -u
cordon=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$(dirname "$0")/../support/suite.sh"
world explain
work=$root

# Splits at tabs, and keeps empty cells: read(1) would join them.
cells() { local IFS=$'\x1f'; read -r -a cell <<<"${1//$'\t'/$'\x1f'}"; }
decides() { # expected, rule: what $out and $status say
  local allowed rule='' want=0
  case $1 in
    error) same "$status" 125; return ;;
    allowed) allowed=true rule="$2 (--allow-host)" ;;
    denied) want=1 allowed=false rule=${2:+$2 (--deny-host)} ;;
    *) echo "  unknown decision '$1'"; return 1 ;;
  esac
  same "$status" $want || return 1
  [[ $out == *"\"allowed\":$allowed"* && ( -z $rule || $out == *"\"rule\":\"$rule\""* ) ]] || { echo "  status $status, $out"; return 1; }
}
columns=''
while IFS= read -r line; do
  [[ $line == \#* ]] && continue
  [ -n "$columns" ] || { columns=$line; continue; }
  cells "$line"
  # No argument holds a NUL, and an empty --host is none.
  [[ ${cell[3]} == *\\x00* || -z ${cell[3]} ]] && continue
  # The rule of such a name allows, the address that it always has does not: asked below.
  [[ ${cell[3]} == localhost && ${cell[2]} == no ]] && continue
  printf 'version = 1\n[net]\nmode = "filtered"\nprivate_addresses = %s\n' "$([ "${cell[2]}" = yes ] && echo true || echo false)" >"$work/policy.toml"
  options=()
  for kind in allow deny; do
    [ $kind = allow ] && list=${cell[0]} || list=${cell[1]}
    IFS=, read -r -a rules <<<"$list"
    for rule in "${rules[@]}"; do options+=("--$kind-host" "$(printf '%b' "$rule")"); done
  done
  out=$("$cordon" explain --policy "$work/policy.toml" "${options[@]}" --host "$(printf '%b' "${cell[3]}"):${cell[4]}" --json 2>&1)
  status=$?
  ok "$line" decides "${cell[5]}" "$(printf '%b' "${cell[6]:-}")"
done <"$here/../data/host_rules.tsv"

says() { # expected, arguments...
  local expected=$1
  shift
  ok "explain $*" same "$("$cordon" explain "$@" 2>&1)" "$expected"
}
printf 'version = 1\n[net]\nmode = "filtered"\nallow = ["*.example.com"]\n' >"$work/policy.toml"
says "connect a.example.com:443: allowed by *.example.com ($work/policy.toml:4:10)" --policy "$work/policy.toml" --host A.example.com.
says "connect example.com:22: denied by no rule allows it; allow with --allow-host example.com:22" --policy "$work/policy.toml" --host example.com:22
says "connect 127.0.0.1:443: denied by loopback address; allow with --allow-host 127.0.0.1:443" --policy "$work/policy.toml" --allow-host '*' --host 2130706433
says "connect example.com:443: denied by net.mode = none; allow with --net filtered --allow-host example.com:443" --policy "$work/policy.toml" --net none --host example.com
says "connect example.com:443: allowed by net.mode = host" --policy "$work/policy.toml" --net host --host example.com
says "connect localhost:80: denied by loopback address; allow with --allow-host 127.0.0.1:80" --policy "$work/policy.toml" --allow-host localhost --host localhost:80

# The plan shows the network, too: the hosts, the way out as egress reads it, net.route and net.listen.
printf 'version = 1\n[net]\nmode = "filtered"\nallow = ["a.test"]\ndeny = ["b.test"]\nlisten = [3000]\nroute = { "a.test" = "unix:/run/x.sock" }\n[exec]\nallow = ["*"]\n' >"$work/policy.toml"
plan() { # variables, options...
  local variables=$1
  shift
  # shellcheck disable=SC2086  # words
  env -u HTTPS_PROXY -u https_proxy -u NO_PROXY -u no_proxy $variables "$cordon" explain --policy "$work/policy.toml" "$@" -- true 2>&1
}
network() { plan "$@" | sed -n '/^Network/,/^$/p' | tr -s ' '; }
rest=" route a.test # to unix:/run/x.sock
 served 127.0.0.1:3000 # of the host: the same port inside"
hosts="Network: no other host is reached
 allowed a.test # $work/policy.toml:4:10
 denied b.test # $work/policy.toml:5:9"
ok "explain shows hosts, route, served port and that there is no upstream" same "$(network A=)" "$hosts
 upstream none # targets are dialled from here
$rest"
ok "explain shows the upstream of the environment and what goes past it" same "$(network 'HTTPS_PROXY=http://proxy.corp:8080 NO_PROXY=.corp')" "$hosts
 upstream proxy.corp:8080 # targets are reached through this proxy
 past it corp # NO_PROXY
$rest"
ok "explain shows why an upstream is not used, and never its password" same "$(network HTTPS_PROXY=http://u:hunter2@proxy.corp:8080 | grep -c 'unusable HTTPS_PROXY="http://\*\*\*@proxy.corp:8080"'; plan HTTPS_PROXY=http://u:hunter2@proxy.corp:8080 --json | grep -c hunter2)" "1
0"
ok "explain --json has all of it" same "$(plan HTTPS_PROXY=proxy.corp:8080 --json | grep -o '"egress":{.*"private_addresses":false}')" \
  "\"egress\":{\"on_host\":false,\"allow\":[{\"rule\":\"a.test\",\"from\":\"$work/policy.toml:4:10\"}],\"deny\":[{\"rule\":\"b.test\",\"from\":\"$work/policy.toml:5:9\"}],\"upstream\":\"proxy.corp:8080\",\"no_proxy\":[],\"route\":{\"a.test\":\"unix:/run/x.sock\"},\"listen\":[3000],\"sni_check\":true,\"private_addresses\":false}"
sed -i 's/^deny =/upstream = "required"\ndeny =/' "$work/policy.toml"
ok "explain refuses what run refuses: an upstream that is required and not there" same "$(plan A= >/dev/null; echo $?)" 125
ok "and shows it once it is there" same "$(network HTTPS_PROXY=proxy.corp:1 | grep -c 'upstream proxy.corp:1')" 1
summary
