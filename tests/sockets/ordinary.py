# SPDX-License-Identifier: Apache-2.0
# What sockets do on Linux. The same must hold with and without Cordon: run it both ways, in an empty directory.
import array, ctypes, errno, hashlib, os, signal, socket, struct, sys, tempfile, threading, time

libc = ctypes.CDLL(None, use_errno=True)
UNIX, INET = socket.AF_UNIX, socket.AF_INET
STREAM, DGRAM, SEQPACKET = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET
failed = 0
here = tempfile.mkdtemp(dir='.')
names = iter(range(10000))


class Iovec(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('len', ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [('name', ctypes.c_void_p), ('namelen', ctypes.c_uint), ('iov', ctypes.POINTER(Iovec)), ('iovlen', ctypes.c_size_t),
                ('control', ctypes.c_void_p), ('controllen', ctypes.c_size_t), ('flags', ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [('hdr', Msghdr), ('len', ctypes.c_uint)]


def path():
    return '%s/s%d' % (here, next(names))


def bound(kind=DGRAM, at=None):
    s = socket.socket(UNIX, kind)
    s.bind(at or path())
    return s


def error(call, *args):
    try:
        call(*args)
    except OSError as e:
        return errno.errorcode.get(e.errno, e.errno)
    return 'none'


def equal(a, b):
    assert a == b, '%r is not %r' % (a, b)


def full(kind=DGRAM):
    """A receiver whose queue is full, and a sender that would block."""
    r = bound(kind)
    w = socket.socket(UNIX, kind)
    w.setblocking(False)
    try:
        while True:
            w.sendto(b'x', r.getsockname())
    except BlockingIOError:
        pass
    w.setblocking(True)
    return r, w


def datagram_by_path():
    r, w = bound(), bound()
    w.sendto(b'one', r.getsockname())
    equal(r.recvfrom(10), (b'one', w.getsockname()))
    w.sendmsg([b't', b'wo'], [], 0, r.getsockname())
    equal(r.recv(10), b'two')
    w.connect(r.getsockname())
    w.send(b'three')
    w.sendmsg([b'four'])
    equal([r.recv(10), r.recv(10)], [b'three', b'four'])
    w.sendto(b'', r.getsockname())
    equal(r.recv(10), b'')


def datagram_abstract():
    name = '\0ordinary-%d' % os.getpid()
    r, w = bound(at=name), socket.socket(UNIX, DGRAM)
    w.sendto(b'x', name)
    equal(r.recv(9), b'x')
    s = socket.socket(UNIX, STREAM)
    s.bind(name + 's')
    s.listen()
    socket.socket(UNIX, STREAM).connect(name + 's')


def datagram_pair():
    a, b = socket.socketpair(UNIX, DGRAM)
    a.send(b'x')
    a.sendmsg([b'y'])
    equal(b.recv(9) + b.recv(9), b'xy')


def messages_in_one_call():
    r, w = bound(), socket.socket(UNIX, DGRAM)
    name = struct.pack('H', UNIX) + r.getsockname().encode() + b'\0'
    where = ctypes.create_string_buffer(name, len(name))
    n = 5  # what a datagram queue holds: net.unix.max_dgram_qlen is 10
    all, keep = (Mmsghdr * n)(), []
    for i in range(n):
        text = ctypes.create_string_buffer(b'm' * (i + 1), i + 1)
        keep.append((text, Iovec(ctypes.cast(text, ctypes.c_void_p), i + 1)))
        all[i].hdr = Msghdr(ctypes.cast(where, ctypes.c_void_p), len(name), ctypes.pointer(keep[-1][1]), 1, None, 0, 0)
    equal(libc.sendmmsg(w.fileno(), all, n, 0), n)
    equal([m.len for m in all], [1, 2, 3, 4, 5])
    equal([len(r.recv(99)) for _ in range(n)], [1, 2, 3, 4, 5])
    all[2].hdr.iov = ctypes.cast(ctypes.c_void_p(8), ctypes.POINTER(Iovec))
    equal(libc.sendmmsg(w.fileno(), all, n, 0), 2)
    equal(libc.sendmmsg(w.fileno(), ctypes.byref(all, 2 * ctypes.sizeof(Mmsghdr)), 1, 0), -1)
    equal(ctypes.get_errno(), errno.EFAULT)


def descriptors_pass():
    for kind in STREAM, DGRAM, SEQPACKET:
        a, b = socket.socketpair(UNIX, kind)
        r, w = os.pipe()
        socket.send_fds(a, [b'here'], [w, a.fileno()])
        text, fds, _, _ = socket.recv_fds(b, 10, 4)
        equal((text, len(fds)), (b'here', 2))
        os.write(fds[0], b'through')
        equal(os.read(r, 20), b'through')
        equal(error(socket.send_fds, a, [b'x'], [9999]), 'EBADF')


def credentials():
    a, b = socket.socketpair(UNIX, STREAM)
    b.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    mine = struct.pack('3i', os.getpid(), os.getuid(), os.getgid())
    a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, mine)])
    got = b.recvmsg(9, 64)[1][0][2]
    equal(struct.unpack('3i', got)[1:], (os.getuid(), os.getgid()))
    lie = struct.pack('3i', os.getppid(), os.getuid(), os.getgid())
    if os.getuid() != 0:
        equal(error(a.sendmsg, [b'x'], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, lie)]), 'EPERM')
    l = bound(STREAM)
    l.listen()
    c = socket.socket(UNIX, STREAM)
    c.connect(l.getsockname())
    peer = struct.unpack('3i', l.accept()[0].getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    equal(peer[1:], (os.getuid(), os.getgid()))


def a_long_message_arrives_whole():
    for pair in socket.socketpair(UNIX, STREAM), tcp_pair():
        a, b = pair
        data = os.urandom(1 << 20) * 8
        got = hashlib.sha256()

        def read():
            while part := b.recv(50000):
                got.update(part)
        t = threading.Thread(target=read)
        t.start()
        time.sleep(0.1)
        equal(a.sendmsg([data[:5], data[5:]]), len(data))
        a.shutdown(socket.SHUT_WR)
        t.join()
        equal(got.hexdigest(), hashlib.sha256(data).hexdigest())


def tcp_pair():
    l = socket.create_server(('127.0.0.1', 0))
    c = socket.create_connection(l.getsockname())
    return c, l.accept()[0]


def a_full_stream_does_not_block_who_asked_not_to():
    a, b = socket.socketpair(UNIX, STREAM)
    a.setblocking(False)
    n = a.sendmsg([b'x' * (8 << 20)])
    assert 0 < n < 8 << 20, n
    equal(error(a.sendmsg, [b'x' * (1 << 20)]), 'EAGAIN')
    a.setblocking(True)
    equal(error(a.sendmsg, [b'x'], [], socket.MSG_DONTWAIT), 'EAGAIN')


def a_full_receiver_is_awaited():
    for connected in False, True:
        r, w = full()
        if connected:
            w.connect(r.getsockname())
        threading.Timer(0.2, r.recv, [9]).start()
        began = time.monotonic()
        equal(w.sendmsg([b'y'], [], 0, *([] if connected else [r.getsockname()])), 1)
        assert 0.15 < time.monotonic() - began < 2


def send_timeout():
    r, w = full()
    w.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack('ll', 0, 200000))
    began = time.monotonic()
    equal(error(w.sendto, b'y', r.getsockname()), 'EAGAIN')
    assert 0.15 < time.monotonic() - began < 2


