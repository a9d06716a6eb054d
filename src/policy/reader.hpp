// SPDX-License-Identifier: Apache-2.0
// A policy file as a tree that is the same for TOML and JSON, each key and value with its place.
#pragma once
#include <cordon/policy.hpp>
#include <cordon/events.hpp>

#include <cstdint>
#include <map>
#include <variant>

namespace cordon::policy {

struct Place {
  std::uint32_t line = 1, column = 1;  ///< from 1, in code points
  auto operator<=>(const Place&) const = default;
};

struct Value {
  using Table = std::map<std::string, Value, std::less<>>;
  using Array = std::vector<Value>;
  std::variant<std::monostate, bool, std::int64_t, std::string, Array, Table> v;
  Place place, key;  ///< of the value, and of the key that it belongs to
};

/// Both refuse duplicate keys, and what is nested more than 16 deep before anything recurses into it.
[[nodiscard]] Result<Value> read_toml(std::string_view text, const std::string& name);
[[nodiscard]] Result<Value> read_json(std::string_view text, const std::string& name);
inline constexpr int kMostNesting = 16;

/// The value of the key `extends`, if there is one; what is wrong with it is said by read_policy.
[[nodiscard]] const Value* find_extends(const Value& root);
/// Lays the tree over `policy`. Errors name file, line and column.
[[nodiscard]] Result<void> read_policy(const Value& root, const std::string& name, Policy& policy);
/// Every key of a policy file with its table: "fs.allow_write".
[[nodiscard]] std::vector<std::string_view> policy_keys();

/// The rules that no policy removes: secrets, and files of the project that other programs execute.
void add_floor(PathRules& rules);
/// A policy of a tree that extends a preset or nothing.
[[nodiscard]] Result<Policy> policy_of(const Value& root, const std::string& name);
[[nodiscard]] inline std::unexpected<Error> error_at(const std::string& name, Place place, const std::string& what, std::string remedy) {
  return refused(printable(name) + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": " + printable(what), std::move(remedy));
}

}  // namespace cordon::policy
