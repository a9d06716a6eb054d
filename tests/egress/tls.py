# SPDX-License-Identifier: Apache-2.0
"""The TLS server name in a tunnel: judged, never altered."""
import random
import ssl
import struct
import time

from harness import Dns, Proxy, Server, equal, read_all, test, true, wait_for

def client_hello(name):
    """A real ClientHello, made by OpenSSL."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    o = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        o.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Recorder(Server):
    """Keeps what each connection sent; answers "seen" to the first bytes, once there are `least`. On a port where TLS is expected, or another."""

    def __init__(self, port=8443, least=1):
        self.got, self.least = [], least

        def listening():  # others test on this machine, too: an address that nobody else has
            self.address = "127.%d.%d.%d" % (random.randint(1, 254), random.randint(0, 254), random.randint(2, 254))
            try:
                super(Recorder, self).__init__(self.record, self.address, port)
                return True
            except OSError:
                return False
        wait_for(listening, "an address whose port is free")

    def record(self, connection):
        data = b""
        self.got.append(data)
        at = len(self.got) - 1
        while piece := connection.recv(65536):
            self.got[at] += piece
            if len(self.got[at]) - len(piece) < self.least <= len(self.got[at]):
                connection.sendall(b"seen")


def proxy(rules, recorder):
    return Proxy("allow = [%s]\nprivate_addresses = true\n" % ", ".join('"%s"' % r for r in rules), "--resolver",
                 Dns({n: [recorder.address] for n in ("a.test", "b.test", "x.wild.test", "y.wild.test", "one.test")}).at)


def outcome(p, host, recorder, *pieces, pause=0.0):
    """'passed' if the bytes arrived unaltered, else what the client got."""
    before = len(recorder.got)
    s = p.tunnel(host, recorder.port)
    wait_for(lambda: len(recorder.got) > before, "the connection at the server")  # or the next would count it as its own
    for piece in pieces:
        s.sendall(piece)
        time.sleep(pause)
    try:
        got = s.recv(100)
    except ConnectionResetError:
        got = b"<reset>"
    s.close()
    if got != b"seen":
        true(all(len(g) < recorder.least for g in recorder.got[before:]), "bytes passed")
        return got
    wait_for(lambda: recorder.got[-1] == b"".join(pieces), "the bytes as they were sent")
    return "passed"


@test("the allowed name passes unaltered, in one piece, in single bytes, over records")
def _():
    recorder = Recorder()
    p = proxy(["a.test:*", "*.wild.test:*"], recorder)
    hello = client_hello("a.test")
    equal(outcome(p, "a.test", recorder, hello), "passed")
    equal(outcome(p, "a.test", recorder, hello[:3], hello[3:50], hello[50:], pause=0.05), "passed")
    equal(outcome(p, "a.test", recorder, *[hello[i:i + 1] for i in range(len(hello))]), "passed")
    body = hello[5:]
    records = b"".join(b"\x16\x03\x01" + struct.pack(">H", len(body[i:i + 20])) + body[i:i + 20] for i in range(0, len(body), 20))
    equal(outcome(p, "a.test", recorder, records), "passed")
    equal(outcome(p, "a.test", recorder, hello + b"and more behind it"), "passed")
    equal(outcome(p, "x.wild.test", recorder, client_hello("y.wild.test")), "passed")
    p.stop()


@test("another name, no name and bytes that are not TLS are cut, with an alert for TLS and an event")
def _():
    recorder = Recorder()
    p = proxy(["a.test:*", "b.test:*", "*.wild.test:*"], recorder)
    alert = b"\x15\x03\x03\x00\x02\x02\x31"
    for name in ("evil.test", "b.test", "x.wild.test", "a.test.evil.test"):
        equal(outcome(p, "a.test", recorder, client_hello(name)), alert, name)
    equal(outcome(p, "a.test", recorder, client_hello(None)), alert, "no name")
    true(outcome(p, "a.test", recorder, b"SSH-2.0-OpenSSH_9\r\n") in (b"", b"<reset>"))
    true(outcome(p, "a.test", recorder, b"GET / HTTP/1.1\r\n\r\n") in (b"", b"<reset>"))
    equal(outcome(p, "a.test", recorder, b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff"), alert, "a broken hello")
    events = p.events(lambda e: e["decision"] == "denied")
    equal(len(events), 8)
    true(all(e["rule"] == "net.sni_check" for e in events), events)
    equal(events[0]["sni"], "evil.test")
    p.stop()


@test("a client that says nothing, or half a hello, is cut after 10 s", slow=True)
def _():
    recorder = Recorder()
    p = proxy(["a.test:*"], recorder)
    began = time.monotonic()
    s = p.tunnel("a.test", recorder.port)
    s.sendall(client_hello("a.test")[:60])
    true(read_all(s).startswith(b"\x15"), "no alert")
    true(time.monotonic() - began > 9.9)
    p.stop()


@test("sni_check = false lets every byte pass")
def _():
    recorder = Recorder()
    p = Proxy('allow = ["a.test:*"]\nprivate_addresses = true\nsni_check = false\n', "--resolver", Dns({"a.test": [recorder.address]}).at)
    equal(outcome(p, "a.test", recorder, b"SSH-2.0-x\r\n"), "passed")
    plain = Recorder(0)
    p = Proxy('allow = ["a.test:*"]\nprivate_addresses = true\nsni_check = false\n', "--resolver", Dns({"a.test": [plain.address]}).at)
    equal(outcome(p, "a.test", plain, client_hello("evil.test")), "passed")
    equal(outcome(p, "a.test", plain, b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n"), "passed")
    p.stop()
