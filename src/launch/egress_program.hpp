// SPDX-License-Identifier: Apache-2.0
// The program cordon-egress of this installation.
#pragma once
#include <cordon/error.hpp>

#include <string>

namespace cordon::launch {

/// The first of plan::egress_places() where it lies.
[[nodiscard]] Result<std::string> find_egress();

}  // namespace cordon::launch
