// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>

#include "plan/making.hpp"

namespace cordon::plan {
namespace {

// Of linux/landlock.h; written out, for the header may be older than the kernel.
constexpr std::uint64_t kExecute = 1U << 0, kWriteFile = 1U << 1, kReadFile = 1U << 2, kReadDir = 1U << 3;
constexpr std::uint64_t kAbi1 = (1U << 13) - 1, kRefer = 1U << 13, kTruncate = 1U << 14, kIoctlDev = 1U << 15;
constexpr std::uint64_t kFileBits = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDev;

struct Grants {
  const Context& c;
  const Programs& programs;
  Plan& plan;
  bool mounted;        // the namespaces tier
  std::uint64_t exec;  // EXECUTE, unless an allow-list is in force
  std::map<std::string, std::uint64_t> host;
  PathSet leave;            // subtrees granted elsewhere, or not at all
  PathMap<PathSet> on_way;  // directories on the way to a path that matters: its next names

  void matters(std::string_view path) {
    while (path != "/") {
      const std::string_view name = path.substr(path.rfind('/') + 1);
      path = above(path);
      auto at = on_way.find(path);
      if (at == on_way.end()) at = on_way.emplace(path, PathSet()).first;
      if (at->second.contains(name)) return;
      at->second.emplace(name);
    }
  }
  void grant(const std::string& path, std::uint64_t access, bool is_dir) {
    access &= plan.landlock_fs;
    if (!is_dir) access &= kFileBits;
    if (access) host[path] |= access;
  }
  void grant(const std::string& path, std::uint64_t access) { grant(path, access, c.view.is_dir(path)); }
  bool readable(const std::string& path) const {
    if (!c.paths.may(path, Operation::read)) return false;
    return mounted || std::none_of(programs.denied.begin(), programs.denied.end(), [&](const PathRule& r) { return within(path, r.path); });
  }

