// SPDX-License-Identifier: Apache-2.0
#include "launch/git_directory.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "launch/git_config.hpp"
#include "launch/set_aside.hpp"

namespace cordon::launch {
namespace {

constexpr const char* kTodo = "git-rebase-todo";
constexpr std::size_t kMostConfig = 1U << 20;  // bytes; a larger file is set aside unread

// What the walls keep from being written is not the command's work, however new it is: the host writes, too.
bool could_write(int directory, const char* name) {
  if (const Fd fd(openat(directory, name, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)); fd || errno == EWOULDBLOCK) return true;
  struct stat s{};
  if (errno == ENXIO) return true;  // a FIFO that nobody reads
  return errno == EACCES && fstatat(directory, name, &s, AT_SYMLINK_NOFOLLOW) == 0 && ((s.st_mode & 0200) == 0 || s.st_uid != geteuid());
}

// What git looks for where core.hooksPath says: other programs may lie there, too. githooks(5).
bool is_hook_name(const std::string& name) {
  static constexpr std::array<std::string_view, 24> kNames{"applypatch-msg",     "commit-msg",
                                                           "fsmonitor-watchman", "post-applypatch",
                                                           "post-checkout",      "post-commit",
                                                           "post-index-change",  "post-merge",
                                                           "post-receive",       "post-rewrite",
                                                           "post-update",        "pre-applypatch",
                                                           "pre-auto-gc",        "pre-commit",
                                                           "pre-merge-commit",   "pre-push",
                                                           "pre-rebase",         "pre-receive",
                                                           "prepare-commit-msg", "proc-receive",
                                                           "push-to-checkout",   "reference-transaction",
                                                           "sendemail-validate", "update"};
  return name.starts_with("p4-") || std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

bool is_executable(const struct stat& s) { return S_ISREG(s.st_mode) && (s.st_mode & 0111) != 0; }

struct CloseDir {
  void operator()(DIR* d) const { closedir(d); }
};

class Disarm {
 public:
  Disarm(const GitDirectory& at, const Look& look) : at_(at), look_(look) {
    // It was looked at before if it was a git directory already, by what did not change. Else old files became a repository's now.
    Shape before;
    for (const char* name : {"HEAD", "commondir", "config", "config.worktree", "hooks", "objects", "refs"}) {
      struct stat s{};
      if (fstatat(at_.fd, name, &s, AT_SYMLINK_NOFOLLOW) == 0 && !look_.since.changed(s)) before.add(name);
    }
    reshaped_ = !before.is_git() || at_.arrived || !look_.before.kept(at_.path, look_.since);
    touched_ = changed(".") || changed("commondir") || changed("config") || changed("config.worktree") || changed("hooks");
  }

  void all() {
    const bool spent = look_.budget.spent();
    if (!spent) {
      find_links(at_, reshaped_, look_, [&](const Spot& p) {
        found(p, "a symbolic link, through which git would read or write", [&] {
          // Below refs git would take whatever name it has for a branch.
          if (p.path.starts_with(at_.path + "/refs"))
            if (const std::string to = set_aside(p.directory.get(), p.name, at_.fd, p.name); !to.empty()) return at_.path + "/" + to;
          return aside(p);
        });
        return !gone_;
      });
      rebase_todo();
      if (!at_.config_is_the_commands && !gone_) config(at_.fd, at_.path, "config", reshaped_);
      if (!gone_) config(at_.fd, at_.path, "config.worktree", reshaped_);
      if (!gone_) hooks(at_.fd, at_.path, "hooks", reshaped_, false);
      if (!gone_) commondir();
      if (!gone_) own_settings();
    }
    if (!look_.budget.spent() || gone_ || (spent && !touched_)) return;
    found(Spot{Fd(), at_.path.substr(0, at_.path.rfind('/')), at_.path.substr(at_.path.rfind('/') + 1)},
          "more than can be looked at: the directory as a whole", [] { return std::string(); });
  }

 private:
  // Only the directory of a linked worktree has its configuration and hooks elsewhere: where it itself lies.
  void commondir() {
    if (!changed("commondir") && !reshaped_) return;
    if (const auto text = read_small(at_.fd, "commondir", kMostConfig, look_.budget); text && is_of_worktree(at_.path, *text)) return;
    if (struct stat s{}; fstatat(at_.fd, "commondir", &s, AT_SYMLINK_NOFOLLOW) != 0) return;
    const Spot place = here("commondir");
    found(place, "settings and hooks elsewhere", [&] { return aside(place); });
  }

  // The host's `git rebase --continue` does what it says.
  void rebase_todo() {
    const Fd dir = open_below(at_.fd, "rebase-merge", look_.since);
    struct stat s{};
    if (!dir || fstatat(dir.get(), kTodo, &s, AT_SYMLINK_NOFOLLOW) != 0 || !(reshaped_ || look_.since.changed(s))) return;
    const auto text = read_small(dir.get(), kTodo, kMostConfig, look_.budget);
    if (text && !executes(*text)) return;
    const Spot place{Fd(fcntl(dir.get(), F_DUPFD_CLOEXEC, 0)), at_.path + "/rebase-merge", kTodo};
    found(place, "commands of a rebase", [&] { return aside(place); });
  }
  static bool executes(std::string_view todo) {
    while (!todo.empty()) {
      std::string_view line = todo.substr(0, todo.find('\n'));
      todo.remove_prefix(std::min(line.size() + 1, todo.size()));
      line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
      const std::string_view word = line.substr(0, line.find_first_of(" \t"));
      if (word == "exec" || word == "x") return true;
    }
    return false;
  }

  void config(int directory, const std::string& from, const std::string& to, bool reshaped) {
    const Way way = look_.follow(directory, from, to);
    const Spot& place = way.place;
    struct stat s{};
    if (way.end != Way::End::there) {
      // Where it leads on the host nobody here can know.
      if (way.link) found(*way.link, "settings that cannot be read", [&] { return aside(*way.link); });
      return;
    }
    const char* name = place.name.c_str();
    if (fstatat(place.directory.get(), name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !seen_.emplace(s.st_dev, s.st_ino).second) return;
    const bool is_new = way.link || ((reshaped || way.fresh || look_.since.changed(s)) && could_write(place.directory.get(), name));
    const auto away = [&](const std::optional<std::string>& clean) {
      if (way.link) return aside(*way.link);
      const std::string as = clean ? replace(place.directory.get(), place.name, *clean) : set_aside(place.directory.get(), place.name, place.name);
      return as.empty() ? as : place.path + "/" + as;
    };
    const auto text = read_small(place.directory.get(), name, kMostConfig, look_.budget);
    if (!text) {
      if (is_new && !look_.budget.spent()) found(place, "settings that cannot be read", [&] { return away(std::nullopt); });
      return;
    }
    std::vector<Setting> settings = read_git_config(*text);
    if (!is_new) return follow(place.path, settings);
    std::string traps;
    const auto trap = [&](const Setting& setting) { return is_trap(setting) || leads_out(setting); };
    for (const Setting& setting : settings)
      if (traps.size() < 200 && trap(setting)) traps += (traps.empty() ? "" : ", ") + setting.name();
    if (traps.empty()) return;
    std::erase_if(settings, trap);
    found(place, traps, [&] { return away(write_git_config(settings)); });
  }

  // A working tree that does not say itself that it belongs to this directory: git on the host would write into it.
  bool leads_out(const Setting& setting) {
    if (setting.section != "core" || setting.key != "worktree" || setting.subsection || !setting.value) return false;
    const Way way = look_.follow(at_.fd, at_.path, *setting.value);
    if (way.end != Way::End::there || way.link) return true;
    const Fd tree(openat(way.place.directory.get(), way.place.name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!tree || is_this(tree.get(), ".")) return !tree;
    if (is_this(tree.get(), ".git")) return false;
    const std::string back = redirection(read_small(tree.get(), ".git", kMostConfig, look_.budget).value_or(""), "gitdir: ");
    if (back.empty()) return true;
    const Way home = look_.follow(tree.get(), way.place.whole(), back);
    return home.end != Way::End::there || home.link || !is_this(home.place.directory.get(), home.place.name.c_str());
  }
  bool is_this(int directory, const char* name) const {
    struct stat a{}, b{};
    return fstat(at_.fd, &a) == 0 && fstatat(directory, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
  }

  // The files that settings of the user's own name as more settings, or as hooks.
  void follow(const std::string& from, const std::vector<Setting>& settings) {
    for (const Setting& s : settings) {
      if (gone_ || look_.budget.spent()) return;
      if (!s.value || s.value->empty()) continue;
      const bool include = s.key == "path" && (s.section == "include" || s.section == "includeif");
      if (!include && !(s.section == "core" && s.key == "hookspath")) continue;
      std::string named = *s.value;
      if (const char* home = std::getenv("HOME"); named.starts_with("~/") && home) named = home + named.substr(1);
      if (!named_.insert((include ? from : "") + "\n" + named).second) continue;
      const std::string& base = include ? from : at_.top;
      const Fd dir(open(base.empty() ? "/" : base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!dir) continue;
      if (include) config(dir.get(), base, named, false);
      else hooks(dir.get(), base, named, false, true);
    }
  }

  // The settings of all the user's repositories: a relative core.hooksPath among them names a directory in each.
  void own_settings() {
    const char *home = std::getenv("HOME"), *config_home = std::getenv("XDG_CONFIG_HOME"), *other = std::getenv("GIT_CONFIG_GLOBAL");
    std::vector<std::string> files{"/etc/gitconfig"};
    if (other && *other) files.emplace_back(other);
    else if (home && *home)
      files.insert(files.end(),
                   {std::string(home) + "/.gitconfig", (config_home && *config_home ? config_home : std::string(home) + "/.config") + "/git/config"});
    const Fd top(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (const std::string& file : files) {
      const Way way = look_.follow(top.get(), "", file);
      if (way.end != Way::End::there || !file.starts_with('/')) continue;
      if (const auto text = read_small(way.place.directory.get(), way.place.name.c_str(), kMostConfig, look_.budget))
        follow(way.place.path, read_git_config(*text));
    }
  }

  // `elsewhere`: not in the git directory, but where other files lie.
  void hooks(int directory, const std::string& from, const std::string& to, bool reshaped, bool elsewhere) {
    const Way way = look_.follow(directory, from, to);
    const Spot& place = way.place;
    if (way.end != Way::End::there) {
      if (way.link) found(*way.link, "hooks that cannot be listed", [&] { return aside(*way.link); });
      return;
    }
    struct stat itself{};
    if (fstatat(place.directory.get(), place.name.c_str(), &itself, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(itself.st_mode)) return;
    const bool moved = reshaped || way.fresh || look_.since.changed(itself);
    const Fd dir(openat(place.directory.get(), place.name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (dir && !way.link && is_read_only(dir.get())) return;
    const std::unique_ptr<DIR, CloseDir> list(dir ? fdopendir(dup(dir.get())) : nullptr);
    const Spot& gate = way.link ? *way.link : place;
    if (!list) {
      if (moved) found(gate, "hooks that cannot be listed", [&] { return aside(gate); });
      return;
    }
    std::vector<std::string> laid;
    while (const dirent* e = readdir(list.get())) {
      const std::string hook = e->d_name;
      if (hook.ends_with(".sample") || hook.find(kSetAside) != std::string::npos || (elsewhere && !is_hook_name(hook))) continue;
      if (!look_.budget.take()) return;
      if (is_laid(dir.get(), place.whole(), hook, moved)) laid.push_back(hook);
    }
    // A link as a whole: the directory that it names may be of use as something else.
    if (way.link && !laid.empty()) return found(gate, "hooks", [&] { return aside(gate); });
    for (const std::string& hook : laid) {
      const Spot one{Fd(fcntl(dir.get(), F_DUPFD_CLOEXEC, 0)), place.whole(), hook};
      found(one, "a hook", [&] { return aside(one); });
    }
  }
  bool is_laid(int directory, const std::string& path, const std::string& hook, bool moved) {
    struct stat s{};
    if (fstatat(directory, hook.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (!S_ISLNK(s.st_mode)) return is_executable(s) && (moved || look_.since.changed(s));
    if (moved || look_.since.changed(s)) return true;  // wherever it leads: on the host it may be elsewhere
    const Way way = look_.follow(directory, path, hook);
    if (way.end != Way::End::there) return way.fresh;
    if (fstatat(way.place.directory.get(), way.place.name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) return true;
    return is_executable(s) && (way.fresh || look_.since.changed(s));
  }

  [[nodiscard]] Spot here(const char* name) const { return {Fd(fcntl(at_.fd, F_DUPFD_CLOEXEC, 0)), at_.path, name}; }
  [[nodiscard]] bool changed(const char* name) const {
    struct stat s{};
    if (fstatat(at_.fd, name, &s, AT_SYMLINK_NOFOLLOW) != 0) return false;
    return look_.since.changed(s) || (S_ISLNK(s.st_mode) && fstatat(at_.fd, name, &s, 0) == 0 && look_.since.changed(s));
  }

  static std::string aside(const Spot& place) {
    const std::string to = set_aside(place.directory.get(), place.name, place.name);
    return to.empty() ? to : place.path + "/" + to;
  }
  template <class Away>
  void found(const Spot& place, const std::string& what, Away away) {
    std::string to;
    if (look_.mode == Traps::quarantine) {
      to = away();
      if (to.empty() && !(to = set_aside_whole(at_.fd, at_.path)).empty()) gone_ = true;
    }
    look_.tell({place.whole(), what, to});
  }

  const GitDirectory& at_;
  const Look& look_;
  bool reshaped_ = false, touched_ = false, gone_ = false;
  std::set<std::pair<dev_t, ino_t>> seen_;  // files of settings
  std::set<std::string> named_;
};

}  // namespace

bool is_of_worktree(const std::string& path, const std::string& commondir) {
  const std::string parent = path.substr(0, path.rfind('/'));
  return parent.ends_with("/worktrees") && !path.ends_with("/.git") && redirection(commondir, "") == "../..";
}

void GitDirectory::disarm(const Look& look) const { Disarm(*this, look).all(); }

}  // namespace cordon::launch
