#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: time=600
# Ordinary work goes on inside as outside: run.sh CORDON. Each piece of work is also done without Cordon, as a control that
# this machine can do it at all; where it cannot, the test is skipped by name.
set -u
cordon=$1
. "$(dirname "$0")/../support/suite.sh"
world works
export GIT_CONFIG_NOSYSTEM=1 LC_ALL=C.UTF-8

works() { # sentence, setup script, the work as a script of sh -e; the setup is done on the host each time
  local name=$1 setup=$2 work=$3 where
  for where in outside inside; do
    cd / && rm -rf "$HOME" && mkdir -p "$HOME/project" && cd "$HOME/project" || exit 1
    git config --file "$HOME/.gitconfig" user.email a@example.com
    git config --file "$HOME/.gitconfig" user.name a
    sh -ec "$setup" >/dev/null 2>&1 || { skip "$name" "its preparation fails on this machine"; return; }
    if [ $where = outside ]; then
      timeout 120 sh -ec "$work" >"$root/out" 2>&1 </dev/null || { skip "$name" "it does not work on this machine without Cordon either: $(tail -n 1 "$root/out")"; return; }
    elif timeout 120 "$cordon" run --quiet -- sh -ec "$work" >"$root/out" 2>&1 </dev/null; then
      passed=$((passed + 1))
    else
      echo "FAILED: $name (status $?)"
      tail -n 15 "$root/out" | sed 's/^/    /'
      failed=$((failed + 1))
    fi
  done
}
c_files='for i in 1 2 3 4 5 6; do echo "int f$i(int n) { return n * $i; }" >f$i.c; done
  echo "int f1(int); int main(void) { return f1(0); }" >main.c'
repo='git init -q . && echo 1 >a && git add a && git commit -qm one'

works "git init, add, commit, log" : 'git init -q . && echo 1 >a && git add a && git commit -qm one && git log --oneline | grep -q one'
works "git branch, merge, rebase, stash and gc in a repository of the host" "$repo" \
  'git checkout -qb b && echo 2 >b && git add b && git commit -qm two && git checkout -q - && git merge -q b && echo 3 >a && git stash -q && git stash pop -q &&
   git commit -qam three && git rebase -q HEAD~1 && git gc -q && git fsck'
works "git worktree add, commit there, remove" "$repo" \
  'git worktree add -q wt 2>/dev/null && (cd wt && echo 2 >b && git add b && git commit -qm two) && git worktree remove wt'
works "git commit in a linked worktree of the host" "$repo; git worktree add -q ../other" \
  'git status --porcelain'
works "git clone from a path" "$repo" 'git clone -q . copy && git -C copy log --oneline'
works "make -j" "$c_files; printf 'p: \$(patsubst %%.c,%%.o,\$(wildcard *.c))\n\tcc -o p \$^\n' >Makefile" 'make -j4 && ./p && make -q'
works "cmake and ninja" "$c_files; printf 'cmake_minimum_required(VERSION 3.20)\nproject(p C)\nfile(GLOB s *.c)\nadd_executable(p \${s})\nenable_testing()\nadd_test(p p)\n' >CMakeLists.txt" \
  'cmake -S . -B b -G Ninja && ninja -C b && ctest --test-dir b'
works "a python virtual environment" : 'python3 -m venv v && v/bin/python -c "import sys; assert sys.prefix != sys.base_prefix"'
works "python multiprocessing, threads, sqlite and temporary files" : \
  'python3 - <<X
import multiprocessing, sqlite3, tempfile, threading
def square(n): return n * n
with multiprocessing.Pool(3) as p: assert p.map(square, range(9))[8] == 64
q = multiprocessing.get_context("spawn").Queue(); q.put(1); assert q.get() == 1
d = sqlite3.connect("a.db"); d.execute("pragma journal_mode=wal"); d.execute("create table t(a)"); d.commit()
with tempfile.NamedTemporaryFile() as f: f.write(b"x")
t = threading.Thread(target=square, args=(1,)); t.start(); t.join()
X'
works "a python HTTP server and its client on loopback" : \
  'python3 - <<X
import http.server, threading, urllib.request
s = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=s.serve_forever, daemon=True).start()
assert urllib.request.urlopen("http://127.0.0.1:%d/" % s.server_port).status == 200
X'
works "node: files, child processes, workers, a server on loopback" : \
  'cat >t.js <<X
const {execFileSync} = require("child_process"), fs = require("fs"), http = require("http"), {Worker} = require("worker_threads");
fs.writeFileSync("f", "x"); if (execFileSync("cat", ["f"]).toString() !== "x") process.exit(1);
new Worker("require(\"worker_threads\").parentPort.postMessage(1)", {eval: true}).on("message", () => {
  const s = http.createServer((q, r) => r.end("hi")).listen(0, "127.0.0.1", () => http.get({port: s.address().port, host: "127.0.0.1"}, r => {
    r.on("data", d => process.exit(d.toString() === "hi" ? 0 : 1)); })); });