  // Reading is granted by the complement of what is denied, for a rule of Landlock cannot be taken back below.
  void visit(const std::string& path, FileKind kind) {
    if (kind == FileKind::symlink || kind == FileKind::absent) return;  // what a link names is granted at its own place
    if (leave.contains(path)) return;
    const bool dir = kind == FileKind::directory;
    const auto way = dir ? on_way.find(path) : on_way.end();
    if (way == on_way.end()) {
      if (readable(path)) grant(path, kReadFile | exec, dir);
      return;
    }
    const auto entries = c.view.list(path);
    // What no rule names is as its directory is, unless a pattern says otherwise.
    const bool plain = !c.paths.has_globs(), open = plain && readable(path);
    for (const auto& e : entries) {
      if (!plain || way->second.contains(e.name)) visit(join(path, e.name), e.kind);
      else if (open && e.kind != FileKind::symlink && e.kind != FileKind::absent)
        grant(join(path, e.name), kReadFile | exec, e.kind == FileKind::directory);
    }
    if (entries.empty())  // it may be passed, not listed
      for (const auto& name : way->second) visit(join(path, name), c.view.kind(join(path, name)));
  }
};

}  // namespace

void add_landlock(const Context& c, const Programs& programs, Plan& plan) {
  begin_landlock(c, plan);
  const auto rules = landlock_of_host(c, programs, plan);
  plan.landlock.insert(plan.landlock.begin(), rules.begin(), rules.end());
}

void begin_landlock(const Context& c, Plan& plan) {
  const int abi = c.facts.landlock_abi;
  plan.landlock_fs = kAbi1 | (abi >= 2 ? kRefer : 0) | (abi >= 3 ? kTruncate : 0) | (abi >= 5 ? kIoctlDev : 0);
  plan.landlock_scoped = abi >= 6 ? 3 : 0;
  const bool mounted = plan.tier == Tier::namespaces;
  if (!mounted && abi >= 4 && plan.net != NetMode::host) plan.landlock_net = 3;  // bind and connect
  if (!mounted) return;
  const std::uint64_t exec = plan.restrict_exec ? 0 : kExecute, full = plan.landlock_fs & ~(kExecute | kIoctlDev);
  const auto inside = [&](const std::string& path, std::uint64_t access) { plan.landlock.push_back({path, access & plan.landlock_fs, true}); };
  for (const auto& m : plan.mounts) {
    if (m.kind == MountKind::tmpfs) inside(m.target, full | exec);
    if (m.kind == MountKind::dev) {
      inside("/dev", kReadFile | kReadDir | kWriteFile | kTruncate | kIoctlDev);
      inside("/dev/shm", full | exec);
    }
    if (m.kind == MountKind::proc) inside("/proc", kReadFile | kReadDir | kWriteFile | exec);
  }
  if (c.view.is_dir("/sys")) inside("/sys", kReadFile | kReadDir);
}

std::vector<LandlockRule> landlock_of_host(const Context& c, const Programs& programs, Plan& plan) {
  const bool mounted = plan.tier == Tier::namespaces;
  Grants g{c, programs, plan, mounted, plan.restrict_exec ? 0 : kExecute, {}, {}, {}};
  const std::uint64_t write = plan.landlock_fs & ~(kReadFile | kReadDir | kExecute | kIoctlDev);
  const std::uint64_t full = write | kReadFile | kReadDir | g.exec;

  g.leave = {"/proc", "/sys", "/dev", "/tmp", "/var/tmp", "/run"};
  if (mounted)
    for (const auto& m : plan.mounts)
      if (m.kind == MountKind::tmpfs) g.leave.insert(m.target);
  const auto places = g.leave;
  PathSet writable;
  for (const auto& r : c.paths.rules()) {
    if (r.kind != RuleKind::deny_write) g.matters(r.path);
    if (r.link || r.kind != RuleKind::allow_write || r.path == "/" || !c.view.exists(r.path) || !r.writable) continue;
    if (mounted && (within(r.path, "/proc") || (within(r.path, "/dev") && !within(r.path, "/dev/shm")))) continue;
    // A tree that is writable is granted as a whole; in it the mounts hold.
    if (writable.insert(r.path).second) g.grant(r.path, full);
  }
  if (!mounted) {
    for (const auto& p : programs.denied) g.matters(p.path);
    for (const auto& r : c.paths.rules())
      if (is_deny(r.kind) && !r.writable)
        for (std::string up = r.path; up != "/"; up = parent_of(up))
          if (writable.contains(up)) {
            plan.weaker.push_back(r.path + " is not protected inside the writable " + up + ": rule '" + r.rule.text + "' needs namespaces");
            break;
          }
  }
  g.leave.insert(writable.begin(), writable.end());
  // Every place that is left out must be on the way, so that no ancestor of it is granted.
  for (const auto& l : g.leave) g.matters(l);
  g.grant("/", kReadDir);
  g.visit("/", FileKind::directory);

  // Trees that were left out, opened by name.
  if (!mounted) {
    std::vector<std::string> named{c.facts.cwd, parent_of(canonical(c.view, plan.executable))};
    for (const auto& r : c.paths.rules())
      if (r.kind == RuleKind::allow_read && !r.link) named.push_back(r.path);
    for (const auto& n : named) {
      if (n == "/" || !c.view.exists(n) || std::none_of(places.begin(), places.end(), [&](const auto& p) { return strictly_within(n, p); })) continue;
      const auto saved = std::exchange(g.leave, writable);
      g.visit(n, c.view.kind(n));
      g.leave = saved;
    }
    g.grant("/proc", kReadFile | kReadDir);
    for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"})
      if (const std::string p = join("/dev", name); c.view.exists(p)) g.grant(p, kReadFile | kWriteFile | kTruncate | kIoctlDev);
  }
  if (plan.restrict_exec) {
    for (const auto& p : programs.allowed)
      if (c.view.exists(p.path) && programs.decide(p.path).allowed) g.grant(p.path, kExecute | kReadFile);
    for (const char* loader : {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1"})
      if (const std::string p = canonical(c.view, loader); c.view.exists(p)) g.grant(p, kExecute | kReadFile);
  }
  std::vector<LandlockRule> rules;
  rules.reserve(g.host.size());
  for (const auto& [path, access] : g.host) rules.push_back({path, access, false});
  return rules;
}

}  // namespace cordon::plan
