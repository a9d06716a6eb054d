// SPDX-License-Identifier: Apache-2.0
#include "plan/parts.hpp"

namespace cordon::plan {

Result<Tier> choose_tier(const Policy& policy, const HostFacts& facts) {
  if (facts.landlock_abi < 1)
    return impossible("this kernel has no Landlock", 0, "Linux 5.13 or later with 'landlock' in the lsm= boot parameter is needed");
  if (facts.user_namespaces) return Tier::namespaces;
  const std::string why = facts.user_namespaces_why.empty() ? "they are refused here" : facts.user_namespaces_why;
  if (policy.require == Tier::namespaces)
    return impossible("user namespaces are not available: " + why, 0,
                      "`cordon doctor` says how to get them; --require landlock (enforce.require = \"landlock\") accepts less");
  // Network `none` needs nothing of Landlock: the filter refuses every internet socket.
  if (policy.net.mode == NetMode::filtered && facts.landlock_abi < 4)
    return impossible("without user namespaces this kernel cannot hold net.mode = \"filtered\" (Landlock ABI " + std::to_string(facts.landlock_abi) +
                          ", 4 is needed)",
                      0, "enable user namespaces (" + why + "), or use net.mode = \"none\"");
  return Tier::landlock;
}

}  // namespace cordon::plan
