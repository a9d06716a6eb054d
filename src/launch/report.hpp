// SPDX-License-Identifier: Apache-2.0
// The events of a run.
#pragma once
#include <cordon/events.hpp>
#include <cordon/plan.hpp>
#include <sys/types.h>

#include <optional>
#include <string>

#include "launch/messages.hpp"

namespace cordon::launch {

[[nodiscard]] Event start_event(const Plan& plan, const std::string& policy_digest, pid_t pid);
/// `name` as in `--limit NAME=VALUE`.
[[nodiscard]] Event limit_event(const std::string& name);
[[nodiscard]] Event exec_denied_event(const Plan& plan);

struct Usage {
  int status = 0;
  double wall = 0, cpu = 0, cpu_user = 0, cpu_system = 0;  ///< seconds; `cpu` is the most exact total
  std::uint64_t peak_memory = 0;                           ///< bytes
  std::uint64_t refused = 0, limits = 0;                   ///< counts
  std::string network;                                     ///< JSON of the egress process, or empty
  std::optional<std::uint64_t> output;                     ///< bytes of standard output and error, where they are counted
};
[[nodiscard]] Event exit_event(const Plan& plan, const Usage& usage, pid_t pid);

}  // namespace cordon::launch
