# SPDX-License-Identifier: Apache-2.0
"""SOCKS5: RFC 1928 and RFC 1929."""
import socket

from harness import Dns, Proxy, Server, echo, equal, read_all, read_exactly, socks_request, test, true

OPEN = 'allow = ["*:*", "127.0.0.1:*", "[::1]:*"]\nprivate_addresses = true\n'


def reply(p, request, greeting=b"\x05\x01\x00"):
    """The REP of the answer; -1 if there was none."""
    with p.connect() as s:
        s.sendall(greeting + request)
        answer = read_all(s) if request[1:2] != b"\x01" else read_exactly(s, 12)
        return answer[3] if len(answer) > 3 else -1


@test("CONNECT by name, IPv4 and IPv6; the answer has an IPv4 address; early bytes arrive")
def _():
    v4, v6 = Server(echo), Server(echo, "::1")
    p = Proxy(OPEN, "--resolver", Dns({"host.test": ["127.0.0.1"]}).at)
    for host, port in (("127.0.0.1", v4.port), ("::1", v6.port), ("host.test", v4.port), ("HOST.test.", v4.port)):
        with p.connect() as s:
            s.sendall(b"\x05\x02\x00\x01" + socks_request(host, port) + b"early")
            equal(read_exactly(s, 2), b"\x05\x00")
            equal(read_exactly(s, 10), b"\x05\x00\x00\x01" + bytes(6), host)
            equal(read_exactly(s, 5), b"early")
    p.stop()


@test("a request in single bytes is a request")
def _():
    server = Server(echo)
    p = Proxy(OPEN)
    with p.connect() as s:
        for byte in b"\x05\x01\x00" + socks_request("127.0.0.1", server.port) + b"x":
            s.sendall(bytes([byte]))
        equal(read_exactly(s, 13)[3:4] + b"", b"\x00")
    p.stop()


@test("each refusal has its REP: 0x02 policy, 0x05 failed dial (U4.10), 0x07 command, 0x08 address type, 0x01 malformed")
def _():
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    p = Proxy('allow = ["127.0.0.1:%d", "gone.test"]\n' % free.getsockname()[1], "--resolver", Dns({}).at)
    equal(reply(p, socks_request("127.0.0.1", 1)), 2)
    equal(reply(p, socks_request("other.test", 443)), 2)
    equal(reply(p, socks_request("127.0.0.1", free.getsockname()[1])), 5)
    equal(reply(p, socks_request("gone.test", 443)), 5)
    equal(reply(p, socks_request("127.0.0.1", 80, command=2)), 7)
    equal(reply(p, socks_request("127.0.0.1", 80, command=3)), 7)
    equal(reply(p, socks_request("127.0.0.1", 80, command=9)), 7)
    equal(reply(p, b"\x05\x01\x00\x02abcd\0\x50"), 8)
    for name in ("evil\0.allowed.test", "a b.test", "a\r\nb.test", "a%b.test", "caf\xe9.test"):
        true(reply(p, socks_request(name, 443)) in (1, 2), name)
    equal(reply(p, b"\x05\x01\x00\x03\x00\x01\xbb"), 1, "an empty name")
    p.stop()


@test("methods: none without a token, user and password with one")
def _():
    server = Server(echo)
    p = Proxy(OPEN)
    with p.connect() as s:
        s.sendall(b"\x05\x01\x01")  # GSSAPI alone
        equal(read_all(s), b"\x05\xff")
    with p.connect() as s:  # a client that offers only a password
        s.sendall(b"\x05\x01\x02")
        equal(read_exactly(s, 2), b"\x05\x02")
        s.sendall(b"\x01\x01u\x01p")
        equal(read_exactly(s, 2), b"\x01\x00")
    p.stop()
    p = Proxy(OPEN, "--token", "s3cret")
    with p.connect() as s:
        s.sendall(b"\x05\x01\x00")
        equal(read_all(s), b"\x05\xff")
    for user, password, want in ((b"cordon", b"s3cret", 0), (b"cordon", b"wrong", 1), (b"other", b"s3cret", 1), (b"", b"", 1)):
        with p.connect() as s:
            s.sendall(b"\x05\x02\x00\x02")
            equal(read_exactly(s, 2), b"\x05\x02")
            s.sendall(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
            answer = read_exactly(s, 2)
            equal(answer[1] != 0, want != 0, user + password)
            if want == 0:
                s.sendall(socks_request("127.0.0.1", server.port) + b"x")
                equal(read_exactly(s, 11)[-1:], b"x")
    p.stop()


@test("a SOCKS4 client and a slow SOCKS5 client are cut", slow=True)
def _():
    p = Proxy(OPEN)
    with p.connect() as s:
        s.sendall(b"\x05\x01\x00" + b"\x05\x01")
        equal(read_all(s), b"\x05\x00")
    true(p.ask(b"\x04\x01\x00\x50\x7f\0\0\x01\0").startswith(b"HTTP/1.1 400"), "the first byte is not 0x05: it is taken for HTTP")
    p.stop()
