// SPDX-License-Identifier: Apache-2.0
// The file rules of a policy, resolved once against the host.
#pragma once
#include <cordon/plan.hpp>

#include <algorithm>
#include <map>

#include "plan/host_view.hpp"

namespace cordon::plan {

enum class RuleKind { allow_read, deny_read, allow_write, deny_write };
[[nodiscard]] constexpr bool is_deny(RuleKind k) { return k == RuleKind::deny_read || k == RuleKind::deny_write; }

struct PathRule {
  RuleKind kind;
  std::string path;  ///< canonical
  Rule rule;
  bool link = false;                        ///< `path` is a symlink: the rule's target is a rule of its own
  bool file = false;                        ///< where nothing is, an empty file holds the place: git would not take a directory there
  bool readable = false, writable = false;  ///< what all rules together say of `path`
};

/// A deny rule with wildcards; what it matched at the start is among the plain rules too.
struct GlobRule {
  RuleKind kind;
  std::string start;  ///< where to look: the fixed directories before the first wildcard
  std::string pattern;
  Rule rule;
};

/// The project's git directories.
struct GitDirs {
  std::string git_dir, common_dir;
  bool absent = false, linked = false;  ///< linked: .git is a file that names the directory
};

/// A symlink on the way to what a rule opens.
struct Crossing {
  std::string link;  ///< its canonical place
  Rule rule;
};

/// What a rule says of a path, without the words.
struct Decision {
  bool allowed = false;
  const Rule* rule = nullptr;  ///< null: the default
};

class PathPolicy {
 public:
  [[nodiscard]] static PathPolicy make(const Policy&, const HostFacts&, const HostView&);

  /// The longest canonical prefix wins; deny beats allow at equal length. The cost grows with the path, not with the rules.
  [[nodiscard]] Decision decide(std::string_view canonical_path, Operation op) const { return decide(canonical_path, op, Globs::as_written); }
  [[nodiscard]] bool may(std::string_view canonical_path, Operation op) const { return decide(canonical_path, op).allowed; }
  [[nodiscard]] Verdict decide_canonical(const std::string& canonical_path, Operation) const;
  [[nodiscard]] bool has_globs() const {
    return !globs_.empty() || std::ranges::any_of(also_, [](const PathPolicy& also) { return also.has_globs(); });
  }
  /// Is it denied by a pattern alone that was not expanded so far, so that nothing holds the denial?
  [[nodiscard]] bool missed_by_glob(const std::string& canonical_path, Operation op) const {
    return !decide(canonical_path, op).allowed && decide(canonical_path, op, Globs::as_expanded).allowed;
  }

  [[nodiscard]] const std::vector<PathRule>& rules() const { return rules_; }
  [[nodiscard]] const GitDirs& git() const { return git_; }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] const std::vector<Glob>& expanded() const { return expanded_; }               ///< every pattern of a deny rule, and what it matched
  [[nodiscard]] const std::string& ca_bundle() const { return ca_bundle_; }                   ///< net.ca_bundle, canonical, or empty
  [[nodiscard]] const std::map<std::string, std::string>& routes() const { return routes_; }  ///< net.route, its sockets canonical
  /// The rule that keeps the project from being read, were it not the project; its text is empty where none does.
  [[nodiscard]] const Rule& project_denied() const { return project_denied_; }
  /// Refuses where a link on the way to what the policy opens lies in a place that the command may write: a run before this one
  /// could have laid it. `mounted`: what is denied within a writable tree is held.
  [[nodiscard]] Result<void> check_crossings(bool mounted) const;

  /// Notes the links on the way to what `rule` opens, for check_crossings.
  void cross(const std::string& path, const Rule&, const HostView&);

 private:
  /// As expanded a pattern counts where it matched something at the start, or where another rule names what it matches.
  enum class Globs { as_written, as_expanded };
  [[nodiscard]] Decision decide(std::string_view canonical_path, Operation, Globs) const;
  void add(RuleKind, const Rule&, const HostFacts&, const HostView&);
  void put(RuleKind, std::string path, const Rule&, bool link = false, bool file = false);
  void note(std::string sentence);
  void hold_missing(const HostView&);
  void conclude();
  void add_named(const Policy&, const HostFacts&, const HostView&);
  void add_moved(const Policy&, const HostFacts&, const HostView&);
  void show(const std::string& file, const Rule&, const HostView&);
  void add_ca_bundle(const std::string& path, const Rule&, const HostView&);
  void protect_dot_git(const std::string& dot_git, const HostView&);
  void protect(const std::string& path, const char* text, const HostView&, bool file = false);
  void protect_worktree_config(const std::string& dir, bool read_by_git, const HostView&);
  void protect_git_dir(const std::string& dir, const HostView&);
  void add_git(const HostFacts&, const HostView&);
  void add_linked_git(const std::string& dot_git, const HostFacts&, const HostView&);
  void add_submodules(const HostFacts&, const HostView&);
  void expand(const GlobRule&, const HostView&);
  [[nodiscard]] bool denied_for_good(const std::string& path, Operation) const;

  std::vector<PathRule> rules_;
  PathMap<std::vector<std::uint32_t>> at_;  // rules by path
  std::vector<GlobRule> globs_;
  std::vector<Glob> expanded_;
  std::vector<PathPolicy> also_;  // each must allow, too: fs.also
  std::vector<Crossing> crossings_;
  std::vector<std::string> notes_;
  GitDirs git_;
  std::string ca_bundle_, dot_git_;
  std::map<std::string, std::string> routes_;
  Rule project_denied_;
  bool git_config_ = false;
};

/// '~', '.' and project-relative paths made absolute; nothing is resolved yet.
[[nodiscard]] std::string absolute(const std::string& text, const HostFacts&);

}  // namespace cordon::plan
