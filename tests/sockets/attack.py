# SPDX-License-Identifier: Apache-2.0
# Reaches for the host's sockets in every way that is known: attack.py DIRECTORY [race]. Whether one was reached, the host says.
import ctypes, os, socket, struct, sys, threading, time

libc = ctypes.CDLL(None, use_errno=True)
directory = sys.argv[1]
name = '\0cordon-test' + directory.replace('/', '-')
UNIX, STREAM, DGRAM = socket.AF_UNIX, socket.SOCK_STREAM, socket.SOCK_DGRAM


class Iovec(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('len', ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [('name', ctypes.c_void_p), ('namelen', ctypes.c_uint), ('iov', ctypes.POINTER(Iovec)), ('iovlen', ctypes.c_size_t),
                ('control', ctypes.c_void_p), ('controllen', ctypes.c_size_t), ('flags', ctypes.c_int), ('len', ctypes.c_uint)]


def address(path):
    text = struct.pack('H', UNIX) + path.encode() + (b'' if path[0] == '\0' else b'\0')
    return ctypes.create_string_buffer(text, len(text))


def message(where):
    text = ctypes.create_string_buffer(b'raw', 3)
    vector = Iovec(ctypes.cast(text, ctypes.c_void_p), 3)
    m = Msghdr(ctypes.cast(where, ctypes.c_void_p), len(where), ctypes.pointer(vector), 1, None, 0, 0, 0)
    m.keep = text, vector
    return m


def attempt(call, *args):
    try:
        call(*args)
        print('reached', call, args)
    except OSError:
        pass


def reach(stream, datagram):
    a, b = socket.socketpair(UNIX, DGRAM)
    for s in socket.socket(UNIX, DGRAM), socket.socket(UNIX, socket.SOCK_RAW), a:
        attempt(s.sendto, b'sendto', datagram)
        attempt(s.sendmsg, [b'sendmsg'], [], 0, datagram)
        where = address(datagram)
        libc.sendmsg(s.fileno(), ctypes.byref(message(where)), 0)
        libc.sendmmsg(s.fileno(), ctypes.byref(message(where)), 1, 0)
        libc.syscall(44, s.fileno(), b'sys', 3, 0x4000, where, len(where))
        attempt(s.connect, datagram)
        attempt(s.send, b'send')
    attempt(socket.socket(UNIX, STREAM).connect, stream)


def race():
    """A thread swaps the name, another the descriptor, while sends are checked."""
    inside = socket.socket(UNIX, DGRAM)
    inside.bind('r' * len('/datagram'))
    good, bad = address('r' * 9), address(directory + '/datagram')
    size = max(len(good), len(bad))
    where = ctypes.create_string_buffer(good.raw, size)
    good, bad = good.raw.ljust(size, b'\0'), bad.raw.ljust(size, b'\0')
    s = socket.socket(UNIX, DGRAM)
    s.setblocking(False)
    inside.setblocking(False)
    m = message(where)
    names = [ctypes.cast(ctypes.create_string_buffer(x, size), ctypes.c_void_p) for x in (good, bad)]
    end = time.monotonic() + 3

    def swap():
        while time.monotonic() < end:
            for x in bad, good:
                ctypes.memmove(where, x, size)

    def link():
        while time.monotonic() < end:
            for x in directory + '/datagram', 'r' * 9:
                os.symlink(x, 'next')
                os.rename('next', 'swapped')

    def dup():
        t = os.open('/dev/null', os.O_WRONLY)
        own = os.dup(s.fileno())
        while time.monotonic() < end:
            os.dup2(t, number)
            os.dup2(own, number)
    number = os.dup(s.fileno())
    for f in swap, link, dup:
        threading.Thread(target=f).start()
    linked = address('swapped')
    n = 0
    while time.monotonic() < end:
        for fd in s.fileno(), number:
            libc.sendmsg(fd, ctypes.byref(m), 0x4040)
            libc.sendto(fd, b'race', 4, 0x4040, where, size)
            libc.sendto(fd, b'race', 4, 0x4040, linked, len(linked))
            libc.sendmmsg(fd, ctypes.byref(m), 1, 0x4040)
            libc.connect(fd, where, size)
        n += 10
        try:
            while True:
                inside.recv(9)
        except OSError:
            pass
    print('tries', n)


if 'race' in sys.argv:
    race()
else:
    os.symlink(directory, 'to')
    spellings = [directory, 'to', '/proc/self/root' + directory, '/proc/self/cwd/to', os.path.relpath(directory)]
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    spellings += ['/proc/self/fd/%d' % fd, '/proc/%d/fd/%d' % (os.getpid(), fd), '/dev/fd/%d' % fd]
    for at in spellings:
        if len(at) < 90:
            reach(at + '/stream', at + '/datagram')
    try:
        for kind in 'stream', 'datagram':
            os.link(directory + '/' + kind, kind + '-link')
        reach('stream-link', 'datagram-link')
    except OSError:
        pass  # another file system, or a mount in between
    reach(name + 's', name + 'd')
