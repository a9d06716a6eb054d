// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "plan/making.hpp"

namespace cordon {
namespace plan {
namespace {

void add_traps(const Context& c, Plan& plan) {
  plan.traps = c.policy.fs.traps;
  if (c.policy.fs.git_config && !c.paths.git().absent) plan.trap_spared = c.paths.git().common_dir;
  std::vector<std::string> roots;
  for (const PathRule& r : c.paths.rules()) {
    if (r.link || r.kind != RuleKind::allow_write || !r.writable || !c.view.is_dir(r.path)) continue;
    if (r.path != "/" && !within(r.path, "/dev") && !within(r.path, "/proc") && !within(r.path, "/sys")) roots.push_back(r.path);
  }
  std::sort(roots.begin(), roots.end());
  for (const std::string& r : roots) {
    const bool held = std::any_of(plan.trap_roots.begin(), plan.trap_roots.end(), [&](const std::string& t) { return within(r, t); });
    if (!held) plan.trap_roots.push_back(r);
  }
  std::stable_partition(plan.trap_roots.begin(), plan.trap_roots.end(), [&](const std::string& r) { return within(c.facts.project, r); });
}

}  // namespace

Making::Making(const Policy& policy, const Request& request, const HostFacts& facts, const HostView& host)
    : policy_(policy), request_(request), facts_(facts), view_(remembering(host)) {
  facts_.project_explicit = facts.project_explicit || request.project_explicit;
}

Result<void> Making::begin() {
  return answered([this] { return decide(); });
}

Result<std::vector<LandlockRule>> Making::landlock() {
  return answered([this]() -> Result<std::vector<LandlockRule>> {
    // In the other tier there is nothing to mount meanwhile.
    return plan_.tier == Tier::namespaces ? landlock_of_host(context(), programs_, plan_) : std::vector<LandlockRule>();
  });
}

Result<void> Making::decide() {
  const Context c = context();
  const auto& [policy, request, facts, view, paths] = c;
  Plan& plan = plan_;
  if (request.argv.empty()) return refused("no command was given");
  for (const auto& a : request.argv)
    if (a.find('\0') != std::string::npos) return refused("an argument holds a NUL byte");
  const auto tier = choose_tier(policy, facts);
  if (!tier) return std::unexpected(tier.error());
  plan.tier = *tier;
  plan.net = policy.net.mode;
  plan.argv = request.argv;
  plan.cwd = facts.cwd;
  plan.project = facts.project;
  plan.home = facts.home;
  plan.nested_namespaces = policy.exec.nested_namespaces;
  plan.new_session = facts.tty.empty();
  plan.tty = facts.tty;

  paths_ = PathPolicy::make(policy, facts, view);
  if (!request_.project.empty())
    paths_.cross(request_.project.starts_with('/') ? request_.project : join(facts.cwd, request_.project),
                 {request_.project, {"--project", 0, 0}, false}, view);
  for (const auto& [what, path] : {std::pair{"project", facts.project}, {"working directory", facts.cwd}})
    if (const Verdict v = paths.decide_canonical(path, Operation::read); !v.allowed)
      return refused(std::string("the ") + what + " " + path + " may not be read: rule '" + v.rule.text + "' of " + v.rule.origin.source,
                     v.hint.empty() ? "leave that rule out, or choose another directory" : "allow it with " + v.hint);
  if (auto r = paths.check_crossings(plan.tier == Tier::namespaces); !r) return std::unexpected(r.error());
  // To be the project opens nothing that is denied.
  if (const Rule& denied = paths.project_denied(); !denied.text.empty())
    return refused("the project " + facts.project + " lies in a place that may not be read: rule '" + denied.text + "' of " + denied.origin.source,
                   "allow it with --allow-read " + facts.project);
  plan.weaker = paths.notes();
  plan.globs = paths.expanded();
  plan.git_dir = paths.git().git_dir;
  plan.git_absent = paths.git().absent;

  plan.environment = make_environment(policy.env, request.environment);
  if (*tier == Tier::namespaces) add_private_places(c, plan);
  const std::string path = search_path(plan.environment);
  programs_ = resolve_programs(policy.exec, facts, view, path);
  const Programs& programs = programs_;
  plan.restrict_exec = !programs.any;
  for (const auto* list : {&programs.denied, &programs.allowed})
    for (const PathRule& r : *list) plan.exec_rules.push_back({r.path, r.rule.text + " (" + r.rule.origin.text() + ")", list == &programs.denied});
  if (!policy.net.ca_bundle.empty() && !paths.may(paths.ca_bundle(), Operation::read))
    return refused("net.ca_bundle " + paths.ca_bundle() + " may not be read inside: rule '" +
                       paths.decide_canonical(paths.ca_bundle(), Operation::read).rule.text + "'",
                   "allow it with --allow-read " + paths.ca_bundle());
  add_egress(c, paths.ca_bundle(), plan);
  const auto executable = find_executable(c, programs, request.argv[0], path);
  if (!executable) return std::unexpected(executable.error());
  plan.executable = *executable;

  if (plan.tier == Tier::namespaces) {
    if (auto r = add_mounts(c, programs, plan); !r) return std::unexpected(r.error());
    plan.mechanisms = {"namespaces", "mounts"};
    begin_landlock(c, plan);
  } else {
    plan.git_dir.clear();
    plan.git_absent = false;
    const auto weaker = [&](std::string sentence) { plan.weaker.push_back(std::move(sentence)); };
    weaker("no namespaces" + (facts.user_namespaces_why.empty() ? "" : " (" + facts.user_namespaces_why + ")") +
           ": processes, names and metadata of files, and System V IPC are the host's");
    weaker(
        "no private /tmp: nothing in /tmp, /var/tmp and /run can be read or written, and programs find no place for temporary files but the project");
    weaker("what is denied in a writable directory is not protected");
    if (plan.net == NetMode::filtered) weaker("any program of the command may connect to the egress port on every address of the host");
    if (plan.net == NetMode::none && facts.landlock_abi < 4) weaker("the network is held by the filter alone: this kernel's Landlock knows no ports");
    if (plan.restrict_exec) weaker("exec.allow is held by Landlock alone: a program that can be read runs through the loader");
  }
  if (plan.tier != Tier::namespaces) add_landlock(c, programs, plan);
  add_traps(c, plan);
  plan.mechanisms.insert(plan.mechanisms.end(), {"landlock", "seccomp"});
  if (auto r = add_limits(c, plan); !r) return std::unexpected(r.error());
  if (facts.landlock_abi < 6)
    plan.weaker.push_back("this kernel's Landlock (ABI " + std::to_string(facts.landlock_abi) + ") does not scope signals and abstract sockets");
  if (plan.restrict_exec && plan.tier == Tier::namespaces) {
    plan.weaker.push_back(
        "exec.allow: an allowed interpreter runs any script, and whatever lies in a directory of shared libraries runs through the loader");
  }
  if (plan.restrict_exec && !facts.memfd_noexec)
    plan.weaker.push_back("this kernel has no vm.memfd_noexec: programs in memory files are not held by exec.allow");
  return {};
}

Result<Plan> make_plan(const Policy& policy, const Request& request, const HostFacts& facts, const HostView& host) {
  Making making(policy, request, facts, host);
  if (auto r = making.begin(); !r) return std::unexpected(r.error());
  const auto rules = making.landlock();
  if (!rules) return std::unexpected(rules.error());
  Plan plan = making.plan();
  plan.landlock.insert(plan.landlock.begin(), rules->begin(), rules->end());
  return plan;
}

}  // namespace plan

Result<Plan> make_plan(const Policy& policy, const Request& request, const HostFacts& facts) {
  return plan::make_plan(policy, request, facts, plan::real_host());
}

}  // namespace cordon
