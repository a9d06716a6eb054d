// SPDX-License-Identifier: Apache-2.0
// The plan in the stage's own terms: plain arrays that PID 1 can read.
#pragma once
#include <cordon/plan.hpp>

#include <vector>

#include "base/fd.hpp"
#include "stage/stage.hpp"

namespace cordon::launch {

/// Owns what `program` points to, but the filter; the plan must outlive it.
struct Prepared {
  stage::Program program;
  std::vector<stage::Mount> mounts;
  std::vector<stage::Rlimit> rlimits;
  std::vector<stage::StageRule> rules;
  std::vector<char*> argv, envp;
  std::string uid_map, gid_map, pid_max;
  Fd acting_ruleset;
};

[[nodiscard]] Result<void> prepare(const Plan& plan, Prepared& prepared);

/// The command's Landlock rules but those for paths that exist only inside. It opens each path: made while PID 1 mounts.
[[nodiscard]] Result<Fd> landlock_ruleset(const Plan& plan);

}  // namespace cordon::launch
