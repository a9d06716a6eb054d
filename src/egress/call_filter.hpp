// SPDX-License-Identifier: Apache-2.0
// The system calls that cordon-egress may make once it serves, as a seccomp program. It is made by the compiler: libseccomp took a
// sixth of the process's start for it.
#pragma once
#include <linux/filter.h>

#include <span>
#include <string>
#include <vector>

namespace cordon::egress {

/// Any other call ends the process; socket(2) of a family that it has no use for fails.
[[nodiscard]] std::span<const sock_filter> call_filter();

/// Names of the calls, for the test that counts them and for review.
[[nodiscard]] std::vector<std::string> permitted_calls();

}  // namespace cordon::egress
