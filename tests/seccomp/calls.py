# SPDX-License-Identifier: Apache-2.0
# System calls with made-up arguments, and the errno each must give. With "control", without Cordon: the kernel has them.
import ctypes, errno, os, platform, sys

libc = ctypes.CDLL(None, use_errno=True)
bare = 'control' in sys.argv
failed = 0


def call(nr, *args):
    ctypes.set_errno(0)
    r = libc.syscall(ctypes.c_long(nr), *[ctypes.c_long(a - (1 << 64) if a >= 1 << 63 else a) for a in args])
    return errno.errorcode.get(ctypes.get_errno(), '?') if r == -1 else 'ok'


def expect(what, got, *want):
    global failed
    good = got in want
    failed += not good
    print('ok' if good else 'FAILED', what, '' if good else 'gave %s, not %s' % (got, want), flush=True)


if platform.machine() != 'x86_64':
    print('SKIP seccomp: the numbers are those of x86_64')
    sys.exit(0)
if bare:  # what is refused inside exists here: the kernel complains of the arguments, or of the missing privilege
    expect('mseal exists', call(462, 1, 0, 1), 'EINVAL')
    expect('unix datagram sockets exist', call(41, 1, 2, 0), 'ok')
    expect('clone3 exists', call(435, 0, 0), 'EINVAL')
    sys.exit(1 if failed else 0)

EPERM = {'mount': 165, 'umount2': 166, 'pivot_root': 155, 'chroot': 161, 'open_tree': 428, 'move_mount': 429, 'fsopen': 430, 'fsconfig': 431,
         'fsmount': 432, 'fspick': 433, 'mount_setattr': 442, 'open_tree_attr': 467, 'setns': 308, 'add_key': 248, 'request_key': 249,
         'keyctl': 250, 'bpf': 321, 'perf_event_open': 298, 'userfaultfd': 323, 'fanotify_init': 300, 'open_by_handle_at': 304,
         'lsm_set_self_attr': 460, 'init_module': 175, 'finit_module': 313, 'delete_module': 176, 'kexec_load': 246, 'kexec_file_load': 320,
         'reboot': 169, 'swapon': 167, 'swapoff': 168, 'acct': 163, 'quotactl': 179, 'settimeofday': 164, 'clock_settime': 227,
         'syslog': 103, 'vhangup': 153, 'iopl': 172, 'ioperm': 173, 'modify_ldt': 154, 'sethostname': 170, 'setdomainname': 171}
for name, nr in EPERM.items():
    expect(name, call(nr, 0, 0, 0, 0, 0, 0), 'EPERM')
for name, nr in {'io_uring_setup': 425, 'io_uring_enter': 426, 'io_uring_register': 427, 'statmount': 457, 'listmount': 458, 'memfd_secret': 447,
                 'clone3': 435, 'listns': 470, 'a call of the future': 900, 'x32 getpid': 0x40000000 + 39, 'x32 connect': 0x40000000 + 42}.items():
    expect(name, call(nr, 0, 0, 0, 0), 'ENOSYS')
up = 1 << 32
for name, request in {'TIOCSTI': 0x5412, 'TIOCLINUX': 0x541c, 'TIOCSETD': 0x5423, 'TIOCCONS': 0x541d, 'TIOCEXCL': 0x540c}.items():
    for upper in 0, up, 0xffffffff << 32:
        expect('%s, upper half %x' % (name, upper >> 32), call(16, 0, upper | request, 0), 'EPERM')
for family in list(range(3, 10)) + list(range(11, 16)) + list(range(17, 64)) + [64, 100, 0x80000000]:
    expect('family %d' % family, call(41, family, 1, 0), 'EAFNOSUPPORT')
    expect('family %d, upper half' % family, call(41, up | family, 1, 0), 'EAFNOSUPPORT')
for protocol in range(1, 23):
    expect('netlink %d' % protocol, call(41, 16, 3, protocol), 'EAFNOSUPPORT')
