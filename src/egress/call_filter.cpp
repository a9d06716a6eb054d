// SPDX-License-Identifier: Apache-2.0
#include "egress/call_filter.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "base/call_filter.hpp"

namespace cordon::egress {
namespace {

struct Call {
  std::uint32_t nr;
  const char* name;
};
#define CALL(n) {SYS_##n, #n}
// Each group with who needs it.
constexpr auto kPermitted = std::to_array<Call>({
    // tunnels: accept, dial, relay
    CALL(accept),
    CALL(accept4),
    CALL(socket),
    CALL(connect),
    CALL(bind),
    CALL(getsockopt),
    CALL(setsockopt),
    CALL(getsockname),
    CALL(getpeername),
    CALL(shutdown),
    CALL(splice),
    CALL(pipe2),
    CALL(recvfrom),
    CALL(sendto),
    CALL(recvmsg),
    CALL(sendmsg),
    CALL(read),
    CALL(write),
    CALL(readv),
    CALL(writev),
    CALL(close),
    CALL(fcntl),
    CALL(ioctl),
    CALL(ppoll),
    // the loop
    CALL(epoll_ctl),
    CALL(epoll_pwait),
    CALL(timerfd_settime),
    CALL(clock_gettime),
    CALL(gettimeofday),
    // the socket of net.route; files that were opened by another process (SIGHUP)
    CALL(openat),
    CALL(fstat),
    CALL(newfstatat),
    CALL(pread64),
    // libc: memory, locks, random numbers for query identifiers, signals, the end
    CALL(mmap),
    CALL(munmap),
    CALL(mremap),
    CALL(mprotect),
    CALL(madvise),
    CALL(brk),
    CALL(futex),
    CALL(getrandom),
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(rt_sigreturn),
    CALL(restart_syscall),
    CALL(sched_yield),
    CALL(getpid),
    CALL(gettid),
    CALL(tgkill),
    CALL(exit),
    CALL(exit_group),
#if defined(__x86_64__)
    CALL(poll),
    CALL(epoll_wait),
#endif
});
#undef CALL

// What a sanitizer's run time needs beside, for its memory and for a report.
constexpr auto kOfSanitizer = std::to_array<std::uint32_t>({
    SYS_restart_syscall,  // of the list above: an array is not empty
#if defined(CORDON_SANITIZED)
    SYS_sigaltstack,
    SYS_getrusage,
    SYS_prlimit64,
    SYS_readlinkat,
    SYS_prctl,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_lseek,
#if defined(__x86_64__)
    SYS_readlink,

    SYS_open,
    SYS_stat,
#endif
#endif
});

constexpr auto numbers() {
  std::array<std::uint32_t, kPermitted.size() + kOfSanitizer.size()> all{};
  std::ranges::copy(kOfSanitizer, std::ranges::transform(kPermitted, all.begin(), &Call::nr).out);
  return all;
}

constexpr bool check(auto& filter, std::uint32_t nr) {
  constexpr std::uint32_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC;
  if (nr == SYS_openat) return filter.require(2, kWriting, {O_RDONLY});
#if defined(__x86_64__)
  if (nr == SYS_open) return filter.require(1, kWriting, {O_RDONLY});
#endif
  if (nr == SYS_mmap || nr == SYS_mprotect) return filter.require(2, PROT_EXEC, {0});
  if (nr == SYS_socket) return filter.require(0, filter.kAll, {AF_INET, AF_INET6, AF_UNIX}, fails(EAFNOSUPPORT));
  return false;
}

constexpr CallFilter kFilter(numbers(), SECCOMP_RET_KILL_PROCESS, [](auto& filter, std::uint32_t nr) { return check(filter, nr); });

}  // namespace

std::span<const sock_filter> call_filter() { return {kFilter.begin(), kFilter.end()}; }

std::vector<std::string> permitted_calls() {
  std::vector<std::string> names;
  for (const Call& call : kPermitted) names.emplace_back(call.name);
  return names;
}

}  // namespace cordon::egress
