// SPDX-License-Identifier: Apache-2.0
// Files that Cordon itself obeys or writes: wherever they lie, they are not the command's to write.
#pragma once
#include <cordon/policy.hpp>

namespace cordon::cli {

/// Adds Cordon's own programs to what the policy protects.
void hold_programs(Policy&);
/// Adds one file, if it exists; a relative path is one of the working directory.
void hold_file(Policy&, const std::string& path, const char* what);

}  // namespace cordon::cli
