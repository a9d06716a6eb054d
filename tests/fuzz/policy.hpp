// SPDX-License-Identifier: Apache-2.0
// A policy that is accepted can be written in both formats and reads back to an equal one; composing it with itself changes nothing.
#pragma once
#include <cordon/policy.hpp>

#include "check.hpp"

inline int read_and_write(std::string_view text, const std::string& name) {
  if (text.find("extends") != std::string_view::npos) return 0;  // reads the host's files
  const auto p = cordon::parse_policy(text, name, "/nonexistent");
  if (!p) {
    CHECK(!p.error().what.empty() && p.error().sentence().find('\n') == std::string::npos);
    return 0;
  }
  CHECK(cordon::parse_policy(cordon::to_json(*p), "back.json").value() == *p);
  CHECK(cordon::parse_policy(cordon::to_toml(*p), "back.toml").value() == *p);
  const cordon::Policy once = cordon::compose(*p, *p);
  CHECK(cordon::compose(once, once) == once);
  CHECK(cordon::parse_policy(cordon::to_json(once), "back.json").value() == once);
  return 0;
}
