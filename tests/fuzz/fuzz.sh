#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each fuzz target of a build folder for SECONDS, two at a time: fuzz.sh BUILD [SECONDS [NAME...]]. A line for each says how many
# executions that were. New inputs go to BUILD/fuzz-corpus/NAME; a finding is kept there as crash-*, and copied into corpus/NAME once mended.
set -u
build=$(cd "$1" && pwd) seconds=${2:-60}
shift; [ $# -eq 0 ] || shift
here=$(cd "$(dirname "$0")" && pwd)
if [ $# -eq 0 ]; then
  for program in "$build"/tests/fuzz/fuzz_*; do [ -x "$program" ] && [ -f "$program" ] && set -- "$@" "${program##*/fuzz_}"; done
fi
[ $# -gt 0 ] || { echo "no fuzz_* in $build: build the preset 'fuzz'"; exit 1; }
# Half of the time went into unwinding the stack at each allocation; a finding is told with its stack when it is run again.
export ASAN_OPTIONS=malloc_context_size=0:quarantine_size_mb=4
# The size of an input decides how many there are: names are short, heads are not. About 7 us of each execution are libFuzzer's own.
most() {
  case $1 in
    host_rule | proxy_address | no_proxy) echo 80 ;;
    socks5 | path_rule | git_config | event_wire | dns_answer) echo 300 ;;
    policy_* | client_hello) echo 1024 ;;
    *) echo 2000 ;;  # the bounds of 8 and 64 KiB have unit tests
  esac
}
one() { # name
  local found=$build/fuzz-corpus/$1 log=$build/fuzz-corpus/$1.log status=0
  mkdir -p "$found"
  "$build/tests/fuzz/fuzz_$1" -max_total_time="$seconds" -print_final_stats=1 -timeout=5 -rss_limit_mb=1024 -max_len="$(most "$1")" \
    -artifact_prefix="$found/" "$found" "$here/corpus/$1" >"$log" 2>&1 || status=$?
  if [ "$status" -eq 0 ]; then
    printf 'ok     %-20s %12s executions, %s new inputs\n' "$1" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
      "$(sed -n 's/^stat::new_units_added: *//p' "$log")"
  else
    printf 'FAILED %-20s %s\n' "$1" "$(grep -a -m 1 -E 'broken:|ERROR|runtime error' "$log")"
    tail -n 30 "$log"
  fi
  return "$status"
}
export -f one most
export build here seconds
printf '%s\0' "$@" | xargs -0 -P 2 -I{} bash -c 'one {}'
