// SPDX-License-Identifier: Apache-2.0
// Where the `cordon` program of this library lies.
#pragma once
#include <cordon/error.hpp>

#include <string>

namespace cordon::session {

/// `given`, if not empty; else the program beside the library (a build tree), that of its installation, or the one beside the
/// running program. Never one from PATH: the caller's environment does not choose who confines. Errors: none is there.
[[nodiscard]] Result<std::string> find_program(const std::string& given);

}  // namespace cordon::session