expect('netlink route', call(41, 16, 3, 0), 'ok')
for family in 2, 10:
    expect('raw socket', call(41, family, 3, 255), 'EPERM')
    expect('packet type', call(41, family, 10, 0), 'EPERM')
    for protocol in 262, 132, 33, 256, 115:
        expect('protocol %d' % protocol, call(41, family, 1, protocol), 'EPROTONOSUPPORT')
for flag in 0x10000000, 0x20000, 0x20000000, 0x40000000, 0x8000000, 0x4000000, 0x2000000, 0x80:
    expect('unshare %x' % flag, call(272, flag), 'EPERM')
    if flag != 0x80:
        expect('clone %x' % flag, call(56, flag | 17, 0, 0, 0, 0), 'EPERM')
expect('unshare CLONE_FILES', call(272, 0x400), 'ok')
expect('personality READ_IMPLIES_EXEC', call(135, 0x0400000), 'EPERM')
expect('personality MMAP_PAGE_ZERO, upper half', call(135, up | 0x0100000), 'EPERM')
expect('personality ADDR_NO_RANDOMIZE', call(135, 0x0040000), 'ok')
expect('personality query', call(135, 0xffffffff), 'ok')
for name, command in {'F_SETLEASE': 1024, 'F_SETDELEG': 1040}.items():
    expect(name, call(72, 0, command, 0), 'EPERM')
    expect(name + ', upper half', call(72, 0, up | command, 0), 'EPERM')
for name, nr in {'setpriority': 141, 'ioprio_set': 251}.items():
    first = 0 if name == 'setpriority' else 1  # PRIO_PROCESS, IOPRIO_WHO_PROCESS
    value = os.getpriority(os.PRIO_PROCESS, 0) if name == 'setpriority' else 2 << 13 | 4
    expect(name + ' of oneself', call(nr, first, 0, value), 'ok')
    expect(name + ' of PID 1', call(nr, up | first, up | 1, value), 'EPERM')
    expect(name + ' of a group', call(nr, first + 1, 0, value), 'EPERM')
    expect(name + ' of a user', call(nr, first + 2, 0, value), 'EPERM')
for name, nr in {'sched_setparam': 142, 'sched_setscheduler': 144, 'sched_setattr': 314, 'sched_setaffinity': 203}.items():
    expect(name + ' of PID 1', call(nr, 1, 0, 0), 'EPERM')
limit = (ctypes.c_ulong * 2)(0, 0)
before = open('/proc/self/limits').read()
expect('setrlimit RLIMIT_CORE', call(160, 4, ctypes.addressof(limit)), 'ok')
expect('prlimit64 RLIMIT_CORE', call(302, 0, 4, ctypes.addressof(limit), 0), 'ok')
expect('prlimit64 RLIMIT_CORE that asks for the old', call(302, 0, 4, ctypes.addressof(limit), ctypes.addressof(limit)), 'EPERM')
expect('the limit of cores is as it was', open('/proc/self/limits').read() == before, True)
expect('prlimit64 RLIMIT_CORE is read', call(302, 0, 4, 0, ctypes.addressof(limit)), 'ok')
device = ctypes.create_string_buffer(b'device')
expect('a device file', call(133, ctypes.addressof(device), 0o20666, 0x103), 'EPERM')
expect('getxattrat exists', call(464, -100, 0, 0, 0, 0, 0), 'EFAULT', 'EINVAL')
expect('file_getattr exists', call(468, -100, 0, 0, 0, 0), 'EFAULT', 'EINVAL')
expect('SO_ZEROCOPY', call(54, 0, 1, 60, 0, 4), 'EOPNOTSUPP', 'ENOTSUP')
expect('seccomp filters can be stacked', call(157, 38, 1, 0, 0, 0), 'ok')
expect('ptrace of oneself', call(101, 0, 0, 0, 0), 'ok')
sys.exit(1 if failed else 0)
