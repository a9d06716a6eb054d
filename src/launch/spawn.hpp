// SPDX-License-Identifier: Apache-2.0
// PID 1 of the sandbox as a process: clone3(2) into the plan's namespaces, and into a cgroup where there is one.
#pragma once
#include <cordon/plan.hpp>
#include <sys/types.h>

#include "base/fd.hpp"
#include "launch/init.hpp"

namespace cordon::launch {

struct Spawned {
  pid_t pid = 0;
  Fd pidfd;
};

/// `cgroup`: a descriptor of the cgroup's directory, or -1. PID 1 waits for the go-signal.
[[nodiscard]] Result<Spawned> spawn_init(const Plan& plan, InitConfig& config, int cgroup);

}  // namespace cordon::launch
