# SPDX-License-Identifier: Apache-2.0
"""HTTP: statuses, tunnels, plain forwarding, what is not HTTP."""
import http.client
import os
import select
import socket
import time

from harness import TIMEOUT, Dns, Proxy, Server, echo, equal, read_all, read_exactly, read_head, test, true

OPEN = 'allow = ["*:*", "127.0.0.1:*"]\n'


def request_of(connection):
    head = read_head(connection)
    length = [int(l.split(b":")[1]) for l in head.lower().split(b"\r\n") if l.startswith(b"content-length:")]
    return head, read_exactly(connection, length[0]) if length else b""


def hello(connection):
    """A server with keep-alive: says what it was asked for."""
    while True:
        head, body = request_of(connection)
        if not head:
            return
        text = head.split(b"\r\n")[0] + b" | " + body
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)


@test("each wrong request has its status, an event, and harms nobody")
def _():
    p = Proxy(OPEN)
    s = Server(echo)
    bystander = p.tunnel("127.0.0.1", s.port)
    cases = {
        400: [
            "GARBAGE\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT 127.0.0.1 HTTP/1.1\r\n\r\n", "CONNECT 127.0.0.1:0 HTTP/1.1\r\n\r\n",
            "CONNECT 127.0.0.1:99999 HTTP/1.1\r\n\r\n", "CONNECT user@127.0.0.1:80 HTTP/1.1\r\n\r\n", "CONNECT a\tb:80 HTTP/1.1\r\n\r\n",
            "CONNECT a\0.b:80 HTTP/1.1\r\n\r\n", "CONNECT a%00b:80 HTTP/1.1\r\n\r\n", "CONNECT :80 HTTP/1.1\r\n\r\n", "CONNECT [::1:80 HTTP/1.1\r\n\r\n",
            "CONNECT " + "a" * 64 + ".test:80 HTTP/1.1\r\n\r\n", "CONNECT " + "a." * 130 + "test:80 HTTP/1.1\r\n\r\n",
            "CONNECT 127.0.0.1:80 HTTP/1.1\n\n", "CONNECT 127.0.0.1:80 HTTP/1.1\r\nX y: z\r\n\r\n", "CONNECT 127.0.0.1:80 HTTP/1.1\r\nX: y\r\n z\r\n\r\n",
            "CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.2:80\r\n\r\n", "GET http://a.test/ HTTP/1.1\r\n\r\n",
            "GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n", "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
            "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
            "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: +3\r\n\r\n", "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0x3\r\n\r\n",
            "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
            "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding : chunked\r\n\r\n",
            "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX: a\rb\r\n\r\n", "GET https://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
            "GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", "\x16\x03\x01\x02\x00\x01\r\n\r\n"],
        431: ["GET http://a.test/ HTTP/1.1\r\nX: " + "y" * 9000 + "\r\n\r\n", "CONNECT 127.0.0.1:80 HTTP/1.1\r\n" + "A: b\r\n" * 2000],
        501: ["POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
        505: ["GET http://a.test/ HTTP/2.0\r\nHost: a.test\r\n\r\n"],
    }
    total = 0
    for status, heads in cases.items():
        for head in heads:
            equal(p.status(head), status, head[:80])
            total += 1
    bystander.sendall(b"still here")
    equal(bystander.recv(100), b"still here")
    bystander.close()
    equal(len([e for e in p.events() if e["rule"] == "malformed request"]), total)
    p.stop()


@test("what the policy does not name is 403, and the body names rule and remedy")
def _():
    p = Proxy('allow = ["allowed.test"]\ndeny = ["bad.allowed.test"]\n')
    for head in ("CONNECT other.test:443 HTTP/1.1\r\n\r\n", "GET http://other.test:443/ HTTP/1.1\r\nHost: other.test:443\r\n\r\n"):
        answer = p.ask(head)
        true(answer.startswith(b"HTTP/1.1 403 Forbidden\r\n"), answer)
        true(b"other.test:443 is not allowed" in answer and b"--allow-host other.test" in answer, answer)
        true(b"Content-Type: text/plain" in answer)
    true(b"bad.allowed.test" in p.ask("CONNECT bad.allowed.test:443 HTTP/1.1\r\n\r\n"))
    equal(p.status("CONNECT allowed.test:22 HTTP/1.1\r\n\r\n"), 403, "another port")
    events = p.events()
    true(all(e["decision"] == "denied" and e["kind"] == "net.connect" for e in events))
    true("--allow-host other.test" in events[0]["hint"], events[0])
    true("hint" not in events[2] and "policy.toml" in events[2]["rule"], events[2])
    p.stop()


@test("no rule allows nothing")
def _():
    for net in (None, "allow = []\n"):
        p = Proxy(net)
        equal(p.status("CONNECT example.test:443 HTTP/1.1\r\n\r\n"), 403)
        equal(p.status("CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % p.port), 403)
        p.stop()


@test("U4.10: a failed dial is 502 and says why")
def _():
    p = Proxy(OPEN, "--resolver", Dns({}).at)
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    answer = p.ask("CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % free.getsockname()[1])
    true(answer.startswith(b"HTTP/1.1 502 ") and b"refused" in answer, answer)
    answer = p.ask("CONNECT nowhere.test:443 HTTP/1.1\r\n\r\n")
    true(answer.startswith(b"HTTP/1.1 502 ") and b"nowhere.test" in answer, answer)
    equal([e["error"] for e in p.events()], ["connect_refused", "resolve"])
    p.stop()


@test("a slow head is 408 after 10 s, and so is silence", slow=True)
def _():
    p = Proxy(OPEN)
    began = time.monotonic()
    silent, slow = p.connect(), p.connect()
    for byte in b"CONNECT 127.0.0.1:80 HTTP/1.1":
        slow.sendall(bytes([byte]))
        if select.select([slow], [], [], 0.45)[0]:
            break
    equal(read_all(slow).split(b" ")[1], b"408")
    true(time.monotonic() - began > 9.9, "after %.1f s" % (time.monotonic() - began))
    equal(read_all(silent).split(b" ")[1], b"408")
    p.stop()


@test("a client gets its answer although it sent more")
def _():
    p = Proxy(OPEN)
    for _ in range(20):
        answer = p.ask("GET / HTTP/1.1\r\n\r\n", os.urandom(300_000))
        true(answer.startswith(b"HTTP/1.1 400 ") and b"<reset>" not in answer, answer)
    p.stop()


@test("bytes that come with the CONNECT reach the target, and a head in pieces is a head")
def _():
    p = Proxy(OPEN)
    server = Server(echo)
    head = ("CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (server.port, server.port)).encode()
    with p.connect() as s:
        s.sendall(head + b"early")
        read_head(s)
        equal(read_exactly(s, 5), b"early")
    with p.connect() as s:
        for byte in head + b"early":
            s.sendall(bytes([byte]))
        read_head(s)
        equal(read_exactly(s, 5), b"early")
    p.stop()


@test("plain HTTP is forwarded with keep-alive, each request decided anew")
def _():
    server, other = Server(hello), Server(hello)
    p = Proxy('allow = ["127.0.0.1:%d"]\n' % server.port)
    c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=TIMEOUT)
    for i in range(3):
        c.request("POST", "http://127.0.0.1:%d/path?q=%d" % (server.port, i), body=b"body %d" % i, headers={"Proxy-Connection": "keep-alive", "X-Keep": "1"})
        equal(c.getresponse().read(), b"POST /path?q=%d HTTP/1.1 | body %d" % (i, i))
    equal(server.accepted, 1, "connections to the server")
    c.request("GET", "http://127.0.0.1:%d/" % other.port)
    equal(c.getresponse().status, 403, "another port on the same connection")
    equal(other.accepted, 0)
    c.close()
    told = [(e["decision"], e.get("via"), e.get("addresses")) for e in p.events(lambda e: e["front"] == "http-forward")]
    equal(told, [("allowed", "direct", ["127.0.0.1"])] * 3 + [("denied", None, None)])
    p.stop()


@test("fields of one hop stay there, and the server sees its own Host")
def _():
    seen = []

    def serve(connection):
        seen.append(request_of(connection)[0])
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: X-Secret, close\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nX-Other: 2\r\nContent-Length: 0\r\n\r\n")
    server = Server(serve)
    p = Proxy(OPEN, "--token", "tok")
    answer = p.ask("GET http://127.0.0.1:%d/a HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nProxy-Authorization: Basic Y29yZG9uOnRvaw==\r\nConnection: close, X-Hop\r\n"
                   "X-Hop: 1\r\nUpgrade: h2c\r\nTE: trailers\r\nX-End: 2\r\n\r\n" % (server.port, server.port))
    true(b"X-Other: 2" in answer and b"X-Secret" not in answer and b"Keep-Alive: 5" not in answer, answer)
    head = seen[0].decode()
    true(head.startswith("GET /a HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port), head)
    true("X-End: 2" in head and not any(w in head for w in ("Proxy-Auth", "X-Hop", "Upgrade", "TE:")), head)
    p.stop()


def chunked_server(connection):
    """Reads a chunked body to its end and sends it back in chunks, with an extension and a trailer."""
    head = read_head(connection)
    data = body = b""
    while not data.endswith(b"\r\n0\r\n\r\n"):
        data += connection.recv(65536)
    rest = data
    while True:
        size, rest = rest.split(b"\r\n", 1)
        if int(size, 16) == 0:
            break
        body += rest[:int(size, 16)]
        rest = rest[int(size, 16) + 2:]
    true(b"Transfer-Encoding: chunked" in head)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for i in range(0, len(body), 1000):
        piece = body[i:i + 1000]
        connection.sendall(b"%x;ext=1\r\n" % len(piece) + piece + b"\r\n")
    connection.sendall(b"0\r\nTrailer: x\r\n\r\n")


@test("chunked bodies pass both ways, extensions and trailers do not")
def _():
    server = Server(chunked_server)
    p = Proxy(OPEN)
    body = os.urandom(50_000).replace(b"0\r\n", b"xyz")
    c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=TIMEOUT)
    c.request("PUT", "http://127.0.0.1:%d/" % server.port, body=iter([body[:7], body[7:30_000], body[30_000:]]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    equal(c.getresponse().read() == body, True)
    small = ("POST http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" % (server.port, server.port)).encode()
    answer = p.ask(small + b"3\r\nabc\r\n0\r\n\r\n", b"")
    true(answer.endswith(b"3\r\nabc\r\n0\r\n\r\n") and b"ext" not in answer and b"Trailer" not in answer, answer)
    p.stop()


@test("wrong chunks are 400 and never reach the server whole")
def _():
    got = []

    def serve(connection):
        while data := connection.recv(65536):
            got.append(data)
    server = Server(serve)
    p = Proxy(OPEN)
    head = "POST http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nTransfer-Encoding: chunked\r\n\r\n" % (server.port, server.port)
    for body in ("3\nabc\r\n0\r\n\r\n", "g\r\n", "-1\r\n\r\n", "3\r\nabcX\r\n0\r\n\r\n", "0x3\r\nabc\r\n", "3\r\nabc\n0\r\n\r\n", "ffffffffffffffffff\r\n", " 3\r\nabc\r\n", "3" + ";" * 2000):
        equal(p.status(head + body), 400, body[:40])
    true(b"GET" not in b"".join(got))
    p.stop()


@test("100-continue passes, and an answer before the body is heard")
def _():
    def serve(connection):
        head = read_head(connection)
        if b"/refuse" in head:
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
            connection.shutdown(socket.SHUT_WR)
            read_all(connection)
            return
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + read_exactly(connection, 4))
    server = Server(serve)
    p = Proxy(OPEN)
    with p.connect() as s:
        s.sendall(b"PUT http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n" % (server.port, server.port))
        equal(read_head(s), b"HTTP/1.1 100 Continue\r\n\r\n")
        s.sendall(b"data")
        true(read_all(s).endswith(b"\r\n\r\ndata"))
    with p.connect() as s:
        s.sendall(b"PUT http://127.0.0.1:%d/refuse HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nExpect: 100-continue\r\nContent-Length: 400000\r\n\r\n" % (server.port, server.port))
        answer = read_all(s)
        true(answer.startswith(b"HTTP/1.1 413 ") and answer.endswith(b"no"), answer)
    p.stop()


@test("HEAD, 204, 304, bodies that end with the connection: each ends where it should")
def _():
    answers = {
        b"/head": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        b"/204": b"HTTP/1.1 204 No Content\r\n\r\n",
        b"/304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n",
        b"/close": b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    }

    def serve(connection):
        while head := read_head(connection):
            path = head.split(b" ")[1]
            connection.sendall(answers[path])
            if path == b"/close":
                return
    server = Server(serve)
    p = Proxy(OPEN)
    c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=TIMEOUT)
    for method, path, body in (("HEAD", "/head", b""), ("GET", "/204", b""), ("GET", "/304", b""), ("GET", "/close", b"until the end")):
        c.request(method, "http://127.0.0.1:%d%s" % (server.port, path))
        equal(c.getresponse().read(), body, path)
    p.stop()


@test("a server that breaks HTTP is 502")
def _():
    for answer in (b"", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                   b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000):
        def serve(connection, text=answer):
            read_head(connection)
            connection.sendall(text)
        server = Server(serve)
        p = Proxy(OPEN)
        equal(p.status("GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (server.port, server.port)), 502, answer[:40])
        p.stop()


@test("no token or a wrong one is 407; the right one passes, in every spelling of Basic")
def _():
    server = Server(echo)
    p = Proxy(OPEN, "--token", "s3cret")
    head = "CONNECT 127.0.0.1:%d HTTP/1.1\r\n%%s\r\n" % server.port
    for wrong in ("", "Proxy-Authorization: Basic Y29yZG9uOndyb25n\r\n", "Proxy-Authorization: Bearer s3cret\r\n", "Proxy-Authorization: Basic\r\n"):
        answer = p.ask(head % wrong)
        true(answer.startswith(b"HTTP/1.1 407 ") and b"\r\nProxy-Authenticate: Basic " in answer, answer)
    equal(server.accepted, 0)
    for right in ("Basic Y29yZG9uOnMzY3JldA==", "basic  Y29yZG9uOnMzY3JldA=="):
        p.tunnel("127.0.0.1", server.port, "Proxy-Authorization: %s\r\n" % right).close()
    p.stop()
