// SPDX-License-Identifier: Apache-2.0
// One path under a plan: the rule that decides, unless the sandbox has a place of its own there.
#include <algorithm>

#include "plan/parts.hpp"

namespace cordon {
namespace plan {
namespace {

const Mount* cover_of(const Plan& plan, const std::string& path) {
  const Mount* cover = nullptr;
  for (const auto& m : plan.mounts)
    if (within(path, m.target) && (!cover || m.target.size() >= cover->target.size())) cover = &m;
  return cover;
}

void own(Verdict& v, bool allowed, const std::string& words) { v = {allowed, v.path, {words, {"sandbox", 0, 0}, false}, {}, true}; }

void in_namespaces(const Plan& plan, Operation op, Verdict& v) {
  const Mount* cover = cover_of(plan, v.path);
  if (op == Operation::write && v.allowed && (!cover || cover->kind == MountKind::bind_ro || cover->kind == MountKind::skeleton)) {
    // A mount wants something to lie on.
    v.allowed = false;
    v.rule.text += ", which does not exist at the start";
    return;
  }
  if (!cover) return;
  switch (cover->kind) {
    case MountKind::tmpfs: own(v, true, "private " + cover->target); break;
    case MountKind::proc: own(v, op == Operation::read, "own " + cover->target); break;
    case MountKind::dev: {
      if (within(v.path, "/dev/shm")) {
        own(v, true, "private /dev/shm");
        break;
      }
      static constexpr std::string_view kNodes[] = {"null", "zero", "full", "random", "urandom", "tty", "ptmx"};
      const bool node = std::ranges::find(kNodes, name_of(v.path)) != std::end(kNodes) && parent_of(v.path) == "/dev";
      own(v, op == Operation::read || node || within(v.path, "/dev/pts"), "own /dev");
      break;
    }
    case MountKind::mask_dir:
    case MountKind::mask_file:
    case MountKind::hole_dir:
      if (v.allowed) own(v, false, "masked: " + cover->why);
      break;
    default: break;
  }
}

// Without namespaces only what Landlock grants is there.
void by_landlock(const Plan& plan, Operation op, bool directory, Verdict& v) {
  const std::uint64_t wanted = op == Operation::write ? 2 : 4;  // LANDLOCK_ACCESS_FS_WRITE_FILE, _READ_FILE
  const bool granted = std::ranges::any_of(plan.landlock, [&](const LandlockRule& r) { return (r.access & wanted) && within(v.path, r.path); });
  if (v.allowed && !granted) own(v, false, "not granted without namespaces");
  if (!granted && op == Operation::read && directory) v.rule.text += ", but for the names in it";  // Landlock grants / to be listed, and so all below
  else if (!v.allowed && granted) v.rule.text += ", which does not hold without namespaces", v.hint.clear();
  v.allowed = granted;
  v.inside = false;
}

}  // namespace

Result<Verdict> explain(const Policy& policy, const HostFacts& facts, const HostView& host, const std::string& path, Operation op) {
  if (path.empty() || path.find('\0') != std::string::npos) return refused("the path is empty or holds a NUL byte");
  const auto view = remembering(host);
  const auto caller = facts.path.empty() ? std::vector<std::string>{} : std::vector{"PATH=" + facts.path};
  const std::string search = search_path(make_environment(policy.env, caller));
  std::string text = path;
  if (text == "~" || text.starts_with("~/")) text = facts.home + text.substr(1);
  else if (op == Operation::exec && text.find('/') == std::string::npos) {
    const Located found = locate(view, facts, text, search);
    if (found.file.empty() && found.unusable.empty()) return refused("command '" + text + "' not found", "PATH inside is " + search, 127);
    text = found.file.empty() ? found.unusable : found.file;
  } else if (!text.starts_with('/')) text = join(facts.cwd, text);
  text = canonical(view, text);
  const auto paths = PathPolicy::make(policy, facts, view);
  const Request request;
  const Context c{policy, request, facts, view, paths};
  const Programs programs = resolve_programs(policy.exec, facts, view, search);
  Verdict v = paths.decide_canonical(text, op == Operation::write ? Operation::write : Operation::read);
  if (!v.allowed && paths.missed_by_glob(text, op == Operation::write ? Operation::write : Operation::read)) {
    v.allowed = true;
    v.rule.text += ", which matched nothing there at the start or does not reach so deep";
    v.hint.clear();
  }
  if (op == Operation::exec && v.allowed) v = programs.decide(text);
  if (op == Operation::exec) return v;
  const auto tier = choose_tier(policy, facts);
  if (!tier) return std::unexpected(tier.error());
  if (auto r = paths.check_crossings(*tier == Tier::namespaces); !r) return std::unexpected(r.error());
  Plan plan;
  plan.tier = *tier;
  plan.net = policy.net.mode;
  plan.restrict_exec = !programs.any;
  plan.executable = "/";
  if (plan.tier == Tier::namespaces) {
    plan.executable.clear();
    if (auto r = add_mounts(c, programs, plan); !r) return std::unexpected(r.error());
    in_namespaces(plan, op, v);
  } else {
    add_landlock(c, programs, plan);
    by_landlock(plan, op, view.is_dir(text), v);
  }
  return v;
}

}  // namespace plan

Result<Verdict> explain_path(const Policy& policy, const HostFacts& facts, const std::string& path, Operation op) {
  return plan::answered([&] { return plan::explain(policy, facts, plan::real_host(), path, op); });
}

}  // namespace cordon
