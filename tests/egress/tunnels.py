# SPDX-License-Identifier: Apache-2.0
"""What the relay promises: ends, resets, back-pressure, many at once."""
import hashlib
import os
import select
import socket
import struct
import threading
import time

from harness import TIMEOUT, Proxy, Server, echo, equal, read_all, read_exactly, test, true, wait_for


def proxy_for(server):
    return Proxy('allow = ["127.0.0.1:%d"]\n' % server.port)


@test("the client's end of stream reaches the target, which still answers")
def _():
    server = Server(lambda c: c.sendall(b"got %d" % len(read_all(c))))
    p = proxy_for(server)
    s = p.tunnel("127.0.0.1", server.port)
    s.sendall(b"x" * 100_000)
    s.shutdown(socket.SHUT_WR)
    equal(read_all(s), b"got 100000")
    p.stop()


@test("the target's end of stream reaches the client, which still sends")
def _():
    got = []

    def serve(c):
        c.sendall(b"bye")
        c.shutdown(socket.SHUT_WR)
        got.append(read_all(c))
    server = Server(serve)
    p = proxy_for(server)
    s = p.tunnel("127.0.0.1", server.port)
    equal(read_all(s), b"bye")
    s.sendall(b"y" * 200_000)
    s.shutdown(socket.SHUT_WR)
    event = p.events(lambda e: e.get("ended") == "closed")[0]
    equal((event["bytes_out"], event["bytes_in"]), (200_000, 3))
    equal(len(wait_for(lambda: got, "the server's end of reading")[0]), 200_000)
    p.stop()


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


@test("a reset by the target reaches the client as a reset")
def _():
    def serve(c):
        c.recv(1)
        reset(c)
    server = Server(serve)
    p = proxy_for(server)
    s = p.tunnel("127.0.0.1", server.port)
    s.sendall(b"x")
    equal(read_all(s), b"<reset>")
    equal(len(p.events(lambda e: e.get("ended") == "reset by target")), 1)
    p.stop()


def reset_by_client(case):
    seen, half_closed, was_reset = [], threading.Event(), threading.Event()

    def serve(c):
        c.sendall(b"r")
        if case == "stalled":
            was_reset.wait(TIMEOUT)
            seen.append("reset" if b"<reset>" in read_all(c)[-7:] else "end of stream")
            return
        if case == "half-closed":
            equal(read_all(c), b"")
            half_closed.set()
        poll = select.poll()
        poll.register(c, select.POLLERR | select.POLLHUP | (select.POLLIN if case == "plain" else 0))
        poll.poll(TIMEOUT * 1000)
        seen.append("reset" if c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) else "end of stream")
    server = Server(serve)
    p = proxy_for(server)
    s = p.tunnel("127.0.0.1", server.port)
    read_exactly(s, 1)
    if case == "half-closed":
        s.shutdown(socket.SHUT_WR)
        true(half_closed.wait(TIMEOUT), "the end of stream did not arrive")
    if case == "stalled":
        s.setblocking(False)
        try:
            while True:
                s.send(b"z" * 65536)
        except BlockingIOError:
            pass
    reset(s)
    was_reset.set()
    equal(wait_for(lambda: seen, "the target's end"), ["reset"], case)
    p.stop()


@test("a reset by the client reaches the target as a reset")
def _():
    reset_by_client("plain")


@test("a reset after a half-close reaches the target")
def _():
    reset_by_client("half-closed")


@test("a reset under back-pressure reaches the target")
def _():
    reset_by_client("stalled")


@test("a slow reader holds the sender back: what lies between is bounded")
def _():
    total = []

    def serve(c):
        sent = 0
        c.settimeout(1)
        try:
            while True:
                sent += c.send(b"f" * 65536)
        except TimeoutError:
            total.append(sent)
    server = Server(serve)
    p = proxy_for(server)
    s = p.tunnel("127.0.0.1", server.port)
    true(wait_for(lambda: total, "the sender stands still")[0] < 40 << 20, total)
    s.close()
    p.stop()


@test("when there is no descriptor for a pipe, bytes are copied and nothing is lost")
def _():
    server = Server(echo)
    p = Proxy('allow = ["127.0.0.1:%d"]\n' % server.port, limit_files=128)
    tunnels = [p.tunnel("127.0.0.1", server.port) for _ in range(20)]
    for s in tunnels:
        data = os.urandom(2_000_000)
        threading.Thread(target=s.sendall, args=(data,)).start()
        equal(hashlib.sha256(read_exactly(s, len(data))).digest(), hashlib.sha256(data).digest())
        s.close()
    p.stop()


@test("1,000 tunnels at once, each with its own bytes, equal by hash")
def _():
    count, size = 1000, 64 << 10
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    port = listening.getsockname()[1]
    p = Proxy('allow = ["127.0.0.1:%d"]\n' % port)
    head = ("CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % port).encode()
    poll = select.epoll()
    poll.register(listening, select.EPOLLIN)
    listening.setblocking(False)
    echoes, clients = {}, {}

    class Client:
        def __init__(self, i):
            self.socket = socket.create_connection(("127.0.0.1", p.port))
            self.socket.sendall(head)  # at once: the head has 10 s, and this machine may be slow
            self.socket.setblocking(False)
            body = hashlib.sha256(b"%d" % i).digest() * (size // 32)
            self.unsent, self.want, self.hash, self.got, self.answer = body, hashlib.sha256(body).digest(), hashlib.sha256(), 0, b""

        def ready(self, what):
            if what & select.EPOLLOUT and self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent[:65536]):]
                if not self.unsent:
                    poll.modify(self.socket, select.EPOLLIN)
            if not what & select.EPOLLIN:
                return False
            piece = self.socket.recv(65536)
            true(piece, "a tunnel ended early")
            if b"\r\n\r\n" not in self.answer:
                self.answer += piece
                at = self.answer.find(b"\r\n\r\n")
                if at < 0:
                    return False
                self.answer, piece = self.answer[:at + 4], self.answer[at + 4:]
            self.hash.update(piece)
            self.got += len(piece)
            return self.got == size

    class Echo:
        def __init__(self, connection):
            self.socket, self.held = connection, b""

        def ready(self, what):
            if what & select.EPOLLIN and not self.held:
                self.held = self.socket.recv(65536)
                if not self.held:
                    return True
            try:
                self.held = self.held[self.socket.send(self.held):]
            except BlockingIOError:
                pass
            poll.modify(self.socket, select.EPOLLOUT if self.held else select.EPOLLIN)
            return False

    for i in range(count):
        c = Client(i)
        clients[c.socket.fileno()] = c
        poll.register(c.socket, select.EPOLLIN | select.EPOLLOUT)
    end, done = time.monotonic() + 300, 0
    while done < count:
        true(time.monotonic() < end, "%d of %d after five minutes" % (done, count))
        for fd, what in poll.poll(1):
            if fd == listening.fileno():
                connection, _ = listening.accept()
                connection.setblocking(False)
                echoes[connection.fileno()] = Echo(connection)
                poll.register(connection, select.EPOLLIN)
                continue
            mine = clients if fd in clients else echoes
            if fd not in mine or not mine[fd].ready(what):
                continue
            ended = mine.pop(fd)
            poll.unregister(ended.socket)
            ended.socket.close()
            if mine is clients:
                equal(ended.hash.digest(), ended.want, "hash")
                done += 1
    p.stop()