def a_signal_ends_a_blocked_call():
    class Rang(Exception):
        pass

    def ring(*_):
        raise Rang
    signal.signal(signal.SIGALRM, ring)
    r, w = full()
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    began = time.monotonic()
    try:
        w.sendmsg([b'y'], [], 0, r.getsockname())
        assert False, 'it was sent'
    except Rang:
        pass
    assert time.monotonic() - began < 2
    # The call goes on after a handler with SA_RESTART, and nothing is sent twice.
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.siginterrupt(signal.SIGALRM, False)
    a, b = socket.socketpair(UNIX, STREAM)
    data, got = os.urandom(1 << 20), []
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)

    def read():
        time.sleep(0.3)
        while part := b.recv(1 << 20):
            got.append(part)
    t = threading.Thread(target=read)
    t.start()
    sent = 0
    while sent < len(data):
        sent += a.sendmsg([data[sent:]])
    a.close()
    t.join()
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert b''.join(got) == data, 'other bytes arrived'


def a_killed_sender_is_gone():
    r, w = full()
    child = os.fork()
    if child == 0:
        w.sendmsg([b'y'], [], 0, r.getsockname())
        os._exit(0)
    time.sleep(0.2)
    os.kill(child, signal.SIGKILL)
    equal(os.waitpid(child, 0)[1], 9)


