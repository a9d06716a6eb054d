// SPDX-License-Identifier: Apache-2.0
#include "launch/sweep.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <string_view>
#include <tuple>

#include "base/fd.hpp"

namespace cordon::launch {
namespace {

constexpr std::size_t kMostDirectories = 8192;
constexpr std::size_t kMostEvents = 256;
constexpr int kRedirects = 4;  // git itself takes two: .git, commondir

Event event(Decision decision, const std::string& path, const std::string& trap, const std::string& kept) {
  Event e{EventKind::file_write, decision, path, "fs.traps", 0, "", "", {}, 0};
  e.extra.emplace_back("trap", json_string(trap));
  if (!kept.empty()) e.extra.emplace_back("set_aside", json_string(kept));
  return e;
}

Fd open_beneath(int root, const char* path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(syscall(SYS_openat2, root, path, &how, sizeof how)));
}

class Sweep {
 public:
  Sweep(const SweepOptions& options, const Since& since, const std::function<void(const Event&)>& tell)
      : options_(options), since_(since), tell_(tell) {}

  void tree(const std::string& root) {
    const Fd top(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!top) return tell_(unswept_event(root, "it cannot be opened"));
    for (std::deque<std::string> todo{"."}; !todo.empty(); todo.pop_front()) {
      if (looked_++ >= kMostDirectories)
        return tell_(
            unswept_event(root, "more than " + std::to_string(kMostDirectories) + " directories: those far from the top were not looked at"));
      const Fd dir = open_directory(top.get(), todo.front());
      if (dir) look(dir.get(), root, todo.front(), todo);
      else if (errno != ENOENT) tell(unswept_event(root + "/" + todo.front(), "it cannot be opened"));
    }
  }

 private:
  // The command may have taken the right to read from a directory of its own.
  Fd open_directory(int top, const std::string& path) {
    Fd dir = open_beneath(top, path.c_str());
    if (dir || errno != EACCES) return dir;
    const Fd handle(openat(top, path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat s{};
    if (!handle || fstat(handle.get(), &s) != 0 || !since_.changed(s)) return errno = ENOENT, Fd();  // not its work
    const std::string self = "/proc/self/fd/" + std::to_string(handle.get());
    if (chmod(self.c_str(), (s.st_mode & 07777) | 0700) != 0) return errno = errno == EROFS ? ENOENT : EACCES, Fd();  // a mask of ours
    return open_beneath(top, path.c_str());
  }

  void look(int dir, const std::string& root, const std::string& path, std::deque<std::string>& todo) {
    alignas(dirent64) char buffer[32768];
    bool config = false, shape = false;
    const std::string_view last = std::string_view(path).substr(path.rfind('/') + 1);
    const bool dot_git = last == ".git";
    const std::string shown = path == "." ? root : root + "/" + path, below = path == "." ? "" : path + "/";
    const std::string top = dot_git ? shown.substr(0, shown.rfind('/')) : shown;
    for (long n; (n = syscall(SYS_getdents64, dir, buffer, sizeof buffer)) > 0;)
      for (long at = 0; at < n;) {
        const auto* e = reinterpret_cast<const dirent64*>(buffer + at);
        at += e->d_reclen;
        const std::string_view name = e->d_name;
        if (name == "." || name == "..") continue;
        config = config || name == "config" || name == "hooks" || name == "config.worktree";
        shape = shape || name == "HEAD" || name == "objects" || name == "refs" || name == "commondir";
        if (name == "commondir") redirected(dir, shown, "commondir", "", top, 0);
        unsigned char type = e->d_type;
        struct stat s{};
        if (type == DT_UNKNOWN) type = fstatat(dir, e->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 ? static_cast<unsigned char>(IFTODT(s.st_mode)) : type;
        if (name == ".git" && type == DT_REG) redirected(dir, shown, ".git", "gitdir: ", shown, 0);
        if (name == ".git" && type == DT_LNK) linked(dir, shown);
        // Of a .git only what are git directories again; a directory that merely looks like one is a directory like others.
        if (type == DT_DIR && (!dot_git || name == "modules" || name == "worktrees")) todo.push_back(below + e->d_name);
      }
    if (dot_git || (config && shape)) git_directory(dir, shown, top);
  }

  void git_directory(int dir, const std::string& path, const std::string& top) {
    struct stat s{};
    if (fstat(dir, &s) != 0 || !seen_.emplace(s.st_dev, s.st_ino, top).second) return;
    GitDirectory{dir, path, top, path == options_.spared}.disarm(options_.mode, since_, [&](const Trap& t) {
      if (traps_.insert(t.path + "\n" + t.set_aside).second)
        tell(event(t.set_aside.empty() ? Decision::allowed : Decision::denied, t.path, t.what, t.set_aside));
    });
  }

  // Where a file says that git should go on. It may say anything: what it names is opened as the command would open it.
  void redirected(int dir, const std::string& shown, const char* file, const char* prefix, const std::string& top, int depth) {
    const std::string to = first_line(dir, file, prefix);
    if (to.empty()) return;
    const Fd target(openat(dir, to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    named(target.get(), to.starts_with('/') ? to : shown + "/" + to, top, depth);
  }
  void linked(int dir, const std::string& shown) {
    const Fd target(openat(dir, ".git", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (target) named(target.get(), shown + "/.git", shown, 0);
    else redirected(dir, shown, ".git", "gitdir: ", shown, 0);
  }
  void named(int dir, const std::string& path, const std::string& top, int depth) {
    if (dir < 0 || depth == kRedirects) return;
    redirected(dir, path, "commondir", "", top, depth + 1);
    git_directory(dir, path, top);
  }

  void tell(const Event& e) {
    if (++told_ <= kMostEvents) tell_(e);
  }

  const SweepOptions& options_;
  const Since& since_;
  const std::function<void(const Event&)>& tell_;
  std::set<std::tuple<dev_t, ino_t, std::string>> seen_;
  std::set<std::string> traps_;  // that were told
  std::size_t looked_ = 0, told_ = 0;
};

}  // namespace

void sweep(const SweepOptions& options, const Since& since, const std::function<void(const Event&)>& tell) {
  Sweep s(options, since, tell);
  for (const std::string& root : options.roots) s.tree(root);
}

Event unswept_event(const std::string& root, const std::string& why) { return event(Decision::allowed, root, why, ""); }

}  // namespace cordon::launch
