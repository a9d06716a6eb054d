// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "plan/parts.hpp"

namespace cordon::plan {
namespace {

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> dirs;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find(':', at), path.size());
    dirs.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return dirs;
}

std::string absolute(const std::string& name, const std::string& base, const HostFacts& facts) {
  if (name.starts_with('/')) return name;
  if (name.starts_with("~/")) return join(facts.home, name.substr(2));
  return join(base, name);
}

}  // namespace

namespace {

// What both lists allow; two trees are nested or apart.
std::vector<PathRule> meet(const std::vector<PathRule>& a, const std::vector<PathRule>& b) {
  std::vector<PathRule> both;
  for (const auto& x : a)
    for (const auto& y : b)
      if (within(x.path, y.path)) both.push_back(x);
      else if (within(y.path, x.path)) both.push_back(y);
  return both;
}

}  // namespace

Programs resolve_programs(const ExecPolicy& exec, const HostFacts& facts, const HostView& view, const std::string& path) {
  Programs programs;
  const auto resolve = [&](const Rule& rule, RuleKind kind, std::vector<PathRule>& into) {
    if (rule.text.find('/') != std::string::npos) {
      into.push_back({kind, canonical(view, absolute(rule.text, facts.project, facts)), rule, false});
      return;
    }
    std::string dirs = path;
    // A denied name is denied wherever programs commonly lie, whatever PATH says.
    if (kind == RuleKind::deny_read) dirs += ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (const auto& dir : split(dirs)) {
      if (!dir.starts_with('/')) continue;
      const std::string file = canonical(view, join(dir, rule.text));
      if (view.executable(file)) into.push_back({kind, file, rule, false});
    }
  };
  for (const auto& rule : exec.allow) {
    if (rule.text == "*") programs.any = true;
    else resolve(rule, RuleKind::allow_read, programs.allowed);
  }
  for (const Rules& also : exec.also) {
    if (std::ranges::any_of(also, [](const Rule& r) { return r.text == "*"; })) continue;
    std::vector<PathRule> allowed;
    for (const auto& rule : also) resolve(rule, RuleKind::allow_read, allowed);
    programs.allowed = programs.any ? std::move(allowed) : meet(programs.allowed, allowed);
    programs.any = false;
  }
  for (const auto& rule : exec.deny) resolve(rule, RuleKind::deny_read, programs.denied);
  return programs;
}

Verdict Programs::decide(const std::string& path) const {
  Verdict v{false, path, {"programs not listed are denied", {"default", 0, 0}, false}, ""};
  for (const auto& r : denied)
    if (within(path, r.path)) {
      v.rule = r.rule;
      return v;
    }
  for (const auto& r : allowed)
    if (within(path, r.path)) {
      v.allowed = true;
      v.rule = r.rule;
      return v;
    }
  if (any) {
    v.allowed = true;
    v.rule = {"*", {"exec.allow", 0, 0}, false};
    return v;
  }
  v.hint = "--allow-exec " + path;
  return v;
}

std::vector<std::string> library_directories(const Context& c, const Programs& programs) {
  std::vector<std::string> dirs;
  const auto add = [&](const std::string& dir) {
    const std::string real = canonical(c.view, dir);
    if (c.view.is_dir(real) && std::none_of(dirs.begin(), dirs.end(), [&](const std::string& d) { return within(real, d); })) dirs.push_back(real);
  };
  for (const char* dir : {"/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64", "/lib32", "/usr/local/lib", "/usr/local/lib64"}) add(dir);
  // A program of its own prefix, /opt/x/bin/x, has its libraries in /opt/x/lib.
  for (const auto& p : programs.allowed) {
    const std::string bin = c.view.is_dir(p.path) ? p.path : parent_of(p.path);
    if (name_of(bin) != "bin" && name_of(bin) != "sbin") continue;
    for (const char* lib : {"lib", "lib64"}) add(join(parent_of(bin), lib));
  }
  return dirs;
}

Located locate(const HostView& view, const HostFacts& facts, const std::string& name, const std::string& path) {
  Located l;
  const auto look = [&](const std::string& file) {
    const std::string real = canonical(view, file);
    if (view.executable(real)) {
      l.file = file;
      return true;
    }
    if (l.unusable.empty() && view.exists(real)) l.unusable = file;
    return false;
  };
  if (name.find('/') != std::string::npos) {
    look(absolute(name, facts.cwd, facts));
  } else if (!name.empty()) {
    for (const auto& dir : split(path))
      if (look(join(dir.empty() ? facts.cwd : absolute(dir, facts.cwd, facts), name))) break;
  }
  return l;
}

Result<std::string> find_executable(const Context& c, const Programs& programs, const std::string& name, const std::string& path) {
  const auto [found, unusable] = locate(c.view, c.facts, name, path);
  if (found.empty() && !unusable.empty())
    return c.view.is_dir(canonical(c.view, unusable))
               ? refused(unusable + ": is a directory", "name a program", 126)
               : refused(unusable + ": is not executable", "make it so with `chmod +x`, or name its interpreter", 126);
  if (found.empty())
    return refused("command '" + name + "' not found", name.find('/') != std::string::npos ? "name an existing program" : "PATH inside is " + path,
                   127);
  const std::string real = canonical(c.view, found);
  if (const Verdict v = programs.decide(real); !v.allowed)
    return refused(real + " may not be run: rule '" + v.rule.text + "'", v.hint.empty() ? "" : "allow it with " + v.hint, 126);
  if (const Verdict v = c.paths.decide_canonical(real, Operation::read); !v.allowed)
    return refused(real + " may not be read, so not run: rule '" + v.rule.text + "'", v.hint.empty() ? "" : "allow it with " + v.hint, 126);
  return found;
}

}  // namespace cordon::plan
