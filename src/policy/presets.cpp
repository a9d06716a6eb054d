// SPDX-License-Identifier: Apache-2.0
#include <cordon/policy.hpp>

#include "policy/nearest.hpp"
#include "policy/reader.hpp"

namespace cordon {
namespace {
struct Source {
  std::string_view name, text;
};
constexpr Source kPresets[] = {
    {
        "plan",
#include "presets/plan.toml.inc"
    },
    {
        "safe",
#include "presets/safe.toml.inc"
    },
    {
        "auto",
#include "presets/auto.toml.inc"
    },
};
}  // namespace

std::vector<std::string_view> preset_names() {
  std::vector<std::string_view> names;
  for (const Source& s : kPresets) names.push_back(s.name);
  return names;
}

Result<std::string_view> preset_source(std::string_view name) {
  for (const Source& s : kPresets)
    if (s.name == name) return s.text;
  return refused("there is no preset '" + printable(name) + "'",
                 "did you mean '" + std::string(policy::nearest(name, preset_names())) + "'? the presets are plan, safe and auto");
}

Result<Policy> preset(std::string_view name) {
  const auto text = preset_source(name);
  if (!text) return std::unexpected(text.error());
  return parse_policy(*text, "preset " + std::string(name));
}

}  // namespace cordon
