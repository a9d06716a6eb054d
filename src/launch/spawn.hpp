// SPDX-License-Identifier: Apache-2.0
// PID 1 of the sandbox as a process: clone3(2) into the plan's namespaces, and into a cgroup where there is one.
#pragma once
#include <cordon/plan.hpp>

#include "launch/nursery.hpp"

namespace cordon::launch {

/// `cgroup`: a descriptor of the cgroup's directory, or -1. `nursery`: where some of the namespaces may be, or null.
[[nodiscard]] Result<Spawned> spawn_init(const Plan& plan, InitConfig& config, int cgroup, Nursery* nursery);

}  // namespace cordon::launch
