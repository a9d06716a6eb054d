// SPDX-License-Identifier: Apache-2.0
// Compiles the rules. It runs while Cordon is built (filters/main.cpp): libseccomp needs 0.8 ms for it, a sixth of a start.
#include "launch/compile_filter.hpp"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <initializer_list>

#include "base/fd.hpp"

namespace cordon::launch {
namespace {

int add(scmp_filter_ctx c, const FilterRule& rule) {
  std::vector<scmp_arg_cmp> matches;
  for (const Match& m : rule.matches) {
    // Where the kernel takes an int it looks at the lower half alone, so must we: a masked comparison ignores the upper.
    if (m.differs)
      matches.push_back(m.wide ? SCMP_CMP64(m.argument, SCMP_CMP_NE, m.value)
                               : SCMP_CMP32(m.argument, SCMP_CMP_NE, static_cast<std::uint32_t>(m.value)));
    else matches.push_back(SCMP_CMP64(m.argument, SCMP_CMP_MASKED_EQ, m.mask, m.value));
  }
  const std::uint32_t action = rule.error == 0 ? SCMP_ACT_NOTIFY : SCMP_ACT_ERRNO(rule.error == kPretended ? 0U : static_cast<unsigned>(rule.error));
  return seccomp_rule_add_array(c, action, rule.nr, static_cast<unsigned>(matches.size()), matches.data());
}

// What libseccomp has no word for: a range of numbers, "none but these" and "no bit but these". Foreign numbers are refused behind it
// anyway. The families, bit by bit, would be a third of the program, which the kernel compiles at each start.
constexpr sock_filter kPrologue[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, kLastReviewed, 0, 1),  // x32's numbers are above it too
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 7),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kFamilies[0], 10, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kFamilies[1], 9, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kFamilies[2], 8, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kFamilies[3], 7, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kFamilies[4], 6, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_personality, 0, 4),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),  // little endian: the lower half
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 2, 0),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, ~kPersonality, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
};

}  // namespace

Result<std::vector<sock_filter>> compile_filter(const FilterChoice& choice) {
  const scmp_filter_ctx c = seccomp_init(SCMP_ACT_ALLOW);
  if (!c) return impossible("cannot make the seccomp filter", ENOMEM, "free some memory");
  int r = seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
  if (r == 0) r = seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (const FilterRule& rule : filter_rules(choice))
    if (r == 0) r = add(c, rule);
  std::vector<sock_filter> program(std::begin(kPrologue), std::end(kPrologue));
  if (r == 0) {
    const Fd file(memfd_create("filter", MFD_CLOEXEC));
    r = file ? seccomp_export_bpf(c, file.get()) : -errno;
    const off_t size = r == 0 ? lseek(file.get(), 0, SEEK_END) : 0;
    program.resize(std::size(kPrologue) + static_cast<std::size_t>(size) / sizeof(sock_filter));
    if (r == 0 && pread(file.get(), &program[std::size(kPrologue)], static_cast<std::size_t>(size), 0) != size) r = -EIO;
  }
  seccomp_release(c);
  if (r != 0) return impossible("cannot make the seccomp filter", -r, "see `cordon doctor`");
  return program;
}

}  // namespace cordon::launch
