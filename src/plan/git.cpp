// SPDX-License-Identifier: Apache-2.0
// Git's own directories: what git executes, or reads to find what to execute, is not the command's to write.
#include <algorithm>
#include <cctype>

#include "plan/paths.hpp"

namespace cordon::plan {
namespace {

constexpr std::size_t kListed = 256;  // entries of one of git's lists that are looked at

std::string trimmed(std::string s) {
  while (!s.empty() && (s.back() == '\n' || s.back() == '\r' || s.back() == ' ' || s.back() == '\t')) s.pop_back();
  s.erase(0, std::min(s.find_first_not_of(" \t"), s.size()));
  return s;
}

bool same_letters(char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b)); }
bool begins(std::string_view text, std::string_view with) {
  return text.size() >= with.size() && std::equal(with.begin(), with.end(), text.begin(), same_letters);
}

// The values of `key` in `section`, for the one line form that git itself writes; "true" where a key stands alone.
std::vector<std::string> config_values(const std::string& config, std::string_view section, std::string_view key) {
  std::vector<std::string> values;
  bool in_section = false;
  for (std::size_t at = 0; at < config.size();) {
    const auto end = std::min(config.find('\n', at), config.size());
    const std::string line = trimmed(config.substr(at, end - at));
    at = end + 1;
    if (line.starts_with('[')) in_section = begins(std::string_view(line).substr(1), section);
    if (!in_section || !begins(line, key)) continue;
    const auto equals = std::min(line.find('='), line.size());
    if (trimmed(line.substr(0, equals)).size() != key.size()) continue;
    std::string value = equals == line.size() ? "true" : trimmed(line.substr(equals + 1));
    if (value.size() > 1 && value.starts_with('"') && value.ends_with('"')) value = value.substr(1, value.size() - 2);
    if (!value.empty()) values.push_back(std::move(value));
  }
  return values;
}

bool has_worktree_config(const std::string& common, const HostView& view) {
  const auto values = config_values(view.read_file(join(common, "config")).value_or(""), "extensions]", "worktreeConfig");
  return !values.empty() && values.back() != "false";
}

Rule floor_rule(std::string text) { return {std::move(text), {"floor", 0, 0}, true}; }

// The directory that a .git file names; empty where it is none.
std::string named_by(const std::string& dot_git, const HostView& view) {
  const std::string text = trimmed(view.read_file(dot_git).value_or(""));
  if (!text.starts_with("gitdir: ")) return {};
  const std::string dir = text.substr(8);
  return canonical(view, dir.starts_with('/') ? dir : join(parent_of(dot_git), dir));
}

}  // namespace

void PathPolicy::protect(const std::string& path, const char* text, const HostView& view, bool file) {
  if (git_config_ && std::string_view(text) == ".git/config") return;
  const Rule rule = floor_rule(text);
  const std::string target = canonical(view, path);
  put(RuleKind::deny_write, target, rule, false, file);
  if (target != path && view.is_link(path)) put(RuleKind::deny_write, path, rule, true);
}

// Absent hooks and config are protected, too; other files only where they exist, for a placeholder would stop git.
void PathPolicy::protect_git_dir(const std::string& dir, const HostView& view) {
  protect(join(dir, "hooks"), ".git/hooks", view);
  protect(join(dir, "config"), ".git/config", view);
  for (const char* name : {"commondir", "gitdir"})
    if (const std::string path = join(dir, name); view.exists(path)) protect(path, ".git/config", view);
  protect_worktree_config(dir, has_worktree_config(dir, view), view);
}

// Absent, it counts only where git would read it, which then takes an empty file and no directory.
void PathPolicy::protect_worktree_config(const std::string& dir, bool read_by_git, const HostView& view) {
  if (const std::string path = join(dir, "config.worktree"); read_by_git || view.exists(path)) protect(path, ".git/config", view, true);
}

// A link is held as a link: the directory that it names stays writable but for what git executes.
void PathPolicy::protect_dot_git(const std::string& dot_git, const HostView& view) {
  const FileKind kind = view.kind(dot_git);
  if (kind == FileKind::file || kind == FileKind::other) protect(dot_git, ".git", view);
  if (kind == FileKind::symlink) put(RuleKind::deny_write, dot_git, floor_rule(".git"), true);
  if (const std::string dir = canonical(view, dot_git); view.is_dir(dir)) protect_git_dir(dir, view);
}

