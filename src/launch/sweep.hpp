// SPDX-License-Identifier: Apache-2.0
// What git on the host would execute in repositories that were made or changed inside: looked for in the writable trees when
// nothing runs in the sandbox any more. PID 1 does it, within the walls that held the command, which it puts around itself too.
#pragma once
#include <cordon/events.hpp>
#include <cordon/policy.hpp>

#include <functional>
#include <string>
#include <vector>

#include "launch/git_directory.hpp"

namespace cordon::launch {

struct SweepOptions {
  Traps mode = Traps::quarantine;
  std::vector<std::string> roots;  ///< writable directories of the host, the project first
  std::string spared;              ///< a git directory whose config the policy lets be written, or empty
  GitPlaces before;                ///< noted before the command began
};

/// Tells each trap as an event. At most 8,192 directories are looked at, those near the roots first; that there were more is an
/// event, too, and that the budget was spent.
void sweep(const SweepOptions& options, const Since& since, SweepBudget& budget, const std::function<void(const Event&)>& tell);

/// That nothing was looked at, and why.
[[nodiscard]] Event unswept_event(const std::string& root, const std::string& why);

}  // namespace cordon::launch
