// SPDX-License-Identifier: Apache-2.0
// The sentence for a step of the stage that failed: step, object, errno, remedy.
#pragma once
#include <cordon/plan.hpp>

#include "stage/stage.hpp"

namespace cordon::launch {

[[nodiscard]] Error worded(const stage::Failure& failure, const Plan& plan);

}  // namespace cordon::launch
