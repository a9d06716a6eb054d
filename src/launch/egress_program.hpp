// SPDX-License-Identifier: Apache-2.0
// The program cordon-egress of this installation.
#pragma once
#include <cordon/error.hpp>

#include <string>
#include <vector>

namespace cordon::launch {

/// Where it may lie: beside this program (a build tree), or in the libexec directory beside its own (an installed one).
[[nodiscard]] std::vector<std::string> egress_places();
/// The first of these where it lies.
[[nodiscard]] Result<std::string> find_egress();

}  // namespace cordon::launch
