#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: time=300
# Sockets of the host are out of reach, those made inside work as on Linux: run.sh CORDON. What was reached is what the host says.
set -u
cordon=$1
here=$(cd "$(dirname "$0")" && pwd)
passed=0 failed=0 skipped=0
root=$(mktemp -d /var/tmp/cordon-sockets.XXXXXX)
export HOME=$root/home
unset XDG_RUNTIME_DIR
project=$HOME/project
mkdir -p "$project" "$HOME/host"
server=
end() {
  exec 9>&-
  [ -z "$server" ] || wait "$server"
  rm -rf "$root"
}
trap end EXIT
ok() { # sentence, condition as a command
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; return 1; fi
}
skip() { skipped=$((skipped + 1)); echo "SKIP $1"; }
same() { [ "$1" = "$2" ] || { echo "  '$1' is not '$2'" >&2; false; }; }
count() { grep -c "$@" || true; }
cp "$here"/*.py "$project/"
cd "$project" || exit 1
if ! command -v python3 >/dev/null; then
  skip "sockets: needs python3"
  echo "0 passed, 0 failed, $skipped skipped"
  exit 0
fi
# "landlock" first in the arguments: in a user namespace that allows no more of them.
run() {
  if [ "${1:-}" = landlock ]; then
    shift
    timeout 60 unshare -Urpf --mount-proc sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$0" run --quiet --require landlock "$@"' "$cordon" "$@"
  else
    timeout 60 "$cordon" run --quiet "$@"
  fi
}

# What sockets do, without and with us.
for how in bare "" "--net host" "landlock --net host"; do
  case $how in
    bare) out=$(timeout 60 python3 ordinary.py 2>&1) ;;
    *) out=$(run $how -- python3 ordinary.py 2>&1) ;;
  esac
  good=$(count '^ok ' <<<"$out")
  ok "sockets work as on Linux (${how:-namespaces}), $good checks" same "$(grep -v '^ok ' <<<"$out")" ""
  passed=$((passed + good))
done

mkfifo "$root/end"
python3 "$here/host.py" "$HOME/host" <"$root/end" >>"$root/arrived" &
server=$!
exec 9>"$root/end"
for _ in $(seq 100); do grep -q ready "$root/arrived" && break; sleep 0.1; done
arrived() { sleep 0.2; grep -avc ready "$root/arrived" || true; }
fresh() { rm -rf "$project/to" "$project"/*-link "$project/swapped" "$project"/r*r "$project/next"; echo ready >"$root/arrived"; }

fresh
timeout 60 python3 attack.py "$HOME/host" >/dev/null 2>&1
ok "control: without Cordon the attack arrives" [ "$(arrived)" -gt 50 ]
for how in "" "--net host" landlock "landlock --net host" "--allow-write $HOME/host" "--net host --allow-write $HOME/host"; do
  fresh
  run $how -- python3 attack.py "$HOME/host" >/dev/null 2>&1
  ok "no socket of the host is reached: ${how:-namespaces}" same "$(arrived)" 0 || { tail -n 3 "$root/arrived"; sort "$root/arrived" | uniq -c | tail -5; }
  fresh
  run $how -- python3 attack.py "$HOME/host" race >"$root/race" 2>&1
  ok "nor by a race ($(tr '\n' ' ' <"$root/race")): ${how:-namespaces}" same "$(arrived)" 0
done

# A file of the host that appears in the project after the start.
fresh
for how in "" "--net host"; do
  rm -f late
  { sleep 0.7; python3 -c 'import socket, time; s = socket.socket(socket.AF_UNIX); s.bind("late"); s.listen(); time.sleep(2)'; } &
  late=$!
  run $how -- python3 -c '
import os, socket, time
while not os.path.exists("late"): time.sleep(0.05)
time.sleep(0.2)
try: socket.socket(socket.AF_UNIX).connect("late")
except PermissionError: os._exit(3)' 2>/dev/null
  ok "a socket that the host makes meanwhile is out of reach: ${how:-namespaces}" same $? 3
  wait "$late"
done
rm -f late

# Events.
fresh
run --events "$root/events" -- python3 -c '
import socket, sys
for i in range(500):
    try: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", sys.argv[1])
    except OSError: pass' "$HOME/host/datagram" 2>/dev/null
ok "a refused socket is an event with its path, its program and its rule" same \
  "$(grep -c "\"kind\":\"net.connect\",\"decision\":\"denied\",\"object\":\"unix:$HOME/host/datagram\",\"rule\":\"sockets of the host are out of reach\",\"pid\":[0-9]*,\"exe\":\"/[^\"]*python3[^\"]*\"" "$root/events")" 4
ok "a flood is counted, not told" same "$(grep -o '"repeated":497' "$root/events") $(grep -o '"refused":500' "$root/events")" '"repeated":497 "refused":500'

# Standard streams that are sockets of the host: what they are connected to is given, nothing else.
ok "an inherited stream works and leads nowhere else" same "$(python3 - "$cordon" "$HOME/host" <<'PY'
import socket, subprocess, sys
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
p = subprocess.run([sys.argv[1], 'run', '--quiet', '--', 'python3', '-c', '''
import socket, sys
s = socket.socket(fileno=0)
s.sendmsg([b"given"])
name = "\\0cordon-test" + sys.argv[1].replace("/", "-")
for where in sys.argv[1] + "/datagram", name + "d":
    try: s.sendto(b"x", where); print("reached")
    except OSError as e: print(e.errno)
    try: s.connect(where); print("reached")
    except OSError as e: print(e.errno)
''', sys.argv[2]], stdin=b, stdout=subprocess.PIPE, timeout=60)
print(a.recv(99).decode(), p.stdout.decode().replace('\n', ' '))
PY
)" "given 13 13 13 13 "
ok "an inherited TCP socket does not lead into the host's network" same "$(python3 - "$cordon" <<'PY'
import socket, subprocess, sys
l = socket.create_server(('127.0.0.1', 0))
s = socket.socket()
p = subprocess.run([sys.argv[1], 'run', '--quiet', '--', 'python3', '-c', '''
import socket, sys
s = socket.socket(fileno=0)
try: s.connect(("127.0.0.1", int(sys.argv[1]))); print("reached")
except OSError as e: print(e.errno)
''', str(l.getsockname()[1])], stdin=s, stdout=subprocess.PIPE, timeout=60)
print(p.stdout.decode().strip())
PY
)" 13
ok "out-of-band data does not reach unix sockets" run -- python3 -c '
import errno, socket
a, b = socket.socketpair()
for send in (lambda: a.send(b"x", socket.MSG_OOB)), (lambda: a.sendmsg([b"x"], [], socket.MSG_OOB)):
    try: send(); raise SystemExit(1)
    except OSError as e: assert e.errno == errno.EOPNOTSUPP'
ok "no descriptor of PID 1 is left by callers that die" run --limit open-files=256 -- python3 -c '
import os, signal, socket, time
r = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); r.bind("dead")
w = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); w.connect("dead"); w.setblocking(False)
try:
    while True: w.send(b"x")
except BlockingIOError: pass
w.setblocking(True)
for i in range(40):
    children = []
    for j in range(50):
        child = os.fork()
        if child == 0: w.sendmsg([b"x"]); os._exit(0)
        children.append(child)
    time.sleep(0.01)
    for c in children: os.kill(c, signal.SIGKILL)
    for c in children: os.waitpid(c, 0)
s = socket.socket(socket.AF_UNIX); s.bind("alive"); s.listen(); socket.socket(socket.AF_UNIX).connect("alive")'

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
