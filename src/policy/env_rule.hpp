// SPDX-License-Identifier: Apache-2.0
// Rules of `env.pass`: a variable's name, NAME_* for all that begin so, or "*".
#pragma once
#include <cordon/policy.hpp>

namespace cordon::policy {

/// Names that a pattern never passes: secrets, and what makes a loader or shell run foreign code. A rule may name them in full.
[[nodiscard]] bool needs_exact_rule(std::string_view name);
/// Does the rule pass the variable?
[[nodiscard]] bool passes(std::string_view rule, std::string_view name);
[[nodiscard]] bool passes(const Rules& rules, std::string_view name);

}  // namespace cordon::policy
