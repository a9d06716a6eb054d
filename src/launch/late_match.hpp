// SPDX-License-Identifier: Apache-2.0
// What came to match a pattern of a deny rule while the command ran: patterns are expanded at the start, so nothing denied it.
#pragma once
#include <cordon/events.hpp>
#include <cordon/plan.hpp>

#include <functional>
#include <vector>

#include "launch/sweep_budget.hpp"

namespace cordon::launch {

/// Looks once more, as far as at the start, and tells each new match as an event with the key `late`; PID 1's, when nothing runs any more.
void late_matches(const std::vector<Glob>& globs, SweepBudget& budget, const std::function<void(const Event&)>& tell);

}  // namespace cordon::launch
