// SPDX-License-Identifier: Apache-2.0
#include "launch/confine.hpp"

#include <linux/audit.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>

namespace cordon::launch {
namespace {

#define CALL(name) \
  std::uint32_t { SYS_##name }

#if defined(__x86_64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#endif

// Allows the calls of the list, by number alone, and ioctl(2) for two requests of the terminal. Everything else fails and does
// nothing; it does not kill, for libc makes a call or two of its own on the way to the sentence about a failure.
template <std::size_t N>
constexpr auto allow_list(const std::array<std::uint32_t, N>& calls) {
  std::array<sock_filter, 2 * N + 10> f{};
  std::size_t n = 0;
  f[n++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
  f[n++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArch, 1, 0);
  f[n++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  f[n++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (const std::uint32_t nr : calls) {
    f[n++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
    f[n++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  f[n++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4);
  f[n++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1]));
  f[n++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCGPGRP, 1, 0);
  f[n++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSPGRP, 0, 1);
  f[n++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  f[n++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  return f;
}

}  // namespace

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
    a.allowed_access = LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_READ_DIR;
    a.parent_fd = p.parent;
    return syscall(SYS_landlock_add_rule, fd.get(), LANDLOCK_RULE_PATH_BENEATH, &a, 0) == 0;
  };
  bool all = !cgroup || grant(cgroup.place());
  for (const Place& p : places) all = all && grant(p);
  if (!all) return impossible("cannot add the Landlock rule for the removal of placeholders", errno, "see `cordon doctor`");
  return fd;
}

const sock_fprog& janitor_filter() {
  static constexpr auto kFilter = allow_list(std::array{CALL(ppoll), CALL(openat), CALL(write), CALL(flock), CALL(newfstatat), CALL(unlinkat),
                                                        CALL(close), CALL(exit_group), CALL(restart_syscall)});
  static const sock_fprog program{kFilter.size(), const_cast<sock_filter*>(kFilter.data())};
  return program;
}

Result<void> confine_supervisor(const std::vector<Place>& places, const Cgroup& cgroup) {
  static constexpr auto kFilter = allow_list(std::array{
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
      CALL(kill), CALL(rt_sigprocmask), CALL(rt_sigaction), CALL(rt_sigreturn),
      // placeholders and the cgroup: Landlock says where
      CALL(openat), CALL(flock), CALL(newfstatat), CALL(fstat), CALL(lseek), CALL(unlinkat),
      // memory, and the exit of a C++ program
      CALL(brk), CALL(mmap), CALL(munmap), CALL(mremap), CALL(madvise), CALL(mprotect), CALL(futex), CALL(getrandom), CALL(exit_group), CALL(exit)});
  static const sock_fprog program{kFilter.size(), const_cast<sock_filter*>(kFilter.data())};
  auto ruleset = keeper_ruleset(places, cgroup);
  if (!ruleset) return std::unexpected(ruleset.error());
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_landlock_restrict_self, ruleset->get(), 0) != 0 ||
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return impossible("the supervisor cannot confine itself", errno, "see `cordon doctor`");
  return {};
}

#undef CALL

}  // namespace cordon::launch
