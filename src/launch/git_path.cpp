// SPDX-License-Identifier: Apache-2.0
#include "launch/git_path.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <deque>

namespace cordon::launch {
namespace {

constexpr int kMostLinks = 40;  // as the kernel

void split(std::string_view path, std::deque<std::string>& out) {  // in front of what is there
  std::deque<std::string> parts;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path.remove_prefix(std::min(part.size() + 1, path.size()));
  }
  out.insert(out.begin(), parts.begin(), parts.end());
}

bool below(const std::string& path, const std::vector<std::string>& roots) {
  return std::any_of(roots.begin(), roots.end(), [&](const std::string& r) { return path.starts_with(r + "/"); });
}

Fd open_beneath(int top, const char* path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(syscall(SYS_openat2, top, path, &how, sizeof how)));
}

}  // namespace

Way follow_path(int directory, const std::string& from, std::string_view to, const Since& since, const std::vector<std::string>& roots,
                SweepBudget& budget) {
  Way way;
  Spot& at = way.place;
  const bool absolute = to.starts_with('/');
  at = {absolute ? Fd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) : Fd(fcntl(directory, F_DUPFD_CLOEXEC, 0)), absolute ? "" : from, "."};
  std::deque<std::string> todo;
  split(to, todo);
  for (int links = 0; !todo.empty();) {
    if (!at.directory || !budget.take()) return way;
    const std::string name = todo.front();
    todo.pop_front();
    if (name == "..") {
      at.directory = Fd(openat(at.directory.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
      at.path.resize(at.path.empty() ? 0 : at.path.rfind('/'));
      continue;
    }
    struct stat s{};
    if (fstatat(at.directory.get(), name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT || errno == ENAMETOOLONG) way.end = Way::End::nothing;
      return way;
    }
    if (S_ISLNK(s.st_mode)) {
      struct statfs fs{};
      if (++links > kMostLinks || fstatfs(at.directory.get(), &fs) != 0 || fs.f_type == PROC_SUPER_MAGIC) return way;
      struct statvfs mount{};
      if (since.changed(s) && (fstatvfs(at.directory.get(), &mount) != 0 || (mount.f_flag & ST_RDONLY) == 0)) {
        way.fresh = true;
        if (!way.link) way.link = Spot{Fd(openat(at.directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), at.path, name};
      }
      std::array<char, PATH_MAX> text{};
      const ssize_t n = readlinkat(at.directory.get(), name.c_str(), text.data(), text.size());
      if (n <= 0) return way;
      if (text[0] == '/') at.directory = Fd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)), at.path.clear();
      split({text.data(), static_cast<std::size_t>(n)}, todo);
      continue;
    }
    if (todo.empty()) {
      at.name = name;
      way.end = Way::End::there;
      return way;
    }
    at.path += "/" + name;
    way.fresh = way.fresh || (since.changed(s) && below(at.path, roots));
    at.directory = Fd(openat(at.directory.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (at.directory) way.end = Way::End::there;
  return way;
}

std::optional<std::string> read_small(int directory, const char* name, std::size_t most, SweepBudget& budget) {
  const Fd fd(openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW));
  struct stat s{};
  if (!fd || fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode) || s.st_size > static_cast<off_t>(most)) return std::nullopt;
  if (!budget.take(static_cast<std::size_t>(s.st_size))) return std::nullopt;
  std::string text(static_cast<std::size_t>(s.st_size), '\0');
  std::size_t have = 0;
  for (ssize_t n = 1; have < text.size() && n > 0; have += static_cast<std::size_t>(std::max<ssize_t>(n, 0)))
    n = read(fd.get(), text.data() + have, text.size() - have);
  if (have < text.size()) return std::nullopt;
  return text;
}

std::string redirection(std::string text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return {};
  text.erase(0, prefix.size());
  text.resize(text.find_last_not_of("\n\r") + 1);
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

Fd open_below(int top, const std::string& path, const Since& since) {
  Fd dir = open_beneath(top, path.c_str());
  if (dir || errno != EACCES) return dir;
  const Fd handle(openat(top, path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat s{};
  if (!handle || fstat(handle.get(), &s) != 0 || !since.changed(s)) return errno = ENOENT, Fd();  // not its work
  const std::string self = "/proc/self/fd/" + std::to_string(handle.get());
  if (chmod(self.c_str(), (s.st_mode & 07777) | 0700) != 0) return errno = errno == EROFS ? ENOENT : EACCES, Fd();  // a mask of ours
  return open_beneath(top, path.c_str());
}

}  // namespace cordon::launch
