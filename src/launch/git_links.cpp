// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <deque>

#include "launch/git_directory.hpp"
#include "launch/set_aside.hpp"

namespace cordon::launch {
namespace {

// An old git could have a link for HEAD, to a branch; it leads nowhere else.
bool is_head(int directory, const std::string& name) {
  std::array<char, 4096> text{};
  const ssize_t n = name == "HEAD" ? readlinkat(directory, "HEAD", text.data(), text.size()) : -1;
  const std::string_view to(text.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  return to.starts_with("refs/heads/") && to.find("..") == std::string_view::npos;
}

}  // namespace

bool is_read_only(int directory) {
  struct statvfs mount{};
  return fstatvfs(directory, &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0;
}

// gitrepository-layout(5), and what git leaves there in the middle of its work. What lies in these can be much and is no git
// directory; nor are the stores of git-annex and git-lfs.
bool is_git_part(std::string_view name) {
  static constexpr std::array<std::string_view, 15> kParts{
      "NOTES_MERGE_WORKTREE", "annex",        "lfs",      "branches", "hooks", "info", "logs", "objects", "refs", "reftable", "remotes", "rr-cache",
      "rebase-apply",         "rebase-merge", "sequencer"};
  return std::find(kParts.begin(), kParts.end(), name) != kParts.end();
}

void find_links(const GitDirectory& at, bool all, const Look& look, const std::function<bool(const Spot&)>& found) {
  for (std::deque<std::string> todo{"."}; !todo.empty(); todo.pop_front()) {
    const std::string& path = todo.front();
    const Fd dir = open_below(at.fd, path, look.since);
    if (!dir) continue;
    alignas(dirent64) char buffer[32768];
    for (long n; (n = syscall(SYS_getdents64, dir.get(), buffer, sizeof buffer)) > 0;)
      for (long offset = 0; offset < n;) {
        const auto* e = reinterpret_cast<const dirent64*>(buffer + offset);
        offset += e->d_reclen;
        const std::string name = e->d_name;
        if (name == "." || name == ".." || e->d_type == DT_REG) continue;
        // Objects are read and checked, and made by renaming, in directories of two digits.
        const bool apart =
            path == "." ? !is_git_part(name) || name == "annex" || name == "lfs" : path == "objects" && name != "info" && name != "pack";
        if (apart && e->d_type == DT_DIR) continue;
        struct stat s{};
        if (!look.budget.take() || fstatat(dir.get(), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0) {
          if (look.budget.spent()) return;
          continue;
        }
        if (S_ISLNK(s.st_mode) && (all || look.since.changed(s)) && !is_head(dir.get(), name) && name.find(kSetAside) == std::string::npos &&
            !is_read_only(dir.get())) {
          Spot place{Fd(fcntl(dir.get(), F_DUPFD_CLOEXEC, 0)), path == "." ? at.path : at.path + "/" + path, name};
          if (!found(place)) return;
        }
        if (!S_ISDIR(s.st_mode) || apart) continue;
        // In one that did not change, and has no others in it, nothing is new.
        if (all || look.since.changed(s) || s.st_nlink != 2) todo.push_back(path == "." ? name : path + "/" + name);
      }
  }
}

}  // namespace cordon::launch