def stop_and_continue():
    r, w = full()
    child = os.fork()
    if child == 0:
        os._exit(0 if w.sendmsg([b'y'], [], 0, r.getsockname()) == 1 else 1)
    time.sleep(0.1)
    os.kill(child, signal.SIGSTOP)
    for _ in range(200):
        pid, status = os.waitpid(child, os.WUNTRACED | os.WNOHANG)
        if pid:
            break
        time.sleep(0.01)
    assert pid == child and os.WIFSTOPPED(status), (pid, status)
    os.kill(child, signal.SIGCONT)
    r.recv(9)
    equal(os.waitpid(child, 0)[1], 0)


def broken_pipe():
    for make in (lambda: socket.socketpair(UNIX, STREAM)), (lambda: socket.socketpair(UNIX, SEQPACKET)):
        for flags in 0, socket.MSG_NOSIGNAL:
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                a, b = make()
                b.close()
                os._exit(7 if error(a.sendmsg, [b'x'], [], flags) == 'EPIPE' else 1)
            status = os.waitpid(child, 0)[1]
            stream = make()[0].type == STREAM
            equal(os.waitstatus_to_exitcode(status), -signal.SIGPIPE if stream and not flags else 7)


def errors():
    u, d = socket.socket(UNIX, STREAM), socket.socket(UNIX, DGRAM)
    equal(error(u.connect, path()), 'ENOENT')
    equal(error(d.sendto, b'x', path()), 'ENOENT')
    equal(error(d.send, b'x'), 'ENOTCONN')
    equal(error(d.sendmsg, [b'x']), 'ENOTCONN')
    file = path()
    open(file, 'w').close()
    equal(error(u.connect, file), 'ECONNREFUSED')
    equal(error(u.connect, file + '/x'), 'ENOTDIR')
    not_listening = bound(STREAM)
    equal(error(u.connect, not_listening.getsockname()), 'ECONNREFUSED')
    equal(error(d.connect, not_listening.getsockname()), 'EPROTOTYPE')
    not_listening.listen()
    u.connect(not_listening.getsockname())
    equal(error(u.connect, not_listening.getsockname()), 'EISCONN')
    r = bound()
    equal(error(d.sendto, b'x' * (4 << 20), r.getsockname()), 'EMSGSIZE')
    t = socket.socket(INET, STREAM)
    equal(error(t.connect, ('127.0.0.1', 1)), 'ECONNREFUSED')
    equal(error(socket.socket(INET, STREAM).sendmsg, [b'x']), 'EPIPE')
    equal(error(socket.socket(INET, DGRAM).sendmsg, [b'x']), 'EDESTADDRREQ')
    c, _ = tcp_pair()
    equal(error(c.connect, ('127.0.0.1', 1)), 'EISCONN')

    def raw(call, *args):
        return errno.errorcode[ctypes.get_errno()] if call(*args) == -1 else 'none'
    address = struct.pack('H', UNIX) + r.getsockname().encode() + b'\0'
    equal(raw(libc.connect, 9999, address, len(address)), 'EBADF')
    equal(raw(libc.connect, os.open(file, os.O_RDONLY), address, len(address)), 'ENOTSOCK')
    equal(raw(libc.connect, d.fileno(), ctypes.c_void_p(8), 16), 'EFAULT')
    equal(raw(libc.connect, d.fileno(), address, 500), 'EINVAL')
    equal(raw(libc.connect, d.fileno(), address, 111), 'EINVAL')
    tcp, unbound = socket.socket(INET, STREAM), socket.socket(UNIX, STREAM)
    equal(raw(libc.connect, tcp.fileno(), address, len(address)), 'EAFNOSUPPORT')
    equal(raw(libc.connect, unbound.fileno(), struct.pack('H', INET) + b'\0' * 14, 16), 'EINVAL')
    equal(raw(libc.sendmsg, d.fileno(), ctypes.c_void_p(8), 0), 'EFAULT')
    equal(raw(libc.sendto, d.fileno(), ctypes.c_void_p(8), 5, 0, address, len(address)), 'EFAULT')


def a_full_backlog():
    l = bound(STREAM)
    l.listen(0)
    first = socket.socket(UNIX, STREAM)
    first.connect(l.getsockname())
    s = socket.socket(UNIX, STREAM)
    s.setblocking(False)
    equal(error(s.connect, l.getsockname()), 'EAGAIN')
    s.setblocking(True)
    threading.Timer(0.2, l.accept).start()
    began = time.monotonic()
    s.connect(l.getsockname())
    assert 0.1 < time.monotonic() - began < 2
    assert s.getblocking()


