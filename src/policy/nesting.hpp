// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>

namespace cordon::policy {
/// Are more than `most` brackets open at one place of the TOML text, or has a key more than `most` dots?
[[nodiscard]] bool nests_too_deep(std::string_view toml, int most);
}  // namespace cordon::policy
