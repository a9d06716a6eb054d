// SPDX-License-Identifier: Apache-2.0
// Landlock for PID 1 itself. What it does on the command's behalf it does outside of the command's domain: so it stands in a
// domain of its own around that one, which holds the same for the network.
#pragma once
#include <cordon/plan.hpp>

#include "base/fd.hpp"
#include "launch/notify.hpp"

namespace cordon::launch {

/// How PID 1 must treat sockets under this plan.
[[nodiscard]] NotifyOptions notify_options(const Plan& plan);

/// The ruleset, or none where the network namespace is the command's own.
[[nodiscard]] Result<Fd> acting_ruleset(const Plan& plan);

}  // namespace cordon::launch
