// SPDX-License-Identifier: Apache-2.0
// The program over made-up calls.
#include "egress/call_filter.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "base/call_filter.hpp"
#include "base/run_filter.hpp"

namespace cordon::egress {
namespace {

std::uint32_t call(long nr, std::uint64_t first = 0, std::uint64_t second = 0, std::uint64_t third = 0) {
  seccomp_data d{};
  d.nr = static_cast<int>(nr);
  d.arch = kOwnArchitecture;
  d.args[0] = first;
  d.args[1] = second;
  d.args[2] = third;
  return run_filter(call_filter(), d);
}

TEST(CallFilter, AllowsTheCallsOfItsListAndNoOther) {
  unsigned allowed = 0;
  for (long nr = 0; nr < 1000; ++nr) allowed += call(nr, AF_INET) == SECCOMP_RET_ALLOW;
#if defined(CORDON_SANITIZED)
  EXPECT_GE(allowed, permitted_calls().size());
#else
  EXPECT_EQ(allowed, permitted_calls().size());
#endif
  for (const long nr :
       std::initializer_list<long>{SYS_execve, SYS_clone, SYS_ptrace, SYS_unlinkat, SYS_renameat2, SYS_kill, SYS_setns, SYS_unshare, SYS_bpf,
                                   SYS_memfd_create, SYS_openat2, SYS_io_uring_setup, SYS_sendmmsg, 0x40000000L, 0x40000000L + SYS_read, -1L})
    EXPECT_EQ(call(nr), SECCOMP_RET_KILL_PROCESS) << nr;
  for (const long nr : std::initializer_list<long>{SYS_read, SYS_write, SYS_splice, SYS_close, SYS_epoll_ctl, SYS_exit_group})
    EXPECT_EQ(call(nr), SECCOMP_RET_ALLOW) << nr;
}

TEST(CallFilter, OpensForReadingAlone) {
  for (const int flags : {O_RDONLY, O_RDONLY | O_CLOEXEC | O_NONBLOCK, O_PATH | O_NOFOLLOW | O_CLOEXEC})
    EXPECT_EQ(call(SYS_openat, 0, 0, static_cast<unsigned>(flags)), SECCOMP_RET_ALLOW);
  for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_WRONLY | O_APPEND})
    EXPECT_EQ(call(SYS_openat, 0, 0, static_cast<unsigned>(flags)), SECCOMP_RET_KILL_PROCESS) << flags;
}

TEST(CallFilter, MapsNothingExecutable) {
  for (const long nr : {SYS_mmap, SYS_mprotect}) {
    EXPECT_EQ(call(nr, 0, 4096, PROT_READ | PROT_WRITE), SECCOMP_RET_ALLOW);
    EXPECT_EQ(call(nr, 0, 4096, PROT_READ | PROT_EXEC), SECCOMP_RET_KILL_PROCESS);
  }
}

TEST(CallFilter, MakesSocketsOfThreeFamilies) {
  for (const int family : {AF_INET, AF_INET6, AF_UNIX}) EXPECT_EQ(call(SYS_socket, static_cast<unsigned>(family)), SECCOMP_RET_ALLOW);
  for (const int family : {AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG})
    EXPECT_EQ(call(SYS_socket, static_cast<unsigned>(family)), SECCOMP_RET_ERRNO | EAFNOSUPPORT) << family;
}

TEST(CallFilter, EndsWhoCallsAsAnotherMachine) {
  seccomp_data d{};
  d.nr = SYS_read;
  d.arch = AUDIT_ARCH_I386;
  EXPECT_EQ(run_filter(call_filter(), d), SECCOMP_RET_KILL_PROCESS);
}

}  // namespace
}  // namespace cordon::egress
