// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace cordon::policy {
/// Are more than `most` brackets open at one place of the TOML text, or has a key more than `most` dots?
[[nodiscard]] bool nests_too_deep(std::string_view toml, int most);
struct Fault {
  std::size_t at;
  const char* what;
  const char* remedy;
};
/// The first place that no TOML has and at which toml++ 3.3 runs into undefined behaviour: a character beyond ASCII outside of strings and
/// comments, a table's header without a name, a list that a brace closes, a quote within a value.
[[nodiscard]] std::optional<Fault> unsafe_place(std::string_view toml);
}  // namespace cordon::policy