setTimeout(() => process.exit(2), 20000);
X
  node t.js'
works "npm install of a local package, npm test" 'mkdir dep; echo "module.exports = 7" >dep/i.js; echo "process.exit(require(\"dep\") - 7)" >t.js
  echo "{\"name\":\"dep\",\"version\":\"1.0.0\",\"main\":\"i.js\"}" >dep/package.json
  echo "{\"name\":\"p\",\"version\":\"1.0.0\",\"scripts\":{\"test\":\"node t.js\"},\"dependencies\":{\"dep\":\"file:./dep\"}}" >package.json' \
  'npm install --offline --no-audit --no-fund && npm test'
works "a pty: script, its window size and its job control" : \
  'python3 - <<X
import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execvp("bash", ["bash", "--norc", "-ic", "sleep 0.2 & jobs; wait; tty; stty size; echo finished"])
text = b""
try:
    while True:
        part = os.read(fd, 4096)
        if not part: break
        text += part
except OSError: pass
os.waitpid(pid, 0)
sys.stdout.write(text.decode()); assert b"finished" in text and b"/dev/pts/" in text and b"Running" in text, text
X'
works "job control of a shell" : 'bash -c "set -m; sleep 30 & kill -STOP %1; sleep 0.2; jobs | grep -q Stopped; kill -CONT %1; kill %1; wait %1 || [ \$? -eq 143 ]"'
works "gdb of an own child" 'echo "int f(int x) { return x + 1; } int main(void) { return f(41); }" >g.c' \
  'cc -g -O0 g.c -o g; gdb -batch -nx -ex "break f" -ex run -ex "print x" ./g >log 2>&1 || true; grep -q "= 41" log || { cat log; exit 1; }'
works "strace of an own child" : 'command -v strace >/dev/null && strace -o log true && grep -q execve log'
works "unix sockets: stream, datagram, pairs, abstract" : \
  'python3 - <<X
import os, socket, threading
s = socket.socket(socket.AF_UNIX); s.bind("s"); s.listen()
threading.Thread(target=lambda: s.accept()[0].sendall(b"hi"), daemon=True).start()
c = socket.socket(socket.AF_UNIX); c.connect("s"); assert c.recv(9) == b"hi"
a, b = socket.socketpair(); a.send(b"x"); assert b.recv(9) == b"x"
n = socket.socket(socket.AF_UNIX); n.bind("\0own"); n.listen(); k = socket.socket(socket.AF_UNIX); k.connect("\0own")
X'
works "FIFOs, hard links, symlinks, renames, permissions, times, locks" : \
  'mkfifo f; (echo x >f &) ; read x <f; [ "$x" = x ]; echo 1 >a; ln a b; ln -s a c; mv b d; chmod 600 d; touch -d 2001-01-01 d; flock a true; truncate -s 1M big; cp --sparse=always big big2; tar cf t.tar a d; tar tf t.tar'
works "shared memory and semaphores" : 'python3 - <<X
from multiprocessing import shared_memory
m = shared_memory.SharedMemory(create=True, size=4096); m.buf[0] = 7; n = shared_memory.SharedMemory(m.name); assert n.buf[0] == 7
n.close(); m.close(); m.unlink()
X'
works "a compiler with precompiled headers and temporary files" 'echo "#include <vector>" >h.hpp; printf "#include \"h.hpp\"\nint main() { std::vector<int> v(3); return v[0]; }\n" >m.cpp' \
  'c++ -x c++-header h.hpp -o h.hpp.gch && c++ m.cpp -o m && ./m'
works "sudo-less package tools read their state" : 'dpkg -l >/dev/null && dpkg -S /bin/sh >/dev/null || dpkg -S /usr/bin/sh >/dev/null'
works "ps, top and free" : 'ps aux >/dev/null && top -bn1 >/dev/null && free >/dev/null'
works "perl and awk over /etc, find over /usr/include" : 'perl -ne 1 /etc/passwd && awk 1 /etc/group >/dev/null && find /usr/include -maxdepth 2 -name "*.h" | grep -q stdio'

cd "$HOME/project" || exit 1
head -c 10000000 /dev/urandom >"$root/big"
c() { timeout 60 "$cordon" run --quiet -- "$@"; }
ok "10 MB pass through standard input and output" same "$(c cat <"$root/big" | cksum)" "$(cksum <"$root/big")"
# shellcheck disable=SC2002  # a pipe is the point
ok "10 MB pass through pipes" same "$(cat "$root/big" | c sh -c 'cat | cat' | cksum)" "$(cksum <"$root/big")"
ok "nothing is left in the project" same "$(ls -A "$HOME/project")" ""

summary
