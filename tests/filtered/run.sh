#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cordon run --net filtered: egress is started, fed, heard and ended; without it nothing goes on: run.sh CORDON.
set -u
cordon=$1
. "$(dirname "$0")/../support/suite.sh"
[ -x "$(dirname "$cordon")/cordon-egress" ] || { echo "cordon-egress is missing beside $cordon"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
command -v perl >/dev/null || { echo "SKIP filtered: perl is not installed"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
world filtered
trap 'kill $server 2>/dev/null; cd /; chmod -R u+rwx "$root" 2>/dev/null; rm -rf "$root"' EXIT
unset HTTPS_PROXY https_proxy HTTP_PROXY http_proxy ALL_PROXY all_proxy NO_PROXY no_proxy

c() { timeout -s KILL 40 "$cordon" run --quiet --net filtered "$@"; }

# A server of the host that says hello to whoever connects.
cat >../serve.pl <<'PERL'
use IO::Socket::INET; $| = 1;
$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0] // 0, Listen => 20, ReuseAddr => 1) or die; print $s->sockport, "\n";
while ($a = $s->accept) { print $a "hello\n"; close $a }
PERL
perl ../serve.pl >../port & server=$!
soon test -s ../port
port=$(cat ../port)
# CONNECT through the proxy that the environment names; prints the status, then what the target says.
cat >client.pl <<'PERL'
use IO::Socket::INET; use MIME::Base64;
my ($auth, $host, $p) = $ENV{HTTPS_PROXY} =~ m{^http://(?:(.*)@)?([^:]+):(\d+)} or die "no proxy";
my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $p) or die "connect: $!";
print $s "CONNECT $ARGV[0] HTTP/1.1\r\nHost: $ARGV[0]\r\n" . ($auth ? "Proxy-Authorization: Basic " . encode_base64($auth, "") . "\r\n" : "") . "\r\n";
my ($status) = <$s> =~ /^HTTP\S+ (\d+)/; while (<$s>) { last if /^\r?$/ }
print $status, $status == 200 ? " " . <$s> : "\n";
PERL

ok "an allowed target is reached" same "$(c --allow-host "127.0.0.1:$port" -- perl client.pl "127.0.0.1:$port")" "200 hello"
ok "any other is refused" same "$(c --allow-host "127.0.0.1:1" -- perl client.pl "127.0.0.1:$port")" 403
ok "and not reached directly" same "$(c --allow-host "127.0.0.1:$port" -- perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) ? "open" : "closed"' "$port")" closed
ok "both are events" same "$(c --events - --allow-host "127.0.0.1:$port" -- sh -c 'perl client.pl "$1"; perl client.pl 127.0.0.1:1' - "127.0.0.1:$port" 2>&1 >/dev/null | grep '"kind":"net.connect"' | grep -o '"decision":"[a-z]*"' | sort | tr '\n' ' ')" '"decision":"allowed" "decision":"denied" '
# Past the proxy, straight to a host: nothing leads there, and the event says what to do.
direct() { timeout -s KILL 40 "$cordon" run --quiet --events - "$@" -- perl -MIO::Socket::INET -e 'IO::Socket::INET->new(PeerAddr => "203.0.113.7", PeerPort => 443); IO::Socket::INET->new(Proto => "udp", PeerAddr => "203.0.113.8", PeerPort => 53)' 2>&1 >/dev/null | grep '"kind":"net.connect"' | sed 's/.*"object":"\([^"]*\)","rule":"\([^"]*\)".*"hint":"\([^"]*\)".*/\1 \2 \3/'; }
ok "a connect past the proxy is an event" same "$(direct --net filtered --allow-host a.test)" "203.0.113.7:443 hosts are reached through the proxy of HTTPS_PROXY alone --allow-host 203.0.113.7:443"
ok "a connect without any network is an event" same "$(direct --net none)" "203.0.113.7:443 net.mode = none --net filtered --allow-host 203.0.113.7:443"
ok "an event's rule says where the user wrote it" same "$(c --events - --allow-host "127.0.0.1:$port" -- perl client.pl "127.0.0.1:$port" 2>&1 >/dev/null | grep '"kind":"net.connect"' | grep -o '"rule":"[^"]*"')" "\"rule\":\"127.0.0.1:$port (--allow-host)\""
ok "the exit event has the totals" same "$(c --events - --allow-host "127.0.0.1:$port" -- perl client.pl "127.0.0.1:$port" 2>&1 | grep '"kind":"exit"' | grep -c '"net":{')" 1
ok "so has that of a command which does not wait for egress" same "$(c --events - -- true 2>&1 | grep -c '"net":{"connections":0,"allowed":0,"denied":0,"bytes_up":0,"bytes_down":0}')" 1
if landlock_only true 2>/dev/null; then
  ok "tier landlock: an allowed target is reached" same "$(landlock_only timeout -s KILL 40 "$cordon" run --quiet --require any --allow-host "127.0.0.1:$port" -- perl client.pl "127.0.0.1:$port")" "200 hello"
  ok "tier landlock: any other is refused" same "$(landlock_only timeout -s KILL 40 "$cordon" run --quiet --require any --allow-host "127.0.0.1:1" -- perl client.pl "127.0.0.1:$port")" 403
  ok "tier landlock: and not reached directly" same "$(landlock_only timeout -s KILL 40 "$cordon" run --quiet --require any --allow-host "127.0.0.1:$port" -- perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) ? "open" : "closed"' "$port")" closed
  ok "tier landlock: a connect past the proxy is an event" same "$(landlock_only timeout -s KILL 40 "$cordon" run --quiet --require any --events - -- perl -MIO::Socket::INET -e 'IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => 9)' 2>&1 >/dev/null | grep '"kind":"net.connect"' | sed 's/.*"object":"\([^"]*\)","rule":"\([^"]*\)".*"hint":"\([^"]*\)".*/\1 \2 \3/')" "127.0.0.1:9 hosts are reached through the proxy of HTTPS_PROXY alone --allow-host 127.0.0.1:9"
else
  skip "tier landlock" "user namespaces cannot be made here, so neither refused"
fi

printf '{"version": 1, "extends": "safe", "net": {"mode": "filtered", "listen": [%d]}}' "$port" >../p.json
ok "a port of net.listen that is in use: 125 and one sentence" same "$(timeout 20 "$cordon" run --policy ../p.json -- touch started 2>&1; echo $?; ls started 2>/dev/null)" "cordon: cannot serve port $port of net.listen on 127.0.0.1: Address already in use; stop what uses it, or name another port
125"
free=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')
printf '{"version": 1, "extends": "safe", "net": {"mode": "filtered", "listen": [%d]}}' "$free" >../p.json
cp ../serve.pl .
timeout -s KILL 40 "$cordon" run --quiet --policy ../p.json -- perl serve.pl "$free" >../inside & run=$!
soon test -s ../inside
ok "a server inside is reached on a port of net.listen" same "$(perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die; print <$s>' "$free")" hello
kill "$run"; wait "$run" 2>/dev/null

egress_of() { for p in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do [ "$(cat "/proc/$p/comm")" = cordon-egress ] && echo "$p"; done; }
"$cordon" run --quiet --net filtered -- sh -c 'echo up; exec sleep 60' >../up 2>../said & run=$!
soon test -s ../up
kill -9 "$(egress_of "$run")"; wait "$run"
ok "SIGKILL of egress ends the command, with a sentence" same "$? $(grep -c '^cordon: the egress process ended' ../said)" "137 1"
"$cordon" run --quiet --net filtered -- sh -c 'echo up2; exec sleep 60' >../up & run=$!
soon grep -q up2 ../up
egress=$(egress_of "$run")
ok "control: egress runs" test -d "/proc/$egress"
kill -9 "$run"; wait "$run" 2>/dev/null
ok "egress dies with the supervisor" soon test ! -d "/proc/$egress"

printf '{"version": 1, "extends": "safe", "net": {"mode": "filtered", "upstream": "required"}}' >../p.json
ok "upstream required and none there: 125, nothing started" same "$(timeout 20 "$cordon" run --policy ../p.json -- touch started >/dev/null 2>&1; echo $?; ls started 2>/dev/null)" 125
ok "upstream required and configured: it runs" same "$(HTTPS_PROXY=http://127.0.0.1:9 timeout 20 "$cordon" run --policy ../p.json -- echo yes)" yes

summary
