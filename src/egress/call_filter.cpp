// SPDX-License-Identifier: Apache-2.0
#include "egress/call_filter.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

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

constexpr sock_filter kKill = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS), kAllow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
constexpr sock_filter load(std::size_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
// The low half of an argument, which is all that the kernel takes of these.
constexpr sock_filter argument(std::size_t n) { return load(offsetof(seccomp_data, args) + n * sizeof(std::uint64_t)); }

struct Program {
  std::array<sock_filter, 512> code{};
  std::size_t size = 0;
  constexpr void add(std::initializer_list<sock_filter> more) {
    for (const sock_filter& f : more) code[size++] = f;
  }
};

constexpr void add_masked(Program& p, std::uint32_t nr, std::size_t n, std::uint32_t mask) {
  p.add({BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4), argument(n), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), kAllow, kKill});
}

constexpr void add_leaf(Program& p, std::uint32_t nr) {
  if (nr == SYS_openat) return add_masked(p, nr, 2, O_ACCMODE | O_CREAT | O_TRUNC);  // O_RDONLY is 0
#if defined(__x86_64__)
  if (nr == SYS_open) return add_masked(p, nr, 1, O_ACCMODE | O_CREAT | O_TRUNC);
#endif
  if (nr == SYS_mmap || nr == SYS_mprotect) return add_masked(p, nr, 2, PROT_EXEC);
  if (nr == SYS_socket)
    return p.add({BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 6), argument(0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 3, 0),
                  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 2, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0),
                  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT), kAllow, kKill});
  p.add({BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), kAllow, kKill});
}

constexpr void add_search(Program& p, const std::uint32_t* from, const std::uint32_t* to) {
  if (to - from == 1) return add_leaf(p, *from);
  const auto* middle = from + (to - from) / 2;
  const std::size_t jump = p.size++;
  add_search(p, from, middle);
  // An offset has 8 bits: what does not fit would not be a constant.
  const std::size_t left = p.size - jump - 1;
  if (left > 255) throw "the left half is too long";
  p.code[jump] = BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, *middle, static_cast<std::uint8_t>(left), 0);
  add_search(p, middle, to);
}

constexpr Program make() {
#if defined(__x86_64__)
  constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#else
  constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#endif
  std::array<std::uint32_t, kPermitted.size() + kOfSanitizer.size()> numbers{};
  const auto rest = std::ranges::transform(kPermitted, numbers.begin(), &Call::nr).out;
  std::ranges::copy(kOfSanitizer, rest);
  std::ranges::sort(numbers);
  const auto twice = std::ranges::unique(numbers);
  Program p;
  p.add({load(offsetof(seccomp_data, arch)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArch, 1, 0), kKill, load(offsetof(seccomp_data, nr))});
  add_search(p, numbers.data(), numbers.data() + (twice.begin() - numbers.begin()));
  return p;
}

constexpr Program kProgram = make();

}  // namespace

std::span<const sock_filter> call_filter() { return {kProgram.code.data(), kProgram.size}; }

std::vector<std::string> permitted_calls() {
  std::vector<std::string> names;
  for (const Call& call : kPermitted) names.emplace_back(call.name);
  return names;
}

}  // namespace cordon::egress
