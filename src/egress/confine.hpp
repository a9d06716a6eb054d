// SPDX-License-Identifier: Apache-2.0
// What egress gives up before it accepts the first connection, because it reads hostile bytes: it writes no file, opens none,
// executes nothing, and makes only the system calls of a short list.
#pragma once
#include <cordon/error.hpp>

#include <cstdint>

namespace cordon::egress {

/// no_new_privs, non-dumpable, Landlock (as far as this kernel has it), seccomp (call_filter.hpp). Irrevocable.
/// After it, SIGPIPE is ignored. Errors: seccomp or no_new_privs refused: then nothing may be served.
[[nodiscard]] Result<void> confine();

/// RLIMIT_NOFILE up to its hard limit; returns it.
std::uint64_t raise_descriptor_limit();

}  // namespace cordon::egress