def a_connect_without_blocking():
    l = socket.create_server(('127.0.0.1', 0))
    s = socket.socket(INET, STREAM)
    s.setblocking(False)
    assert s.connect_ex(l.getsockname()) in (0, errno.EINPROGRESS)
    import select
    assert select.select([], [s], [], 2)[1]
    equal(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
    s = socket.socket(INET, STREAM)
    s.connect(l.getsockname())
    assert s.getblocking()


def disconnect():
    r = bound()
    d = socket.socket(UNIX, DGRAM)
    d.connect(r.getsockname())
    equal(libc.connect(d.fileno(), struct.pack('H', socket.AF_UNSPEC) + b'\0' * 14, 16), 0)
    equal(error(d.send, b'x'), 'ENOTCONN')
    u = socket.socket(INET, DGRAM)
    u.connect(('127.0.0.1', 9))
    equal(libc.connect(u.fileno(), struct.pack('H', socket.AF_UNSPEC) + b'\0' * 14, 16), 0)
    equal(error(u.send, b'x'), 'EDESTADDRREQ')


def udp():
    for family, host in (INET, '127.0.0.1'), (socket.AF_INET6, '::1'):
        r, w = socket.socket(family, DGRAM), socket.socket(family, DGRAM)
        r.bind((host, 0))
        w.sendto(b'a', r.getsockname())
        w.sendmsg([b'b'], [], 0, r.getsockname())
        if family == INET:
            w.sendmsg([b'c'], [(socket.IPPROTO_IP, 8, struct.pack('I4s4s', 0, socket.inet_aton(host), b'\0' * 4))], 0, r.getsockname())
        else:
            w.sendmsg([b'c'], [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, socket.inet_pton(family, host) + struct.pack('I', 0))], 0, r.getsockname())
        equal(b''.join(r.recv(9) for _ in range(3)), b'abc')


def names_of_a_path():
    r = bound()
    target = os.path.abspath(r.getsockname())
    os.symlink(target, here + '/link')
    os.link(target, here + '/hard')
    fd = os.open(here, os.O_PATH | os.O_DIRECTORY)
    base = os.path.basename(target)
    d = socket.socket(UNIX, DGRAM)
    for name in target, here + '/link', here + '/hard', here + '/../' + here[2:] + '/' + base, '/proc/self/fd/%d/%s' % (fd, base), \
            '/proc/self/cwd/%s/%s' % (here, base):
        d.sendto(b'x', name)
        equal(r.recv(9), b'x')


def netlink():
    assert (1, 'lo') in socket.if_nameindex()
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.sendto(struct.pack('IHHIIB3x', 20, 18, 0x301, 1, 0, 0), (0, 0))  # RTM_GETLINK, dump
    assert len(s.recv(65536)) > 100
    s.sendmsg([struct.pack('IHHIIB3x', 20, 18, 0x301, 2, 0, 0)], [], 0, (0, 0))


def many_waiting_calls_starve_nobody():
    r, _ = full()
    senders = []
    for _ in range(8):
        child = os.fork()
        if child == 0:
            def block():
                socket.socket(UNIX, DGRAM).sendto(b'z', r.getsockname())
            for _ in range(50):
                threading.Thread(target=block, daemon=True).start()
            time.sleep(60)
            os._exit(0)
        senders.append(child)
    time.sleep(1)
    l = bound(STREAM)
    l.listen(200)
    began = time.monotonic()
    for _ in range(100):
        c = socket.socket(UNIX, STREAM)
        c.connect(l.getsockname())
    took = time.monotonic() - began
    got = 0
    r.settimeout(5)
    for _ in range(300):
        r.recv(9)
        got += 1
    for child in senders:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert took < 3, took
    socket.socket(UNIX, STREAM).connect(l.getsockname())


tests = [datagram_by_path, datagram_abstract, datagram_pair, messages_in_one_call, descriptors_pass, credentials,
         a_long_message_arrives_whole, a_full_stream_does_not_block_who_asked_not_to, a_full_receiver_is_awaited, send_timeout,
         a_signal_ends_a_blocked_call, a_killed_sender_is_gone, stop_and_continue, broken_pipe, errors, a_full_backlog,
         a_connect_without_blocking, disconnect, udp, names_of_a_path, netlink, many_waiting_calls_starve_nobody]
for test in tests:
    if len(sys.argv) > 1 and test.__name__ not in sys.argv[1:]:
        continue
    try:
        test()
        print('ok', test.__name__.replace('_', ' '))
    except BaseException as e:
        failed += 1
        import traceback
        line = traceback.extract_tb(e.__traceback__)
        print('FAILED', test.__name__.replace('_', ' '), '-', type(e).__name__, e, [f.lineno for f in line])
    sys.stdout.flush()
sys.exit(1 if failed else 0)
