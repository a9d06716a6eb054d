// SPDX-License-Identifier: Apache-2.0
// How our own processes lock themselves in once they stand: they read what the command's side sends.
#pragma once
#include <cordon/error.hpp>
#include <linux/filter.h>

#include <vector>

#include "base/fd.hpp"
#include "launch/cgroup.hpp"
#include "launch/placeholders.hpp"

namespace cordon::launch {

/// A Landlock ruleset that grants nothing but the removal of directories at `places` and of the cgroup (which opens them first).
[[nodiscard]] Result<Fd> keeper_ruleset(const std::vector<Place>& places, const Cgroup& cgroup);

/// The supervisor, once the command runs: no file, no new descriptor, the calls of its loop alone. For good. Errors: nothing may go on.
[[nodiscard]] Result<void> confine_supervisor(const std::vector<Place>& places, const Cgroup& cgroup);

/// PID 1, once the command's process stands: what its loop, the notifications and the last look need. For good, and its own alone:
/// a command that was cloned before keeps its program. 0 or an errno.
[[nodiscard]] int confine_init();

/// The seccomp program of a process that waits and removes placeholders; all else kills it.
[[nodiscard]] const sock_fprog& janitor_filter();

}  // namespace cordon::launch
