// SPDX-License-Identifier: Apache-2.0
#include "launch/git_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.hpp"
#include "launch/git_config.hpp"

namespace cordon::launch {
namespace {

constexpr const char* kSuffix = ".quarantined-by-cordon";
constexpr const char* kClean = "config.cordon-clean";
constexpr int kIncludes = 10;                  // as deep as git follows them
constexpr std::size_t kMostConfig = 1U << 20;  // bytes; a larger file is set aside unread

// At most `most` bytes of a regular file; FIFOs and devices are not waited for.
std::optional<std::string> read_at(int directory, const char* name, std::size_t most) {
  const Fd fd(openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat s{};
  if (!fd || fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode) || s.st_size > static_cast<off_t>(most)) return std::nullopt;
  std::string text(static_cast<std::size_t>(s.st_size), '\0');
  std::size_t have = 0;
  for (ssize_t n = 1; have < text.size() && n > 0; have += static_cast<std::size_t>(std::max<ssize_t>(n, 0)))
    n = read(fd.get(), text.data() + have, text.size() - have);
  text.resize(have);
  return text;
}

// What the walls keep from being written is not the command's work, however new it is: the host writes, too.
bool could_write(int directory, const char* name) {
  if (const Fd fd(openat(directory, name, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)); fd) return true;
  struct stat s{};
  return errno == EACCES && fstatat(directory, name, &s, 0) == 0 && ((s.st_mode & 0200) == 0 || s.st_uid != geteuid());
}

// The owner may have been left without the right to change his own directory.
void make_writable(int directory) {
  struct stat s{};
  if (fstat(directory, &s) == 0 && (s.st_mode & 0300) != 0300) fchmod(directory, (s.st_mode & 07777) | 0300);
}

// Renames within a directory to a name that is free. The new name, or nothing.
std::string set_aside(int directory, const std::string& name, const std::string& as) {
  make_writable(directory);
  for (int i = 0; i < 100; ++i) {
    const std::string to = as + kSuffix + (i == 0 ? "" : "." + std::to_string(i));
    if (renameat2(directory, name.c_str(), directory, to.c_str(), RENAME_NOREPLACE) == 0) return to;
    if (errno != EEXIST) break;
  }
  return {};
}

// One rename puts the clean file in place, so that at no time there is none and at no time the old one is back.
std::string replace(int directory, const std::string& name, const std::string& clean) {
  make_writable(directory);
  unlinkat(directory, kClean, 0);
  Fd fd(openat(directory, kClean, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  const bool written = fd && write(fd.get(), clean.data(), clean.size()) == static_cast<ssize_t>(clean.size());
  if (written && renameat2(directory, kClean, directory, name.c_str(), RENAME_EXCHANGE) == 0) return set_aside(directory, kClean, name);
  if (fd) unlinkat(directory, kClean, 0);
  return set_aside(directory, name, name);  // git then has its defaults
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

bool is_executable(const std::string& name, const struct stat& s) {
  return S_ISREG(s.st_mode) && (s.st_mode & 0111) != 0 && !name.ends_with(".sample") && name.find(kSuffix) == std::string::npos;
}

struct CloseDir {
  void operator()(DIR* d) const { closedir(d); }
};

// A name in an open directory.
struct Place {
  int directory;
  std::string path;  // of the directory
  std::string name;
};

class Disarm {
 public:
  Disarm(const GitDirectory& at, Traps mode, const Since& since, const std::function<void(const Trap&)>& tell)
      : at_(at), mode_(mode), since_(since), tell_(tell) {
    // Old files that became a repository's only now. A directory's own time changes with its entries, so this is that of refs,
    // to which git seldom adds one.
    reshaped_ = changed(here("refs")) || changed(here("commondir"));
  }

  void config(const char* name) { config(here(name), reshaped_, kIncludes); }
  void hooks() { hooks(here("hooks"), reshaped_, false); }

  // Only the directory of a linked worktree has its configuration and hooks elsewhere.
  void commondir() {
    const std::string parent = at_.path.substr(0, at_.path.rfind('/'));
    if (const Place place = here("commondir"); changed(place) && !parent.ends_with("/worktrees"))
      found(place, "settings and hooks elsewhere", [&] { return set_aside(at_.fd, "commondir", "commondir"); });
  }

 private:
  [[nodiscard]] Place here(const char* name) const { return {at_.fd, at_.path, name}; }

  void config(const Place& place, bool reshaped, int depth) {
    const char* name = place.name.c_str();
    const bool is_new = (reshaped || changed(place)) && could_write(place.directory, name);
    const auto text = read_at(place.directory, name, kMostConfig);
    if (!text) {
      struct stat s{};
      // What git could not read either executes nothing. But its reader may have more rights than we.
      if (!is_new || fstatat(place.directory, name, &s, 0) != 0 || !S_ISREG(s.st_mode)) return;
      return found(place, "settings that cannot be read", [&] { return set_aside(place.directory, place.name, place.name); });
    }
    std::vector<Setting> settings = read_git_config(*text);
    if (!is_new) return follow(place.path, settings, depth);
    std::string traps;
    for (const Setting& s : settings)
      if (is_trap(s) && traps.size() < 200) traps += (traps.empty() ? "" : ", ") + s.name();
    if (traps.empty()) return;
    std::erase_if(settings, is_trap);
    found(place, traps, [&] { return replace(place.directory, place.name, write_git_config(settings)); });
  }

  // The files that settings of the user's own name as more settings, or as hooks.
  void follow(const std::string& from, const std::vector<Setting>& settings, int depth) {
    for (const Setting& s : settings) {
      if (!s.value || s.value->empty()) continue;
      const bool include = s.key == "path" && (s.section == "include" || s.section == "includeif");
      if (!include && !(s.section == "core" && s.key == "hookspath")) continue;
      std::filesystem::path named = *s.value;
      if (const char* home = std::getenv("HOME"); s.value->starts_with("~/") && home) named = home + s.value->substr(1);
      named = ((include ? from : at_.top) / named).lexically_normal();
      if (!named.has_filename()) named = named.parent_path();
      const Fd dir(open(named.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!dir || named == named.root_path()) continue;
      const Place place{dir.get(), named.parent_path(), named.filename()};
      if (!include) hooks(place, false, true);
      else if (depth > 0) config(place, false, depth - 1);
    }
  }

  // `elsewhere`: not in the git directory, but where other files lie.
  void hooks(const Place& place, bool reshaped, bool elsewhere) {
    const char* name = place.name.c_str();
    struct stat itself{}, s{};
    if (fstatat(place.directory, name, &itself, AT_SYMLINK_NOFOLLOW) != 0) return;
    const bool moved = reshaped || since_.changed(itself);
    const Fd dir(openat(place.directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct statvfs mount{};
    if (dir && fstatvfs(dir.get(), &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0) return;
    const std::unique_ptr<DIR, CloseDir> list(dir ? fdopendir(dup(dir.get())) : nullptr);
    const auto whole = [&] { return set_aside(place.directory, place.name, place.name); };
    if (!list) {
      if (moved && !dir && S_ISDIR(itself.st_mode)) found(place, "hooks that cannot be listed", whole);
      return;
    }
    std::vector<std::string> laid;
    while (const dirent* e = readdir(list.get())) {
      const std::string hook = e->d_name;
      struct stat link{};
      if (fstatat(dir.get(), e->d_name, &s, 0) != 0 || !is_executable(hook, s) || (elsewhere && !is_hook_name(hook))) continue;
      if (moved || since_.changed(s) || (fstatat(dir.get(), e->d_name, &link, AT_SYMLINK_NOFOLLOW) == 0 && since_.changed(link)))
        laid.push_back(hook);
    }
    // A link as a whole: the directory that it names may be of use as something else.
    if (S_ISLNK(itself.st_mode) && moved && !laid.empty()) return found(place, "hooks", whole);
    for (const std::string& hook : laid)
      found({dir.get(), place.path + "/" + place.name, hook}, "a hook", [&] { return set_aside(dir.get(), hook, hook); });
  }

  [[nodiscard]] bool changed(const Place& p) const {
    struct stat s{};
    if (fstatat(p.directory, p.name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) return false;
    return since_.changed(s) || (S_ISLNK(s.st_mode) && fstatat(p.directory, p.name.c_str(), &s, 0) == 0 && since_.changed(s));
  }

  template <class Away>
  void found(const Place& place, const std::string& what, Away away) {
    const std::string to = mode_ == Traps::quarantine ? away() : "";
    tell_({place.path + "/" + place.name, what, to.empty() ? to : place.path + "/" + to});
  }

  const GitDirectory& at_;
  Traps mode_;
  const Since& since_;
  const std::function<void(const Trap&)>& tell_;
  bool reshaped_ = false;
};

}  // namespace

void GitDirectory::disarm(Traps mode, const Since& since, const std::function<void(const Trap&)>& tell) const {
  Disarm d(*this, mode, since, tell);
  if (!config_is_the_commands) d.config("config");
  d.config("config.worktree");
  d.hooks();
  d.commondir();
}

std::string first_line(int directory, const char* name, std::string_view prefix) {
  std::string text = read_at(directory, name, 8192).value_or("");
  if (!text.starts_with(prefix)) return {};
  text.erase(0, prefix.size());
  text.resize(std::min(text.find_first_of("\n\r"), text.size()));
  return text;
}

}  // namespace cordon::launch
