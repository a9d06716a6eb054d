// SPDX-License-Identifier: Apache-2.0
// Where a cgroup of a run can be made: cgroups(7), "Cgroups delegation".
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "plan/parts.hpp"

namespace cordon::plan {
namespace {

bool has_word(const std::string& text, const std::string& word) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const auto end = at + word.size();
    if ((at == 0 || text[at - 1] == ' ') && (end == text.size() || text[end] == ' ' || text[end] == '\n')) return true;
  }
  return false;
}

// A process may be put below `directory` by us if this is the common ancestor of where it is and where it goes.
bool usable(const std::string& directory) {
  return ::access(directory.c_str(), W_OK | X_OK) == 0 && ::access(join(directory, "cgroup.procs").c_str(), W_OK) == 0;
}

}  // namespace

void find_cgroup(HostFacts& f) {
  std::string mount;
  for (const char* place : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    struct statfs s{};
    if (::statfs(place, &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC) {
      mount = place;
      break;
    }
  }
  if (mount.empty()) {
    f.cgroup_why = "no cgroup v2 is mounted";
    return;
  }
  f.cgroup_why = "this process is in no cgroup v2 that it can name";
  const std::string text = real_host().read_file("/proc/self/cgroup").value_or("");
  const auto line = text.find("0::/");
  if (line == std::string::npos || (line != 0 && text[line - 1] != '\n')) return;
  std::string own = text.substr(line + 3, text.find('\n', line) - line - 3);
  if (own.find("..") != std::string::npos) return;  // outside of the cgroup namespace
  own = own == "/" ? mount : mount + own;
  // Controllers are for groups without processes of their own: beside our group, or below the root, which is exempt.
  f.cgroup_why = own + " is not delegated to this user";
  const std::string beside = own == mount ? mount : parent_of(own);
  for (const std::string& directory : {beside, own}) {
    if (!usable(directory)) continue;
    const std::string enabled = real_host().read_file(join(directory, "cgroup.subtree_control")).value_or("");
    f.cgroup_controllers = has_word(enabled, "memory") && has_word(enabled, "pids");
    f.cgroup_dir = directory;
    f.cgroup_why = f.cgroup_controllers ? "" : directory + " does not hand down the controllers memory and pids";
    if (f.cgroup_controllers) return;
  }
}

}  // namespace cordon::plan
