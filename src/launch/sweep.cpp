// SPDX-License-Identifier: Apache-2.0
#include "launch/sweep.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <string_view>
#include <tuple>

#include "base/fd.hpp"
#include "launch/set_aside.hpp"

namespace cordon::launch {
namespace {

constexpr std::size_t kMostDirectories = 8192;
constexpr std::size_t kMostEvents = 256;
constexpr std::size_t kMostRedirection = 1U << 20;  // git reads no larger .git
constexpr int kRedirects = 4;                       // git itself takes two: .git, commondir

Event event(Decision decision, const std::string& path, const char* key, const std::string& words, const std::string& kept) {
  Event e{EventKind::file_write, decision, path, "fs.traps", 0, "", "", {}, 0};
  e.extra.emplace_back(key, json_string(words));
  if (!kept.empty()) e.extra.emplace_back("set_aside", json_string(kept));
  return e;
}

class Sweep {
 public:
  Sweep(const SweepOptions& options, const Since& since, SweepBudget& budget, const std::function<void(const Event&)>& tell)
      : options_(options), look_{options.mode, since, options.before, options.roots, budget, [this](const Trap& t) { trap(t); }}, tell_(tell) {}

  void tree(const std::string& root) {
    const Fd top(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!top) return tell_(unswept_event(root, "it cannot be opened"));
    for (std::deque<std::string> todo{"."}; !todo.empty(); todo.pop_front()) {
      if (looked_++ >= kMostDirectories)
        return tell_(
            unswept_event(root, "more than " + std::to_string(kMostDirectories) + " directories: those far from the top were not looked at"));
      if (look_.budget.over()) break;
      const Fd dir = open_below(top.get(), todo.front(), look_.since);
      if (dir) look(dir.get(), root, todo.front(), todo);
      else if (errno != ENOENT) tell(unswept_event(root + "/" + todo.front(), "it cannot be opened"));
    }
    if (look_.budget.over()) tell_(unswept_event(root, "it took too long: not all was looked at"));
  }

