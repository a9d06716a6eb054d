// SPDX-License-Identifier: Apache-2.0
// From policy and request to the end of the command: what `cordon run` does between its options and its exit.
#pragma once
#include <cordon/sandbox.hpp>

#include "base/outlet.hpp"
#include "launch/nursery.hpp"

namespace cordon::session {

/// Looks at the host, plans, supervises. Errors: those of the three; the command did not start. `nursery` may be open already, or not.
/// `said`: for warnings; `events`: where `on_event` writes, or null.
[[nodiscard]] Result<int> run(const Policy& policy, const Request& request, const SuperviseOptions& options, launch::Nursery& nursery, Outlet& said,
                              Outlet* events);

/// The policy that the library handed over on a descriptor: JSON, at most 1 MiB.
[[nodiscard]] Result<Policy> read_policy(int fd);

}  // namespace cordon::session
