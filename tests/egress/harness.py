# SPDX-License-Identifier: Apache-2.0
"""What the tests of egress share: the real `cordon proxy`, a name server and servers that play hosts, and a raw client."""
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

TIMEOUT = 20


def wait_for(condition, what):
    """What other threads and processes do is seen when it is seen: the first true value of `condition()`, or a failure after 20 s."""
    end = time.monotonic() + TIMEOUT
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError("not within %d s: %s" % (TIMEOUT, what))
        time.sleep(0.02)
    return value


class Dns:
    """A name server on loopback. `names` maps a name to addresses, or to a function that gives them; `asked` has every question."""

    def __init__(self, names, ttl=60):
        self.names, self.ttl, self.asked = names, ttl, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.at = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            packet, peer = self.socket.recvfrom(4096)
            self.socket.sendto(self.answer(packet), peer)

    def answer(self, packet):
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
            at += 1 + packet[at]
        name, (kind,) = ".".join(labels).lower(), struct.unpack(">H", packet[at + 1:at + 3])
        self.asked.append(name)
        found = self.names.get(name)
        if callable(found):
            found = found(kind)
        records = b""
        count = 0
        for address in found or []:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            if kind != (28 if family == socket.AF_INET6 else 1):
                continue
            data = socket.inet_pton(family, address)
            records += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, self.ttl, len(data)) + data
            count += 1
        flags = 0x8180 if found is not None else 0x8183
        return packet[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + packet[12:at + 5] + records


DIRECTORIES, PROXIES = [], []


def scratch():
    """A directory that is gone at the end, whatever happens to the test."""
    DIRECTORIES.append(tempfile.mkdtemp(prefix="cordon-egress."))
    return DIRECTORIES[-1]


def reserved_port():
    """A bound socket, and its port on loopback, which nobody else is given; who sets SO_REUSEADDR can listen on it."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    return s, s.getsockname()[1]


class Server:
    """A TCP server on loopback; `serve(connection)` runs in a thread for each connection. `accepted` counts them."""

    def __init__(self, serve, address="127.0.0.1", port=0):
        self.serve, self.accepted = serve, 0
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(256)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            self.accepted += 1
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        connection.settimeout(TIMEOUT)
        try:
            self.serve(connection)
        except OSError:
            pass
        finally:
            connection.close()


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


class Proxy:
    """`cordon proxy` with a policy; `net` is the text of its [net] table."""

    def __init__(self, net=None, *options, environment=None, limit_files=None):
        self.directory = scratch()
        self.events_path = os.path.join(self.directory, "events")
        self.policy = os.path.join(self.directory, "policy.toml")
        words = [CORDON, "proxy", "--events", self.events_path, *options]
        if net is not None:
            self.write_policy(net)
            words += ["--policy", self.policy]
        if limit_files:
            words = ["prlimit", "--nofile=%d:%d" % (limit_files, limit_files), *words]
        clean = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**clean, **(environment or {})})
        PROXIES.append(self)
        self.ready = self.process.stdout.readline()
        if not self.ready.startswith("ready "):
            raise AssertionError("not ready: " + self.ready + self.process.stderr.read())
        self.port = int(self.ready.split("http=")[1].split(" ")[0].rsplit(":", 1)[1])

    def write_policy(self, net):
        with open(self.policy + ".new", "w") as f:
            f.write("version = 1\n[net]\n" + net)
        os.rename(self.policy + ".new", self.policy)

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def ask(self, head, rest=b""):
        """Sends a request, returns what came until the end of the stream."""
        with self.connect() as s:
            s.sendall((head.encode("latin-1") if isinstance(head, str) else head) + rest)
            return read_all(s)

    def status(self, head):
        answer = self.ask(head)
        return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.1 ") else answer

    def tunnel(self, host, port, extra=""):
        s = self.connect()
        s.sendall(("CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n%s\r\n" % (host, port, host, port, extra)).encode())
        head = read_head(s)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise AssertionError("no tunnel: %r" % (head + read_all(s)))
        return s

    def events(self, wanted=None):
        """The events so far (those of a refusal are written before its answer); with `wanted`, those it says yes to, once there is one."""
        def written():
            with open(self.events_path) as f:
                return [json.loads(line) for line in f if line.endswith("\n")]
        if wanted is None:
            return written()
        return wait_for(lambda: [e for e in written() if wanted(e)], "an event as wanted")

    def stop(self, expect=0):
        self.process.terminate()
        status = self.process.wait(TIMEOUT)
        if status != expect:
            raise AssertionError("ended with %d, not %d: %s" % (status, expect, self.process.stderr.read()))


def read_all(s):
    data = b""
    try:
        while piece := s.recv(65536):
            data += piece
    except ConnectionResetError:
        data += b"<reset>"
    return data


def read_head(s):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        piece = s.recv(1)
        if not piece:
            break
        data += piece
    return data


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            break
        data += piece
    return data


def socks_request(host, port, command=1, kind=None):
    kind = kind or (1 if host.replace(".", "").isdigit() else 4 if ":" in host else 3)
    if kind == 1:
        address = socket.inet_aton(host)
    elif kind == 4:
        address = socket.inet_pton(socket.AF_INET6, host)
    else:
        raw = host.encode("latin-1")
        address = bytes([len(raw)]) + raw
    return bytes([5, command, 0, kind]) + address + struct.pack(">H", port)


def equal(got, want, what=""):
    if got != want:
        raise AssertionError("%s: got %r, want %r" % (what, got, want))


def true(condition, what=""):
    if not condition:
        raise AssertionError(what)


TESTS = []


def test(sentence, slow=False):
    """Slow tests wait more than they work: they run beside each other."""
    def register(function):
        TESTS.append((sentence, function, slow))
        return function
    return register


class Skip(Exception):
    pass


def run(cordon):
    global CORDON
    CORDON = cordon
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    lock = threading.Lock()
    only = os.environ.get("ONLY", "")

    def one(sentence, function):
        began = time.time()
        try:
            function()
            word = "passed"
        except Skip as why:
            word = "skipped"
            print("SKIP %s: %s" % (sentence, why))
        except Exception:  # a test that breaks has failed, and the others go on
            word = "failed"
            print("FAILED: %s\n%s" % (sentence, traceback.format_exc()))
        if os.environ.get("VERBOSE"):
            print("%-7s %5.1f s  %s" % (word, time.time() - began, sentence), flush=True)
        with lock:
            counts[word] += 1

    chosen = [t for t in TESTS if only in t[0]]
    threads = [threading.Thread(target=one, args=t[:2]) for t in chosen if t[2]]
    for t in threads:
        t.start()
    for sentence, function, slow in chosen:
        if not slow:
            one(sentence, function)
    for t in threads:
        t.join()
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % counts)
    sys.stdout.flush()
    for proxy in PROXIES:  # of tests that failed, and of those that need it to the end
        proxy.process.kill()
    for directory in DIRECTORIES:
        shutil.rmtree(directory, ignore_errors=True)
    os._exit(counts["failed"] > 0)  # the servers' threads wait for ever