 private:
  void look(int dir, const std::string& root, const std::string& path, std::deque<std::string>& todo) {
    alignas(dirent64) char buffer[32768];
    Shape shape;
    const std::string_view last = std::string_view(path).substr(path.rfind('/') + 1);
    const bool dot_git = last == ".git" || (path == "." && root.ends_with("/.git"));
    const std::string shown = path == "." ? root : root + "/" + path, below = path == "." ? "" : path + "/";
    const std::string top = dot_git ? shown.substr(0, shown.rfind('/')) : shown;
    for (long n; !look_.budget.over() && (n = syscall(SYS_getdents64, dir, buffer, sizeof buffer)) > 0;)
      for (long at = 0; at < n;) {
        const auto* e = reinterpret_cast<const dirent64*>(buffer + at);
        at += e->d_reclen;
        const std::string_view name = e->d_name;
        if (name == "." || name == "..") continue;
        shape.add(name);
        if (name == "commondir") redirected(dir, shown, "commondir", "", top, 0, false);
        unsigned char type = e->d_type;
        struct stat s{};
        if (type == DT_UNKNOWN) type = fstatat(dir, e->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 ? static_cast<unsigned char>(IFTODT(s.st_mode)) : type;
        if (name == ".git" && type != DT_DIR) redirected(dir, shown, ".git", "gitdir: ", shown, 0, false);
        // Of a .git only what can be git directories again; a directory that merely looks like one is a directory like others.
        if (type == DT_DIR && (!dot_git || !is_git_part(name))) todo.push_back(below + e->d_name);
      }
    if (dot_git || shape.is_git()) git_directory(dir, shown, top, false);
  }

  void git_directory(int dir, const std::string& path, const std::string& top, bool arrived) {
    struct stat s{};
    if (fstat(dir, &s) != 0 || !seen_.emplace(s.st_dev, s.st_ino, top, arrived).second) return;
    GitDirectory{dir, path, top, path == options_.spared, arrived}.disarm(look_);
  }

  // Where a file or a link says that git should go on. It may say anything: it is followed as git on the host would do, who sees
  // another /proc and more files than we. What then cannot be followed is set aside.
  // `arrived`: what led here is new, so all that is old behind it comes into use by the command's doing.
  void redirected(int dir, const std::string& shown, const char* name, const char* prefix, const std::string& top, int depth, bool arrived) {
    struct stat s{};
    if (depth == kRedirects || fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW) != 0) return;
    const bool is_new = look_.since.changed(s);
    const Spot place{Fd(fcntl(dir, F_DUPFD_CLOEXEC, 0)), shown, name};
    if (S_ISLNK(s.st_mode) && is_new) return away(place, "a symbolic link, through which git would read or write");
    Way way = look_.follow(dir, shown, name);
    if (way.link) return away(*way.link, "a symbolic link, through which git would read or write");
    if (way.end != Way::End::there || fstatat(way.place.directory.get(), way.place.name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) return;
    arrived = arrived || is_new || look_.since.changed(s) || !look_.before.kept(shown, look_.since);
    if (!S_ISDIR(s.st_mode)) {
      const auto text = read_small(way.place.directory.get(), way.place.name.c_str(), kMostRedirection, look_.budget);
      const bool changed = is_new || look_.since.changed(s);
      if (!text) return changed ? away(place, "a directory of git that cannot be read") : void();
      const std::string to = redirection(*text, prefix);
      if (to.empty()) return;  // git refuses it
      // A worktree of a repository that was there, which is judged where it lies.
      if (*prefix == 0 && is_of_worktree(shown, *text) && look_.before.noted(shown.substr(0, shown.rfind("/worktrees/")))) arrived = false;
      const std::string from = way.place.path;
      way = look_.follow(way.place.directory.get(), from, to);
      if (way.link) return away(changed ? place : *way.link, "a directory of git behind a symbolic link");
      if (way.end != Way::End::there) return changed ? away(place, "a directory of git that cannot be found") : void();
      const Fd target = open_below(way.place.directory.get(), way.place.name, look_.since);
      if (!target) return changed ? away(place, "a directory of git that cannot be read") : void();
      return named(target.get(), way.place, top, depth, arrived);
    }
    if (const Fd target = open_below(way.place.directory.get(), way.place.name, look_.since)) named(target.get(), way.place, top, depth, arrived);
  }
  void named(int dir, const Spot& place, const std::string& top, int depth, bool arrived) {
    const std::string path = place.name == "." ? place.path : place.whole();
    redirected(dir, path, "commondir", "", top, depth + 1, arrived);
    git_directory(dir, path, top, arrived);
  }
  void away(const Spot& place, const std::string& what) {
    const std::string to = options_.mode == Traps::quarantine ? set_aside(place.directory.get(), place.name, place.name) : "";
    trap({place.whole(), what, to.empty() ? to : place.path + "/" + to});
  }

  void trap(const Trap& t) {
    if (traps_.insert(t.path + "\n" + t.set_aside).second)
      tell(event(t.set_aside.empty() ? Decision::allowed : Decision::denied, t.path, "trap", t.what, t.set_aside));
  }
  void tell(const Event& e) {
    if (++told_ <= kMostEvents) tell_(e);
  }

  const SweepOptions& options_;
  Look look_;
  const std::function<void(const Event&)>& tell_;
  std::set<std::tuple<dev_t, ino_t, std::string, bool>> seen_;
  std::set<std::string> traps_;  // that were told
  std::size_t looked_ = 0, told_ = 0;
};

}  // namespace

void sweep(const SweepOptions& options, const Since& since, SweepBudget& budget, const std::function<void(const Event&)>& tell) {
  Sweep s(options, since, budget, tell);
  for (const std::string& root : options.roots) s.tree(root);
}

Event unswept_event(const std::string& root, const std::string& why) { return event(Decision::allowed, root, "unswept", why, ""); }

}  // namespace cordon::launch
