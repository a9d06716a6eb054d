// SPDX-License-Identifier: Apache-2.0
#include "launch/git_places.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <deque>

#include "base/fd.hpp"

namespace cordon::launch {
namespace {

constexpr int kMostListed = 32, kMostAsked = 512, kMostEntries = 4096;

template <class Found>
void each_directory(const std::string& path, int& entries, Found found) {
  const Fd dir(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  alignas(dirent64) char buffer[16384];
  for (long n; dir && entries > 0 && (n = syscall(SYS_getdents64, dir.get(), buffer, sizeof buffer)) > 0;)
    for (long at = 0; at < n;) {
      const auto* e = reinterpret_cast<const dirent64*>(buffer + at);
      at += e->d_reclen;
      --entries;
      const std::string name = e->d_name;
      if (name != "." && name != ".." && (name == ".git" || e->d_type == DT_DIR || e->d_type == DT_UNKNOWN)) found(name);
    }
}

}  // namespace

GitPlaces::GitPlaces(const std::vector<std::string>& roots) : roots_(roots) {
  int listed = kMostListed, asked = kMostAsked, entries = kMostEntries;
  std::deque<std::string> todo, parts;
  const auto repository = [&](const std::string& work_tree) {
    if (note(work_tree + "/.git"))
      for (const char* part : {"/.git/modules", "/.git/worktrees"}) parts.push_back(work_tree + part);
    else note(work_tree);  // .git may be a file
  };
  for (const std::string& root : roots) {
    note(root);  // it may be a git directory itself
    for (const char* part : {"/modules", "/worktrees"}) parts.push_back(root + part);
    todo.push_back(root);
  }
  for (; !todo.empty(); todo.pop_front()) {
    const std::string path = todo.front();
    if (listed > 0) {
      --listed;
      each_directory(path, entries, [&](const std::string& name) {
        if (name == ".git") repository(path);
        else todo.push_back(path + "/" + name);
      });
    } else if (--asked < 0) {
      break;
    } else if (struct stat s{}; lstat((path + "/.git").c_str(), &s) == 0) {
      repository(path);
    }
  }
  for (; !parts.empty() && --asked >= 0; parts.pop_front())
    each_directory(parts.front(), entries, [&](const std::string& name) { note(parts.front() + "/" + name); });
}

bool GitPlaces::note(const std::string& path) {
  struct stat s{};
  if (lstat(path.c_str(), &s) != 0 || !S_ISDIR(s.st_mode)) return false;
  noted_.emplace(path, std::pair(s.st_dev, s.st_ino));
  return true;
}

bool GitPlaces::kept(const std::string& path, const Since& since) const {
  struct stat s{};
  if (const auto at = noted_.find(path); at != noted_.end()) return lstat(path.c_str(), &s) == 0 && at->second == std::pair(s.st_dev, s.st_ino);
  for (const std::string& root : roots_) {
    if (!path.starts_with(root + "/")) continue;
    for (std::string up = path; up.size() > root.size(); up.resize(up.rfind('/')))
      if (lstat(up.c_str(), &s) != 0 || since.changed(s)) return false;
  }
  return true;
}

}  // namespace cordon::launch
