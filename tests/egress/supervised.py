# SPDX-License-Identifier: Apache-2.0
"""cordon-egress as the supervisor starts it: a channel on descriptor 3, listeners handed over, events handed back."""
import json
import os
import socket
import struct
import subprocess
import threading

import harness
from harness import Server, echo, equal, read_all, read_exactly, read_head, socks_request, test, true


# Descriptor 3 is taken from the start: subprocess must not have its own pipe there when the child's is put in its place.
os.dup2(os.open(os.devnull, os.O_RDONLY), 3)


class Egress:
    def __init__(self, net, **config):
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.settimeout(harness.TIMEOUT)
        program = os.path.join(os.path.dirname(harness.CORDON), "cordon-egress")

        def third():
            os.dup2(theirs.fileno(), 3)
        self.process = subprocess.Popen([program], preexec_fn=third, pass_fds=(3,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env={})
        theirs.close()
        memory = os.memfd_create("config")
        rules = {k: [[rule, "policy"] for rule in net.get(k, [])] for k in ("allow", "deny")}
        whole = {"upstream": "env", "sni_check": True, "private_addresses": False, "route": {}, **net, **rules}
        os.write(memory, json.dumps({"net": whole, "environment": {}, "token": "", **config}).encode())
        self.send(b"C", memory)
        os.close(memory)

    def send(self, text, descriptor):
        socket.send_fds(self.channel, [text], [descriptor])

    def listener(self, text, address="127.0.0.1"):
        s = socket.create_server((address, 0), backlog=64)
        self.send(text, s.fileno())
        port = s.getsockname()[1]
        s.close()
        return port

    def hear(self, kind):
        """The next packet of that kind; b"" at the end of the channel."""
        while packet := self.channel.recv(65536):
            if packet[:1] == kind:
                return packet[1:]
        return b""

    def stop(self):
        self.channel.shutdown(socket.SHUT_WR)
        totals = self.hear(b"S")
        equal(self.process.wait(harness.TIMEOUT), 0)
        return json.loads(totals)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), harness.TIMEOUT)


@test("under a supervisor: each front end on its listener, each decision an event, totals at the end")
def _():
    server = Server(echo)
    e = Egress({"mode": "filtered", "allow": ["127.0.0.1:%d" % server.port]})
    http, socks, both = e.listener(b"Lh"), e.listener(b"Ls"), e.listener(b"Lb")
    for port in (http, both):
        with connect(port) as s:
            s.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\nhello" % server.port)
            read_head(s)
            equal(read_exactly(s, 5), b"hello")
        true(b"127.0.0.1:%d" % server.port in e.hear(b"E"))
    for port in (socks, both):
        with connect(port) as s:
            s.sendall(b"\x05\x01\x00" + socks_request("127.0.0.1", server.port) + b"hello")
            equal(read_exactly(s, 17)[-5:], b"hello")
        e.hear(b"E")
    with connect(http) as s:  # each listener speaks its own protocol alone
        s.sendall(b"\x05\x01\x00")
        true(read_all(s).startswith(b"HTTP/1.1 400"))
    with connect(socks) as s:
        s.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % server.port)
        equal(read_all(s).replace(b"<reset>", b""), b"")
    with connect(http) as s:
        s.sendall(b"CONNECT secret.test:443 HTTP/1.1\r\n\r\n")
        true(read_all(s).startswith(b"HTTP/1.1 403"))
    while b"secret.test:443" not in (event := e.hear(b"E")):
        true(event, "no event of the denial")
    totals = e.stop()
    equal((totals["connections"], totals["allowed"], totals["bytes_up"]), (7, 4, 20))


@test("a tunnel that still stands at the end has its event")
def _():
    server = Server(echo)
    e = Egress({"mode": "filtered", "allow": ["127.0.0.1:%d" % server.port]})
    s = connect(e.listener(b"Lh"))
    s.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\nhello" % server.port)
    read_head(s)
    read_exactly(s, 5)
    e.channel.shutdown(socket.SHUT_WR)
    true(b"stopped" in e.hear(b"E"))
    e.process.wait(harness.TIMEOUT)
    s.close()


@test("the end of the channel is the end of the process, also before its configuration")
def _():
    e = Egress({"mode": "filtered"})
    e.listener(b"Lh")
    e.channel.close()
    equal(e.process.wait(harness.TIMEOUT), 0)


@test("what cannot be served is said before anything is accepted")
def _():
    e = Egress({"mode": "filtered", "upstream": "required"})
    true(e.hear(b"F"))
    equal(e.process.wait(harness.TIMEOUT), 125)
    e = Egress({"mode": "filtered"}, environment={"HTTPS_PROXY": "nonsense"})
    true(b"HTTPS_PROXY" in e.hear(b"U"))
    e.stop()


@test("the token of the landlock tier is asked for")
def _():
    e = Egress({"mode": "filtered", "allow": ["*"]}, token="t0ken")
    port = e.listener(b"Lb")
    with connect(port) as s:
        s.sendall(b"CONNECT a.test:443 HTTP/1.1\r\n\r\n")
        true(read_all(s).startswith(b"HTTP/1.1 407"))
    with connect(port) as s:
        s.sendall(b"\x05\x01\x00")
        equal(read_all(s), b"\x05\xff")
    e.stop()


@test("net.listen: the host's port reaches the server inside by a socket that init made, and resets and ends pass")
def _():
    inside = Server(echo)
    e = Egress({"mode": "filtered", "listen": [inside.port]})
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    e.send(b"N", theirs.fileno())
    theirs.close()
    asked = []

    def init():
        while question := ours.recv(16):
            asked.append(question)
            with socket.socket(socket.AF_INET if question == b"\x04" else socket.AF_INET6) as s:
                socket.send_fds(ours, [b"\0"], [s.fileno()])
    threading.Thread(target=init, daemon=True).start()
    port = e.listener(b"R" + struct.pack(">H", inside.port))
    clients = [connect(port) for _ in range(20)]
    for s in clients:
        s.sendall(b"in")
    for s in clients:
        equal(read_exactly(s, 2), b"in")
        s.shutdown(socket.SHUT_WR)
        equal(read_all(s), b"")
    equal(asked, [b"\x04"] * 20)
    e.stop()


@test("net.listen: nobody inside, the client's connection ends")
def _():
    e = Egress({"mode": "filtered", "listen": [1]})
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    e.send(b"N", theirs.fileno())
    theirs.close()

    def init():
        while question := ours.recv(16):
            if question == b"\x06":
                ours.send(b"\x61")  # EAFNOSUPPORT: a host without IPv6
                continue
            with socket.socket() as s:
                socket.send_fds(ours, [b"\0"], [s.fileno()])
    threading.Thread(target=init, daemon=True).start()
    with connect(e.listener(b"R\x00\x01")) as s:
        equal(read_all(s), b"")
    e.stop()
