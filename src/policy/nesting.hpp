// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace cordon::policy {
/// Are more than `most` brackets open at one place of the TOML text, or has a key more than `most` dots?
[[nodiscard]] bool nests_too_deep(std::string_view toml, int most);
/// Where a character beyond ASCII stands outside of strings and comments, as no TOML has it: toml++ 3.3 runs into undefined behaviour there.
[[nodiscard]] std::optional<std::size_t> stray_character(std::string_view toml);
}  // namespace cordon::policy
