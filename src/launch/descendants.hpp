// SPDX-License-Identifier: Apache-2.0
// Killing children, and all descendants without a pid namespace.
#pragma once
#include <sys/types.h>

namespace cordon::launch {

/// SIGKILL for a child that was not waited for yet.
void kill_child(int pidfd, pid_t pid);

/// Kills and reaps the children of this process until none is left. It must be a subreaper (prctl(2)), so that orphans come to it.
void kill_descendants();

}  // namespace cordon::launch
