// SPDX-License-Identifier: Apache-2.0
// The meets of single lists. Private to compose.
#pragma once
#include <cordon/policy.hpp>

namespace cordon::policy {

/// What an allow-list of hosts says, and whether it opens addresses that are not public beyond those that it names.
struct HostList {
  const Rules& rules;
  bool opens_all = false;
};
/// Exactly what both lists allow, in O((n + m) log n). A rule that is one of theirs keeps its text and origin.
[[nodiscard]] Rules meet_hosts(HostList a, HostList b);
/// Exactly what both lists of variables pass.
[[nodiscard]] Rules meet_variables(const Rules& a, const Rules& b);
/// The rules of both, each once.
[[nodiscard]] Rules unite(const Rules& a, const Rules& b);

}  // namespace cordon::policy
