// SPDX-License-Identifier: Apache-2.0
// For tests: a seccomp program run over a made-up call.
#pragma once
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <cstring>
#include <span>

namespace cordon {

/// Classic BPF as the kernel runs it for seccomp. Anything else than what a seccomp filter may hold gives no answer that there is.
inline std::uint32_t run_filter(std::span<const sock_filter> program, const seccomp_data& data) {
  std::uint32_t a = 0, x = 0, memory[16]{};
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& i = program[pc];
    switch (i.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (i.k + 4 > sizeof data) return 0xdead;
        std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, 4);
        break;
      case BPF_LD | BPF_IMM: a = i.k; break;
      case BPF_LD | BPF_MEM: a = memory[i.k]; break;
      case BPF_ST: memory[i.k] = a; break;
      case BPF_MISC | BPF_TAX: x = a; break;
      case BPF_MISC | BPF_TXA: a = x; break;
      case BPF_ALU | BPF_AND | BPF_K: a &= i.k; break;
      case BPF_JMP | BPF_JA: pc += i.k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: pc += a == i.k ? i.jt : i.jf; break;
      case BPF_JMP | BPF_JGT | BPF_K: pc += a > i.k ? i.jt : i.jf; break;
      case BPF_JMP | BPF_JGE | BPF_K: pc += a >= i.k ? i.jt : i.jf; break;
      case BPF_JMP | BPF_JSET | BPF_K: pc += (a & i.k) != 0 ? i.jt : i.jf; break;
      case BPF_RET | BPF_K: return i.k;
      case BPF_RET | BPF_A: return a;
      default: return 0xbad0000U + i.code;
    }
  }
  return 0xdead;
}

}  // namespace cordon
