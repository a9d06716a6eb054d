// SPDX-License-Identifier: Apache-2.0
// The seccomp program of a choice, made by libseccomp.
#pragma once
#include <cordon/error.hpp>
#include <linux/filter.h>

#include <vector>

#include "launch/filter_rules.hpp"

namespace cordon::launch {

[[nodiscard]] Result<std::vector<sock_filter>> compile_filter(const FilterChoice& choice);

}  // namespace cordon::launch
