// SPDX-License-Identifier: Apache-2.0
// One directory that git would take for a repository's own: the traps in it that were laid since a moment, and how to set them
// aside. Nothing is lost: what is set aside lies beside its place, under a name that git does not know.
#pragma once
#include <cordon/policy.hpp>

#include <functional>
#include <string>
#include <vector>

#include "launch/git_path.hpp"
#include "launch/git_places.hpp"

namespace cordon::launch {

struct Trap {
  std::string path;
  std::string what;       ///< "core.fsmonitor", "a hook"
  std::string set_aside;  ///< where it lies now; empty: in its place
};

/// What all looks have in common.
struct Look {
  Traps mode;
  const Since& since;
  const GitPlaces& before;
  const std::vector<std::string>& roots;  ///< where the command could rename what lies below
  SweepBudget& budget;
  std::function<void(const Trap&)> tell;

  [[nodiscard]] Way follow(int directory, const std::string& from, std::string_view to) const {
    return follow_path(directory, from, to, since, roots, budget);
  }
};

/// By its names: what git would take for its directory, and what lacks little to be one.
struct Shape {
  bool settings = false, part = false, head = false, objects = false, common = false;
  void add(std::string_view name) {
    settings = settings || name == "config" || name == "hooks" || name == "config.worktree";
    head = head || name == "HEAD";
    objects = objects || name == "objects";
    common = common || name == "commondir";
    part = part || head || objects || common || name == "refs";
  }
  [[nodiscard]] bool is_git() const { return common || (settings && part) || (head && objects); }
};

struct GitDirectory {
  int fd;                               ///< opened for reading
  std::string path;                     ///< absolute
  std::string top;                      ///< of the working tree, absolute: where a relative core.hooksPath begins
  bool config_is_the_commands = false;  ///< the policy lets `config` be written: it is not looked at
  bool arrived = false;                 ///< something new leads here: what is old here comes into use now
  /// Tells each trap, after it was set aside where `mode` says so. When the budget is spent, or a trap cannot be taken out of it,
  /// the directory is set aside as a whole.
  void disarm(const Look&) const;
};

/// Symbolic links that were made in a git directory, wherever git would read or write through them. Git itself makes none but
/// for an old kind of HEAD. `all`: those that are old, too. `found` tells and sets aside; false: the directory is gone.
void find_links(const GitDirectory&, bool all, const Look&, const std::function<bool(const Spot&)>& found);

/// Is this what `commondir` says in the directory of a linked worktree?
bool is_of_worktree(const std::string& path, const std::string& commondir);

/// Where git has directories of its own that are no git directories again.
bool is_git_part(std::string_view name);

/// What is written there cannot be the command's work.
bool is_read_only(int directory);

}  // namespace cordon::launch
