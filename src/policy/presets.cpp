// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cordon/policy.hpp>
#include <iterator>
#include <span>

#include "policy/nearest.hpp"
#include "policy/reader.hpp"

namespace cordon {
namespace {

using policy::Value;
using namespace std::string_view_literals;

enum class Kind : std::uint8_t { array, table };

// A value as it was read while Cordon was built (presets/main.cpp); those of an array or a table stand behind it.
struct Node {
  std::variant<std::monostate, bool, std::int64_t, std::string_view, Kind> what;
  std::string_view key;
  policy::Place place, key_place;
  std::size_t children;
};

struct Preset {
  std::string_view name, text;
  std::span<const Node> tree;
};

#include "presets.inc"  // kPresets

Value value_of(const Node*& at) {
  const Node& node = *at++;
  Value value;
  value.place = node.place;
  value.key = node.key_place;
  if (const auto* b = std::get_if<bool>(&node.what)) value.v = *b;
  else if (const auto* i = std::get_if<std::int64_t>(&node.what)) value.v = *i;
  else if (const auto* s = std::get_if<std::string_view>(&node.what)) value.v = std::string(*s);
  else if (const auto* kind = std::get_if<Kind>(&node.what); kind && *kind == Kind::array) {
    auto& list = value.v.emplace<Value::Array>();
    list.reserve(node.children);
    for (std::size_t n = node.children; n > 0; --n) list.push_back(value_of(at));
  } else if (kind) {
    auto& table = value.v.emplace<Value::Table>();
    for (std::size_t n = node.children; n > 0; --n) {
      const std::string_view key = at->key;
      table.emplace(key, value_of(at));
    }
  }
  return value;
}

Result<const Preset*> find(std::string_view name) {
  const auto at = std::ranges::find(kPresets, name, &Preset::name);
  if (at != std::end(kPresets)) return at;
  return refused("there is no preset '" + printable(name) + "'",
                 "did you mean '" + std::string(policy::nearest(name, preset_names())) + "'? the presets are plan, safe and auto");
}

}  // namespace

std::vector<std::string_view> preset_names() {
  std::vector<std::string_view> names;
  for (const Preset& p : kPresets) names.push_back(p.name);
  return names;
}

Result<std::string_view> preset_source(std::string_view name) {
  const auto found = find(name);
  if (!found) return std::unexpected(found.error());
  return (*found)->text;
}

Result<Policy> preset(std::string_view name) {
  const auto found = find(name);
  if (!found) return std::unexpected(found.error());
  const Node* at = (*found)->tree.data();
  return policy::policy_of(value_of(at), "preset " + std::string(name));
}

}  // namespace cordon
