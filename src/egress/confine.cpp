// SPDX-License-Identifier: Apache-2.0
#include "egress/confine.hpp"

#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.hpp"
#include "base/sanitizer.hpp"
#include "egress/call_filter.hpp"

namespace cordon::egress {
namespace {

// Every right that this ABI knows is handled and none granted: all are refused.
std::uint64_t filesystem_rights(int abi) {
  constexpr std::uint64_t known[] = {0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};
  return known[std::clamp(abi, 0, 5)];
}

Result<void> restrict_files() {
  const int abi = static_cast<int>(syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (abi < 1) return {};  // the calls that are left write no file
  // From ABI 6 on, also no signal and no abstract socket beyond this process.
  struct {
    std::uint64_t fs, net, scoped;
  } attr{filesystem_rights(abi), 0, abi >= 6 ? 3ULL : 0ULL};
  const Fd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attr, abi >= 6 ? 24 : 8, 0)));
  if (!ruleset) return impossible("egress cannot make its Landlock ruleset", errno, "see `cordon doctor`");
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return impossible("egress cannot apply Landlock to itself", errno, "see `cordon doctor`");
  return {};
}

Result<void> restrict_calls() {
  const auto calls = call_filter();
  const sock_fprog program{static_cast<unsigned short>(calls.size()), const_cast<sock_filter*>(calls.data())};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return impossible("egress cannot load its seccomp filter", errno, "see `cordon doctor`");
  return {};
}

}  // namespace

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

Result<void> confine() {
  sanitizer::give_up_the_host();
  signal(SIGPIPE, SIG_IGN);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return impossible("egress cannot give up its privileges", errno, "use Linux 5.13 or newer");
  if (auto r = restrict_files(); !r) return r;
  return restrict_calls();
}

}  // namespace cordon::egress
