// SPDX-License-Identifier: Apache-2.0
// A plan in two parts: all that PID 1 needs to begin, and what Landlock grants of the host's files, which is looked for while PID 1
// mounts.
#pragma once
#include "plan/parts.hpp"

namespace cordon::plan {

class Making {
 public:
  /// What is given must outlive it.
  Making(const Policy& policy, const Request& request, const HostFacts& facts, const HostView& host = real_host());
  /// Once, and first. Errors: those of cordon::make_plan.
  [[nodiscard]] Result<void> begin();
  [[nodiscard]] const Plan& plan() const { return plan_; }
  /// The rules that `plan()` has not.
  [[nodiscard]] Result<std::vector<LandlockRule>> landlock();

 private:
  [[nodiscard]] Context context() const { return {policy_, request_, facts_, view_, paths_}; }
  [[nodiscard]] Result<void> decide();
  const Policy& policy_;
  const Request& request_;
  HostFacts facts_;
  HostView view_;
  PathPolicy paths_;
  Programs programs_;
  Plan plan_;
};

/// The handled rights, and the rules for paths that exist only inside.
void begin_landlock(const Context&, Plan&);
/// Names in `plan.weaker` what is not held.
[[nodiscard]] std::vector<LandlockRule> landlock_of_host(const Context&, const Programs&, Plan& plan);

}  // namespace cordon::plan
