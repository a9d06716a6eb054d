// SPDX-License-Identifier: Apache-2.0
// The parts of make_plan. Private to the layer.
#pragma once
#include "plan/paths.hpp"

namespace cordon::plan {

struct Context {
  const Policy& policy;
  const Request& request;
  const HostFacts& facts;
  const HostView& view;
  const PathPolicy& paths;
};

/// Programs of exec rules as canonical paths. `any`: '*' is allowed.
struct Programs {
  bool any = false;
  std::vector<PathRule> allowed, denied;
  [[nodiscard]] Verdict decide(const std::string& canonical_path) const;
};

[[nodiscard]] Result<Plan> make_plan(const Policy&, const Request&, const HostFacts&, const HostView&);
[[nodiscard]] Result<Verdict> explain(const Policy&, const HostFacts&, const HostView&, const std::string& path, Operation);
[[nodiscard]] Result<Tier> choose_tier(const Policy&, const HostFacts&);
/// The policy's list of the caller's variables, then its own. Does not depend on the command.
[[nodiscard]] std::vector<std::string> make_environment(const EnvPolicy&, const std::vector<std::string>& caller);
/// Names the private places that tools look for in variables. A cache that is absent in a read-only home cannot be made there.
void add_private_places(const Context&, Plan&);
/// net `filtered`: lays the proxy variables over `plan.environment` and fills `plan.egress`. `ca_bundle`: canonical, or empty.
void add_egress(const Context&, const std::string& ca_bundle, Plan&);
/// Where shared libraries lie: canonical directories of the host.
[[nodiscard]] std::vector<std::string> library_directories(const Context&, const Programs&);
[[nodiscard]] std::string search_path(const std::vector<std::string>& environment);
struct Located {
  std::string file;      ///< as PATH spells it, or empty
  std::string unusable;  ///< what has the name and cannot be executed
};
[[nodiscard]] Located locate(const HostView&, const HostFacts&, const std::string& name, const std::string& path);
[[nodiscard]] Programs resolve_programs(const ExecPolicy&, const HostFacts&, const HostView&, const std::string& path);
[[nodiscard]] Result<std::string> find_executable(const Context&, const Programs&, const std::string& name, const std::string& path);
[[nodiscard]] Result<void> add_mounts(const Context&, const Programs&, Plan&);
/// Which mechanism holds which limit; names them in `plan.mechanisms`.
[[nodiscard]] Result<void> add_limits(const Context&, Plan&);
/// What the caller's variables say of the floor's places.
[[nodiscard]] std::vector<HostFacts::Moved> moved_places(const std::vector<std::string>& environment);
/// Fills the cgroup's part of the facts.
void find_cgroup(HostFacts&);
void add_landlock(const Context&, const Programs&, Plan&);

}  // namespace cordon::plan
