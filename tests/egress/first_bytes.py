# SPDX-License-Identifier: Apache-2.0
"""What a client says first in a tunnel to a port where anything may be spoken: TLS and HTTP name their server, all else passes."""
import struct

from harness import Proxy, Server, echo, equal, read_all, read_exactly, socks_request, test, true, wait_for
from tls import Recorder, client_hello, outcome, proxy

ALERT = b"\x15\x03\x03\x00\x02\x02\x31"


def request(host, line="GET / HTTP/1.1"):
    return ("%s\r\nX: y\r\nHost: %s\r\n\r\n" % (line, host)).encode()


def rejected(p, host, recorder, *pieces):
    """The client's answer is Cordon's own, and the server got no complete head."""
    answer = outcome(p, host, recorder, *pieces)
    true(answer.startswith(b"HTTP/1.1 403 "), answer)


@test("TLS on any port names its own server: whole, in single bytes, over records, unaltered")
def _():
    recorder = Recorder(0)
    p = proxy(["a.test:*", "*.wild.test:*", recorder.address + ":*"], recorder)
    hello = client_hello("a.test")
    records = b"".join(b"\x16\x03\x01" + struct.pack(">H", len(hello[i:i + 20])) + hello[i:i + 20] for i in range(5, len(hello), 20))
    for pieces in ([hello], [hello[i:i + 1] for i in range(len(hello))], [records], [hello + b"and more behind it"]):
        equal(outcome(p, "a.test", recorder, *pieces), "passed")
    equal(outcome(p, "x.wild.test", recorder, client_hello("y.wild.test")), "passed")
    equal(outcome(p, recorder.address, recorder, client_hello(None)), "passed", "an address has no name")
    p.stop()


@test("TLS on any port to another name, to none, or not from its beginning is cut before a byte of it has passed")
def _():
    recorder = Recorder(0)
    p = proxy(["a.test:*", "b.test:*"], recorder)
    for pieces in ([client_hello("evil.test")], [client_hello("b.test")], [client_hello(None)], [bytes([b]) for b in client_hello("evil.test")],
                   [b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff"]):
        equal(outcome(p, "a.test", recorder, *pieces), ALERT)
    recorder.least = 4
    equal(outcome(p, "a.test", recorder, b"\x80\x2e\x01\x03\x01\x00\x15"), ALERT, "a hello in the frame of SSL 2")
    for prefix in (b"\x16\x03\x01\x00\x00", b"\x15\x03\x01\x00\x02\x01\x5a", b"\x14\x03\x03\x00\x01\x01"):  # servers take these before a hello
        true(outcome(p, "a.test", recorder, prefix + client_hello("evil.test")) in (b"", b"<reset>"))
    events = p.events(lambda e: e["decision"] == "denied")
    equal([e["rule"] for e in events], ["net.sni_check"] * 9)
    equal([e.get("sni") for e in events[:4]], ["evil.test", "b.test", None, "evil.test"])
    p.stop()


@test("half a hello on any port is cut after 10 s", slow=True)
def _():
    recorder = Recorder(0)
    p = proxy(["a.test:*"], recorder)
    for piece in (client_hello("evil.test")[:60], b"\x16"):
        before = len(recorder.got)
        s = p.tunnel("a.test", recorder.port)
        s.sendall(piece)
        read_all(s)
        wait_for(lambda: len(recorder.got) > before, "the server's connection")
        equal(recorder.got[-1], b"")
    p.stop()


@test("plain HTTP in a tunnel names the tunnel's own server, in every spelling, and passes unaltered")
def _():
    recorder = Recorder(0, least=20)
    p = proxy(["a.test:*", recorder.address + ":*"], recorder)
    at = ":%d" % recorder.port
    for host in ("a.test", "A.TEST", "a.test.", "a.test" + at):
        equal(outcome(p, "a.test", recorder, request(host) + b"body"), "passed", host)
    equal(outcome(p, "a.test", recorder, *[bytes([b]) for b in request("a.test")]), "passed")
    equal(outcome(p, "a.test", recorder, request("a.test" + at, "POST http://a.test%s/x HTTP/1.1" % at)), "passed")
    equal(outcome(p, "a.test", recorder, b"GET / HTTP/1.0\r\nX: no host\r\n\r\n"), "passed")
    equal(outcome(p, recorder.address, recorder, request(recorder.address + at)), "passed")
    p.stop()


@test("plain HTTP in a tunnel that names another server is refused before its head is complete at the server, with 403 and an event")
def _():
    whole = request("evil.test")
    recorder = Recorder(0, least=len(whole))
    p = proxy(["a.test:*", "b.test:*"], recorder)
    rejected(p, "a.test", recorder, whole)
    rejected(p, "a.test", recorder, *[bytes([b]) for b in whole])
    for head in (request("b.test"), request("a.test.evil.test"), request("a.test:1"), request(""), request("a.test", "GET http://evil.test/ HTTP/1.1"),
                 request("a.test", "CONNECT evil.test:443 HTTP/1.1"), request("user@a.test"), request("a.test\r\nHost: evil.test"),
                 b"\r\n" + whole, whole.replace(b"\r\n", b"\n"), whole.replace(b" ", b"\t"), whole.replace(b"Host:", b"hOST :"),
                 whole.replace(b"Host: ", b"Host:\r\n "), whole.replace(b"X: y\r\n", b"X: y\r"), b"GET http://evil.test/\r\n",
                 request("a.test", "GET / HTTP/1.1\r\nY: " + "z" * 70_000)):
        recorder.least = len(head)
        rejected(p, "a.test", recorder, head)
    events = p.events(lambda e: e["decision"] == "denied")
    equal([e["rule"] for e in events], ["net.sni_check"] * 18)
    p.stop()


@test("SOCKS5 tunnels are looked at as those of CONNECT")
def _():
    recorder = Recorder(0, least=20)
    p = proxy(["a.test:*"], recorder)
    for first, want in ((client_hello("evil.test"), ALERT), (request("evil.test"), b"HTTP/1."), (request("a.test"), b"seen"), (client_hello("a.test"), b"seen")):
        with p.connect() as s:
            s.sendall(b"\x05\x01\x00" + socks_request("a.test", recorder.port) + first)
            equal(read_exactly(s, 12)[3:4], b"\x00")
            equal(read_exactly(s, len(want)), want)
    p.stop()


@test("a server that speaks first is heard while the client says nothing, and answers each byte of what is neither TLS nor HTTP")
def _():
    def serve(connection):
        connection.sendall(b"220 ready\r\n")
        echo(connection)
    server = Server(serve)
    p = Proxy('allow = ["127.0.0.1:%d"]\n' % server.port)
    for first in (b"S", b"HELLO", b"GET / HTT", b"\x00\x00", b"\x80\x2e\x01", b"\x16\x04", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        with p.tunnel("127.0.0.1", server.port) as s:
            equal(read_exactly(s, 11), b"220 ready\r\n")
            s.sendall(first)
            equal(read_exactly(s, len(first)), first)
    p.stop()
