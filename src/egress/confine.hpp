// SPDX-License-Identifier: Apache-2.0
// What egress gives up before it accepts the first connection, because it reads hostile bytes: it writes no file, reads none
// but those named here, executes nothing, and makes only the system calls of a short list.
#pragma once
#include <cordon/error.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace cordon::egress {

/// `readable`: files and directories, those that exist. no_new_privs, non-dumpable, Landlock (as far as this kernel has it), seccomp. Irrevocable.
/// After it, SIGPIPE is ignored. Errors: seccomp or no_new_privs refused: then nothing may be served.
[[nodiscard]] Result<void> confine(const std::vector<std::string>& readable);

/// Names of the system calls of the filter, for the test that counts them and for review.
[[nodiscard]] std::vector<std::string> permitted_calls();

/// RLIMIT_NOFILE up to its hard limit; returns it.
std::uint64_t raise_descriptor_limit();

}  // namespace cordon::egress
