// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace cordon::launch {

/// A seccomp program. Allows the calls of the list, by number alone, and ioctl(2) for two requests of the terminal. Everything else fails and does
/// nothing; it does not kill, for libc makes a call or two of its own on the way to the sentence about a failure. It is a search tree: when a
/// program is loaded the kernel runs it once for each number there is, which for a plain list takes longer than all the rest.
template <std::size_t N>
struct AllowList {
#if defined(__x86_64__)
  static constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#else
  static constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#endif
  static constexpr std::size_t kLeaf = 3;  // numbers that are compared one after the other
  static constexpr std::size_t kMost = 4 * N + 16;
  std::array<sock_filter, kMost> program{};
  std::size_t size = 0;

  constexpr explicit AllowList(std::array<std::uint32_t, N> calls) {
    std::ranges::sort(calls);
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArch, 1, 0));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCGPGRP, 1, 0));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSPGRP, 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    search(calls.data(), N);
  }
  [[nodiscard]] constexpr sock_fprog get() const { return {static_cast<unsigned short>(size), const_cast<sock_filter*>(program.data())}; }

 private:
  constexpr void add(sock_filter instruction) { program.at(size++) = instruction; }
  constexpr void search(const std::uint32_t* calls, std::size_t n) {
    if (n > kLeaf) {
      const std::size_t half = n / 2, branch = size;
      add(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, calls[half], 0, 0));
      search(calls, half);
      const std::size_t distance = size - branch - 1;
      if (distance > 255) throw "too far for a jump";
      program.at(branch).jt = static_cast<std::uint8_t>(distance);
      return search(calls + half, n - half);
    }
    for (std::size_t i = 0; i < n; ++i) add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], static_cast<std::uint8_t>(n - i), 0));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
};

}  // namespace cordon::launch
