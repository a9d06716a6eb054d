// SPDX-License-Identifier: Apache-2.0
// What egress needs of a policy, on its way to the process that obeys it: checked where it was written, and with the origin of each
// rule, which events name. A policy file's own JSON has no origins, and its reader checks all that was checked before.
#pragma once
#include <cordon/policy.hpp>

#include <nlohmann/json_fwd.hpp>

namespace cordon::policy {

/// {"allow": [[rule, origin], ...], "deny": ..., "upstream": ..., ...} on one line. `mode`, `listen` and `ca_bundle` are no matter of egress.
[[nodiscard]] std::string net_to_json(const NetPolicy& net);
/// Throws nlohmann::json::exception where it is something else.
[[nodiscard]] NetPolicy net_from_json(const nlohmann::json& json);

}  // namespace cordon::policy
