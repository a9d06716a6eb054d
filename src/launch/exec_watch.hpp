// SPDX-License-Identifier: Apache-2.0
// execve(2) and execveat(2) under exec rules: names what is denied. It may refuse, never allow: mounts (noexec) and Landlock
// hold what it lets pass, for the path and the file may change behind it.
#pragma once
#include <cordon/plan.hpp>
#include <linux/seccomp.h>

#include <optional>
#include <string>
#include <vector>

#include "launch/caller.hpp"

namespace cordon::launch {

class ExecWatch {
 public:
  /// `restricted`: only what a rule allows may run.
  ExecWatch(const std::vector<ExecRule>& rules, bool restricted) : rules_(rules), restricted_(restricted) {}
  struct Denied {
    std::string path, rule, hint;
  };
  /// The program, the interpreters of a script, and what a dynamic loader is told to run.
  [[nodiscard]] std::optional<Denied> check(const Caller& caller, const seccomp_data& data) const;

 private:
  [[nodiscard]] std::optional<Denied> decide(const Fd& file) const;
  [[nodiscard]] std::optional<Denied> follow(const Caller& caller, int at, std::string path, bool links, std::uint64_t argv) const;
  const std::vector<ExecRule>& rules_;
  bool restricted_;
};

}  // namespace cordon::launch
