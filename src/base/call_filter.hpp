// SPDX-License-Identifier: Apache-2.0
// A seccomp program (seccomp(2)) made by the compiler: the calls of a list, by number, and no other. It is a search tree: when a program is loaded
// the kernel runs it once for each number there is, which for a plain list takes longer than all the rest. The program of a command is not made
// so: its rules are libseccomp's (launch/compile_filter.hpp).
//
//   static constexpr CallFilter kFilter(std::to_array<std::uint32_t>({SYS_read, SYS_openat}), fails(EPERM),
//                                       [](auto& filter, std::uint32_t nr) { return nr == SYS_openat && filter.require(2, O_ACCMODE, {O_RDONLY}); });
#pragma once
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace cordon {

#if defined(__x86_64__)
inline constexpr std::uint32_t kOwnArchitecture = AUDIT_ARCH_X86_64;
#else
inline constexpr std::uint32_t kOwnArchitecture = AUDIT_ARCH_AARCH64;
#endif

/// What a program answers: the errno, the end of the process, or the call.
constexpr std::uint32_t fails(int error) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error); }

template <std::size_t N>
class CallFilter {
 public:
  /// `otherwise`: the answer to what is not in the list. `check(filter, nr)` may say more of a call of the list, by one `require`, whose result
  /// it returns; false where the number is enough. Calls of another architecture end the process.
  template <class Check>
  constexpr CallFilter(std::array<std::uint32_t, N> calls, std::uint32_t otherwise, Check check) : otherwise_(otherwise) {
    std::ranges::sort(calls);
    const auto end = calls.data() + (std::ranges::unique(calls).begin() - calls.begin());
    load(offsetof(seccomp_data, arch));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kOwnArchitecture, 1, 0));
    answer(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
    search(calls.data(), end, check);
  }
  /// The lower half of argument `n`, which is all that the kernel takes of an int, is one of `values` once `mask` is applied. Else: `refusal`,
  /// or the answer to what is not in the list.
  constexpr bool require(std::size_t n, std::uint32_t mask, std::initializer_list<std::uint32_t> values, std::uint32_t refusal = 0) {
    load(offsetof(seccomp_data, args) + n * sizeof(std::uint64_t));  // little endian
    if (mask != kAll) add(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
    for (std::size_t left = values.size(); const std::uint32_t v : values)
      add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, static_cast<std::uint8_t>(left--), 0));
    answer(refusal == 0 ? otherwise_ : refusal);
    answer(SECCOMP_RET_ALLOW);
    return true;
  }
  [[nodiscard]] constexpr const sock_filter* begin() const { return code_.data(); }
  [[nodiscard]] constexpr const sock_filter* end() const { return code_.data() + size_; }
  [[nodiscard]] constexpr sock_fprog program() const { return {static_cast<unsigned short>(size_), const_cast<sock_filter*>(code_.data())}; }

  static constexpr std::uint32_t kAll = 0xffffffff;

 private:
  static constexpr std::ptrdiff_t kLeaf = 3;  // numbers that are compared one after the other

  constexpr void add(sock_filter instruction) { code_.at(size_++) = instruction; }
  constexpr void load(std::size_t offset) { add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset))); }
  constexpr void answer(std::uint32_t what) { add(BPF_STMT(BPF_RET | BPF_K, what)); }

  template <class Check>
  constexpr void search(const std::uint32_t* from, const std::uint32_t* to, Check& check) {
    if (to - from > kLeaf) {
      const std::uint32_t* const middle = from + (to - from) / 2;
      const std::size_t branch = size_++;
      search(from, middle, check);
      const std::size_t distance = size_ - branch - 1;
      if (distance > 255) throw "too far for a jump";
      code_.at(branch) = BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, *middle, static_cast<std::uint8_t>(distance), 0);
      return search(middle, to, check);
    }
    for (; from != to; ++from) {
      const std::size_t compare = size_++, body = size_;
      if (!check(*this, *from)) answer(SECCOMP_RET_ALLOW);
      code_.at(compare) = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, *from, 0, static_cast<std::uint8_t>(size_ - body));
    }
    answer(otherwise_);
  }

  std::array<sock_filter, 8 * N + 16> code_{};
  std::size_t size_ = 0;
  std::uint32_t otherwise_;
};

}  // namespace cordon
