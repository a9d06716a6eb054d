// SPDX-License-Identifier: Apache-2.0
// Where Cordon's programs lie.
#pragma once
#include <string>
#include <vector>

namespace cordon::plan {

/// This program; empty where /proc does not tell.
[[nodiscard]] std::string own_program();
/// Where cordon-egress may lie: beside this program (a build tree), or in the libexec directory beside its own (an installed one).
[[nodiscard]] std::vector<std::string> egress_places();

}  // namespace cordon::plan
