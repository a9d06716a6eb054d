# SPDX-License-Identifier: Apache-2.0
"""Names and addresses: what is looked up, what is dialled."""
from harness import Dns, Proxy, Server, echo, equal, read_exactly, read_head, scratch, test, true, wait_for


def connect(host, port=443):
    return "CONNECT %s:%d HTTP/1.1\r\n\r\n" % (host, port)


@test("a refused name is never looked up")
def _():
    dns = Dns({"secret-bytes.evil.test": ["127.0.0.1"]})
    p = Proxy('allow = ["ok.test"]\n', "--resolver", dns.at)
    for name in ("secret-bytes.evil.test", "ok.test.evil.test", "x.ok.test", "evilok.test"):
        equal(p.status(connect(name)), 403)
        equal(p.status("GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n" % (name, name)), 403)
    equal(dns.asked, [])
    p.stop()


@test("an allowed name that resolves to a special address is refused, and the event shows the address")
def _():
    special = {"loop": ["127.0.0.1"], "meta": ["169.254.169.254"], "lan": ["10.1.2.3"], "lan6": ["fd00:ec2::254"], "six": ["::1"], "mapped": ["::ffff:127.0.0.1"],
               "nat64": ["64:ff9b::7f00:1"], "sixtofour": ["2002:7f00:1::1"], "zero": ["0.0.0.0"], "many": ["224.0.0.1"], "link6": ["fe80::1"], "both": ["127.0.0.1", "::1"]}
    server = Server(echo)
    p = Proxy('allow = ["*:*"]\n', "--resolver", Dns({k + ".test": v for k, v in special.items()}).at)
    for name, addresses in special.items():
        answer = p.ask(connect(name + ".test", server.port))
        true(answer.startswith(b"HTTP/1.1 403 "), (name, answer))
        event = p.events(lambda e: e["host"] == name + ".test")[-1]
        equal(event["decision"], "denied")
        true(event["addresses"], event)
    equal(server.accepted, 0)
    p.stop()


@test("address literals in every notation are the address")
def _():
    server = Server(echo)
    p = Proxy('allow = ["*:*"]\n')
    for text in ("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::127.0.0.1]", "localhost", "LOCALHOST.", "a.localhost", "0", "169.254.169.254"):
        equal(p.status(connect(text, server.port)), 403, text)
    equal(server.accepted, 0)
    p.stop()


@test("private_addresses opens loopback, but not metadata")
def _():
    server = Server(echo)
    p = Proxy('allow = ["*:*"]\nprivate_addresses = true\n', "--resolver", Dns({"a.test": ["127.0.0.1"], "m.test": ["169.254.169.254"]}).at)
    p.tunnel("a.test", server.port).close()
    equal(p.status(connect("m.test", 80)), 403)
    p.stop()


@test("a name whose answer changes between check and dial is harmless: one question, one answer, that address")
def _():
    good, bad = Server(echo, "127.0.0.5"), None
    bad = Server(echo, "127.0.0.6", good.port)
    turn = []

    def rebinding(kind):
        if kind != 1:
            return []
        turn.append(1)
        return ["127.0.0.5"] if len(turn) == 1 else ["127.0.0.6"]
    dns = Dns({"rebind.test": rebinding}, ttl=300)
    p = Proxy('allow = ["rebind.test:*", "127.0.0.5:%d"]\n' % good.port, "--resolver", dns.at)
    for _ in range(10):
        p.tunnel("rebind.test", good.port).close()
    equal(bad.accepted, 0)
    equal(len(turn), 1, "questions for A")
    p.stop()