void PathPolicy::add_git(const HostFacts& facts, const HostView& view) {
  const std::string dot_git = join(facts.project, ".git");
  git_.git_dir = git_.common_dir = dot_git;
  const FileKind kind = view.kind(dot_git);
  git_.absent = kind == FileKind::absent;
  if (kind == FileKind::file || kind == FileKind::symlink) {
    git_ = {};
    if (kind == FileKind::file) add_linked_git(dot_git, facts, view);
  }
  protect_dot_git(dot_git, view);
  // A project that is a git directory itself, as a bare repository is.
  if (view.exists(join(facts.project, "HEAD")) && view.is_dir(join(facts.project, "objects")) && view.is_dir(join(facts.project, "refs")))
    protect_git_dir(facts.project, view);
  add_submodules(facts, view);
}

void PathPolicy::add_linked_git(const std::string& dot_git, const HostFacts& facts, const HostView& view) {
  const std::string dir = named_by(dot_git, view);
  if (dir.empty() || !view.is_dir(dir) || within(facts.project, dir)) return;
  const auto from = [&](const std::string& p) { return canonical(view, p.starts_with('/') ? p : join(dir, p)); };
  std::string common;
  const auto back = view.read_file(join(dir, "gitdir")), commondir = view.read_file(join(dir, "commondir"));
  // Only a directory that names this project in turn is opened: the project's file alone could name any repository.
  if (back && commondir) {
    if (from(trimmed(*back)) != dot_git) return;
    common = from(trimmed(*commondir));
    // A worktree's directory lies in worktrees/ of the common one; anything else is not git's work.
    if (!view.is_dir(common) || parent_of(dir) != join(common, "worktrees") || within(facts.project, common)) return;
  } else {
    const auto worktree = config_values(view.read_file(join(dir, "config")).value_or(""), "core]", "worktree");
    if (worktree.empty() || from(worktree.back()) != facts.project) return;
    common = dir;
  }
  // Nothing that the policy keeps from being read is opened by a file of the project's.
  for (const auto& d : {dir, common})
    if (!may(d, Operation::read)) return;
  git_ = {dir, common, false, true};
  put(RuleKind::allow_write, common, floor_rule(".git"));
  if (!within(dir, common)) put(RuleKind::allow_write, dir, floor_rule(".git"));
  protect_git_dir(common, view);
}

// Git directories within the common one: submodules and worktrees. And the .git of each submodule that is checked out: git on
// the host runs in all of them.
void PathPolicy::add_submodules(const HostFacts& facts, const HostView& view) {
  const std::string common = canonical(view, git_.common_dir.empty() ? join(facts.project, ".git") : git_.common_dir);
  if (!view.is_dir(common) || !may(common, Operation::write)) return;
  bool cut = false;
  const std::function<void(const std::string&, int)> modules = [&](const std::string& dir, int depth) {
    std::size_t seen = 0;
    for (const auto& e : view.list(dir)) {
      if (e.kind != FileKind::directory) continue;
      if (++seen > kListed) {
        cut = true;
        return;
      }
      const std::string path = join(dir, e.name);
      if (view.exists(join(path, "HEAD"))) {
        protect_git_dir(path, view);
        if (const std::string below = join(path, "modules"); depth > 1 && view.is_dir(below)) modules(below, depth - 1);
      } else if (depth > 1) {
        modules(path, depth - 1);  // a submodule's name may hold a slash
      }
    }
  };
  if (const std::string dir = join(common, "modules"); view.is_dir(dir)) modules(dir, 3);
  if (const std::string dir = join(common, "worktrees"); view.is_dir(dir)) {
    const bool read_by_git = has_worktree_config(common, view);
    std::size_t seen = 0;
    for (const auto& e : view.list(dir)) {
      if (e.kind != FileKind::directory) continue;
      if (++seen > kListed) {
        cut = true;
        break;
      }
      for (const char* name : {"commondir", "gitdir"})
        if (const std::string path = join(join(dir, e.name), name); view.exists(path)) protect(path, ".git/config", view);
      protect_worktree_config(join(dir, e.name), read_by_git, view);
    }
  }
  const auto listed = config_values(view.read_file(join(facts.project, ".gitmodules")).value_or(""), "submodule ", "path");
  for (std::size_t i = 0; i < listed.size(); ++i) {
    if (i == kListed) {
      cut = true;
      break;
    }
    const std::string tree = canonical(view, join(facts.project, listed[i])), dot_git = join(tree, ".git");
    if (!strictly_within(tree, facts.project)) continue;
    protect_dot_git(dot_git, view);
  }
  if (cut)
    notes_.push_back("more than " + std::to_string(kListed) + " submodules or worktrees: the rest of their git configuration is not protected");
}

}  // namespace cordon::plan
