// SPDX-License-Identifier: Apache-2.0
// Starting a program from inside any other: as posix_spawn(3), but with a descriptor for the process instead of a number, so
// that waiting and signalling cannot hit a stranger, and with nothing inherited but what is named.
#pragma once
#include <cordon/error.hpp>
#include <sys/types.h>

#include <array>
#include <string>
#include <vector>

#include "base/fd.hpp"

namespace cordon::session {

struct Program {
  std::string path;
  std::vector<std::string> argv, environment;  ///< environment: NAME=VALUE
  std::string directory;                       ///< empty: the caller's
  std::array<int, 5> descriptors;              ///< what the program gets as 0 to 4; all others are closed in it
};
struct Process {
  Fd pidfd;
  pid_t pid = -1;
};

/// Memory is shared until execve(2) (CLONE_VM | CLONE_VFORK), never copied. The child starts with default signal actions and an
/// empty mask. Errors: errno of clone(2), chdir(2) or execve(2).
[[nodiscard]] Result<Process> spawn(const Program& program);

}  // namespace cordon::session
