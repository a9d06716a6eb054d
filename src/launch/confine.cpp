// SPDX-License-Identifier: Apache-2.0
#include "launch/confine.hpp"

#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>

#include "base/call_filter.hpp"

namespace cordon::launch {

namespace {

// Of the terminal alone, whose foreground group we give and take.
constexpr auto kRequests = [](auto& filter, std::uint32_t nr) { return nr == SYS_ioctl && filter.require(1, filter.kAll, {TIOCGPGRP, TIOCSPGRP}); };
// It does not kill: libc makes a call or two of its own on the way to the sentence about a failure.
constexpr std::uint32_t kRefused = fails(EPERM);

}  // namespace

#define CALL(name) \
  std::uint32_t { SYS_##name }

Result<Fd> keeper_ruleset(const std::vector<Place>& places, const Cgroup& cgroup) {
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return impossible("cannot ask for Landlock", errno, "see `cordon doctor`");
  struct {
    std::uint64_t fs, net, scoped;
  } attr{(1ULL << (abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13)) - 1, abi >= 4 ? 3U : 0U, abi >= 6 ? 1U : 0U};
  Fd fd(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attr, abi >= 6 ? 24 : abi >= 4 ? 16 : 8, 0)));
  if (!fd) return impossible("cannot make a Landlock ruleset", errno, "see `cordon doctor`");
  const auto grant = [&](const Place& p) {
    landlock_path_beneath_attr a{};
    a.allowed_access =
        p.file ? LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_READ_FILE : LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_READ_DIR;
    a.parent_fd = p.parent;
    return syscall(SYS_landlock_add_rule, fd.get(), LANDLOCK_RULE_PATH_BENEATH, &a, 0) == 0;
  };
  bool all = !cgroup || grant(cgroup.place());
  for (const Place& p : places) all = all && grant(p);
  if (!all) return impossible("cannot add the Landlock rule for the removal of placeholders", errno, "see `cordon doctor`");
  return fd;
}

const sock_fprog& janitor_filter() {
  static constexpr CallFilter kFilter(std::array{CALL(ppoll), CALL(openat), CALL(write), CALL(flock), CALL(newfstatat), CALL(unlinkat), CALL(close),
                                                 CALL(exit_group), CALL(restart_syscall)},
                                      kRefused, [](auto&, std::uint32_t) { return false; });
  static const sock_fprog program = kFilter.program();
  return program;
}

int confine_init() {
  static constexpr CallFilter kFilter(
      std::array{
  // the loop: messages with descriptors, signals, time
#if defined(__x86_64__)
          CALL(poll), CALL(epoll_wait), CALL(readlink), CALL(getpgrp), CALL(chmod),
#endif
#if defined(CORDON_SANITIZED)
          CALL(sigaltstack), CALL(sched_yield), CALL(prctl),
#endif
          CALL(ppoll), CALL(epoll_pwait), CALL(epoll_ctl), CALL(timerfd_settime), CALL(read), CALL(pread64), CALL(write), CALL(writev), CALL(close),
          CALL(dup), CALL(fcntl), CALL(ioctl), CALL(sendto), CALL(sendmsg), CALL(recvfrom), CALL(recvmsg), CALL(clock_gettime), CALL(clock_nanosleep),
          CALL(nanosleep), CALL(restart_syscall),
          // the command's processes
          CALL(kill), CALL(tkill), CALL(tgkill), CALL(wait4), CALL(waitid), CALL(getrusage), CALL(getpid), CALL(gettid), CALL(getuid), CALL(geteuid),
          CALL(getgid), CALL(getegid), CALL(rt_sigprocmask), CALL(rt_sigaction), CALL(rt_sigreturn),
          // notifications: the caller's words and descriptors, the socket calls that are made for it, sockets for egress
          CALL(process_vm_readv), CALL(process_vm_writev), CALL(pidfd_open), CALL(pidfd_getfd), CALL(pidfd_send_signal), CALL(socket), CALL(connect),
          CALL(bind), CALL(sendmmsg), CALL(getsockopt), CALL(setsockopt), CALL(getsockname), CALL(getpeername), CALL(shutdown),
          // /proc, the private trees, the last look at what git would execute
          CALL(openat), CALL(openat2), CALL(fstat), CALL(newfstatat), CALL(statx), CALL(statfs), CALL(fstatfs), CALL(lseek), CALL(getdents64),
          CALL(readlinkat), CALL(fchmod), CALL(fchmodat), CALL(renameat2), CALL(unlinkat), CALL(landlock_restrict_self),
          // memory, and the exit
          CALL(brk), CALL(mmap), CALL(munmap), CALL(mremap), CALL(madvise), CALL(mprotect), CALL(futex), CALL(getrandom), CALL(exit_group),
          CALL(exit)},
      kRefused, [](auto& filter, std::uint32_t nr) {
        return nr == SYS_ioctl && filter.require(1, filter.kAll, {SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND, SECCOMP_IOCTL_NOTIF_ID_VALID});
      });
  static const sock_fprog program = kFilter.program();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : errno;
}

Result<void> confine_supervisor(const std::vector<Place>& places, const Cgroup& cgroup) {
  static constexpr CallFilter kFilter(
      std::array{
  // the loop: messages with descriptors, signals, time, output
#if defined(__x86_64__)
          CALL(poll),
#endif
          CALL(ppoll), CALL(read), CALL(pread64), CALL(write), CALL(writev), CALL(splice), CALL(sendto), CALL(sendmsg), CALL(recvfrom), CALL(recvmsg),
          CALL(shutdown), CALL(clock_gettime), CALL(clock_nanosleep), CALL(nanosleep), CALL(close), CALL(restart_syscall),
          // job control and the end of the sandbox
          CALL(pidfd_send_signal), CALL(wait4), CALL(waitid), CALL(tgkill), CALL(getpid), CALL(gettid), CALL(getpgid),
#if defined(__x86_64__)
          CALL(getpgrp),
#endif
          CALL(kill), CALL(ioctl), CALL(rt_sigprocmask), CALL(rt_sigaction), CALL(rt_sigreturn),
          // placeholders and the cgroup: Landlock says where
          CALL(openat), CALL(flock), CALL(newfstatat), CALL(fstat), CALL(lseek), CALL(unlinkat),
#if defined(CORDON_SANITIZED)
          // a sanitizer's run time, for a report
          CALL(readlinkat), CALL(sigaltstack), CALL(getrusage),
#if defined(__x86_64__)
          CALL(readlink),
#endif
#endif
          // memory, and the exit of a C++ program
          CALL(brk), CALL(mmap), CALL(munmap), CALL(mremap), CALL(madvise), CALL(mprotect), CALL(futex), CALL(getrandom), CALL(exit_group),
          CALL(exit)},
      kRefused, kRequests);
  static const sock_fprog program = kFilter.program();
  auto ruleset = keeper_ruleset(places, cgroup);
  if (!ruleset) return std::unexpected(ruleset.error());
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_landlock_restrict_self, ruleset->get(), 0) != 0 ||
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return impossible("the supervisor cannot confine itself", errno, "see `cordon doctor`");
  return {};
}

#undef CALL

}  // namespace cordon::launch
