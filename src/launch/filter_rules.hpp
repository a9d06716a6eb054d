// SPDX-License-Identifier: Apache-2.0
// What the seccomp program refuses, as data: seccomp.cpp compiles it, a test prints it, a test runs it.
#pragma once
#include <cordon/plan.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace cordon::launch {

/// A comparison of one argument's lower 32 bits (`wide`: of all 64): (argument & mask) == value, or != with `differs`.
struct Match {
  unsigned argument = 0;
  std::uint64_t mask = 0xffffffff, value = 0;
  bool differs = false, wide = false;
};

/// As the error of a rule: the call seems to succeed, and nothing is done.
inline constexpr int kPretended = -1;

/// All matches hold: the call fails with `error`, or goes to PID 1 if that is 0.
struct FilterRule {
  int nr = 0;
  const char* name = "";
  int error = 0;
  std::vector<Match> matches;
};

/// The last call of the review (Linux 6.18, file_setattr). What is newer does not exist for the command.
inline constexpr std::uint32_t kLastReviewed = 469;
/// The families that socket(2) may be given: none, unix, inet, netlink, inet6. Vsock reaches the hypervisor, AF_ALG and others are
/// seldom used kernel code.
inline constexpr std::uint32_t kFamilies[] = {0, 1, 2, 16, 10};
/// What personality(2) may be given: nothing else than these bits, or the query 0xffffffff.
inline constexpr std::uint32_t kPersonality = 0x0040000 /* ADDR_NO_RANDOMIZE, for gdb */ | 0x8 /* PER_LINUX32, for setarch */;

/// All of a plan that a filter depends on.
struct FilterChoice {
  bool namespaces = true;  ///< the tier
  bool nested_namespaces = false;
  bool watch_exec = false;      ///< there are rules to tell of
  bool restrict_exec = false;   ///< nothing but what a list allows
  bool metered_memory = false;  ///< PID 1 holds the limit, for want of a cgroup
  NetMode net = NetMode::none;

  static constexpr unsigned count = 96;
  FilterChoice() = default;
  FilterChoice(const Plan& plan)  // NOLINT(google-explicit-constructor): a plan is a choice
      : namespaces(plan.tier == Tier::namespaces),
        nested_namespaces(plan.nested_namespaces),
        watch_exec(plan.restrict_exec || !plan.exec_rules.empty()),
        restrict_exec(plan.restrict_exec),
        metered_memory(plan.by_meter.memory.has_value()),
        net(plan.net) {}
  /// 0 to count - 1.
  [[nodiscard]] unsigned index() const {
    return static_cast<unsigned>(namespaces) | static_cast<unsigned>(nested_namespaces) << 1 | static_cast<unsigned>(watch_exec) << 2 |
           static_cast<unsigned>(restrict_exec) << 3 | static_cast<unsigned>(metered_memory) << 4 | static_cast<unsigned>(net) << 5;
  }
  static FilterChoice at(unsigned index) {
    FilterChoice c;
    c.namespaces = (index & 1) != 0;
    c.nested_namespaces = (index & 2) != 0;
    c.watch_exec = (index & 4) != 0;
    c.restrict_exec = (index & 8) != 0;
    c.metered_memory = (index & 16) != 0;
    c.net = static_cast<NetMode>(index >> 5);
    return c;
  }
};

[[nodiscard]] std::vector<FilterRule> filter_rules(const FilterChoice& choice);
/// One line a rule.
[[nodiscard]] std::string render(const std::vector<FilterRule>& rules);

}  // namespace cordon::launch