@test("an answer is kept for its TTL and no longer")
def _():
    server = Server(echo)
    for ttl in (300, 1):
        dns = Dns({"kept.test": ["127.0.0.1"]}, ttl)
        p = Proxy('allow = ["kept.test:*"]\nprivate_addresses = true\n', "--resolver", dns.at)

        def questions():
            p.tunnel("kept.test", server.port).close()
            return len(dns.asked)
        questions()
        wait_for(lambda: len(dns.asked) == 2, "A and AAAA")
        if ttl == 300:
            equal([questions() for _ in range(5)], [2] * 5)
        else:
            wait_for(lambda: questions() >= 4, "they are asked for again")
        p.stop()


@test("the next address is tried when the first does not answer or refuses")
def _():
    server = Server(echo, "127.0.0.7")
    dns = Dns({"two.test": ["127.0.0.8", "127.0.0.7"], "six.test": ["::1", "127.0.0.7"]})
    p = Proxy('allow = ["*.test:*"]\nprivate_addresses = true\n', "--resolver", dns.at)
    for name in ("two.test", "six.test"):
        s = p.tunnel(name, server.port)
        s.sendall(b"hi")
        equal(read_exactly(s, 2), b"hi")
        s.close()
    p.stop()


@test("a name server that lies, repeats or floods ends in 502, and others go on")
def _():
    import socket
    import threading
    liar = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    liar.bind(("127.0.0.1", 0))

    def lie():
        n = 0
        while True:
            packet, peer = liar.recvfrom(4096)
            n += 1
            for answer in (b"", b"\0" * 5, packet[:2] + b"\x81\x80" + b"\xff" * 400, packet[:12], packet[:2] + b"\x81\x83\0\1\0\0\0\0\0\0" + packet[12:]):
                liar.sendto(answer, peer)
    threading.Thread(target=lie, daemon=True).start()
    server = Server(echo)
    p = Proxy('allow = ["*.test:*", "127.0.0.1:*"]\n', "--resolver", "127.0.0.1:%d" % liar.getsockname()[1])
    s = p.tunnel("127.0.0.1", server.port)
    equal(p.status(connect("lied.test")), 502)
    s.sendall(b"fine")
    equal(read_exactly(s, 4), b"fine")
    p.stop()


@test("net.route sends a host to a unix socket instead of dialling it")
def _():
    import os
    import socket
    import threading
    path = os.path.join(scratch(), "s")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(4)

    def serve():
        while True:
            c, _ = listening.accept()
            c.sendall(b"from the interceptor")
            c.close()
    threading.Thread(target=serve, daemon=True).start()
    dns = Dns({})
    p = Proxy('allow = ["api.test:80"]\nroute = { "API.test" = "unix:%s", "other.test" = "unix:%s" }\n' % (path, path), "--resolver", dns.at)
    s = p.connect()
    s.sendall(b"CONNECT api.test:80 HTTP/1.1\r\n\r\n")
    read_head(s)
    equal(read_exactly(s, 20), b"from the interceptor")
    equal(p.status(connect("other.test", 80)), 403, "a route allows nothing by itself")
    equal(dns.asked, [])
    p.stop()


@test("a truncated answer is asked for again by TCP")
def _():
    import struct

    class Truncating(Dns):
        def answer(self, packet):
            whole = super().answer(packet)
            return whole[:2] + struct.pack(">H", 0x8380) + whole[4:6] + bytes(6) + whole[12:len(packet)]

    server = Server(echo)
    by_tcp = []

    def serve(c):
        while size := c.recv(2):
            packet = read_exactly(c, struct.unpack(">H", size)[0])
            by_tcp.append(packet)
            answer = Dns.answer(dns, packet)
            c.sendall(struct.pack(">H", len(answer)) + answer)
    while True:  # one port number, for both protocols
        dns = Truncating({"long.test": ["127.0.0.1"]})
        try:
            Server(serve, "127.0.0.1", int(dns.at.split(":")[1]))
            break
        except OSError:
            continue
    p = Proxy('allow = ["long.test:*"]\nprivate_addresses = true\n', "--resolver", dns.at)
    p.tunnel("long.test", server.port).close()
    true(by_tcp, "nothing was asked by TCP")
    p.stop()
