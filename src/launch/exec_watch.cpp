// SPDX-License-Identifier: Apache-2.0
#include "launch/exec_watch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>

namespace cordon::launch {
namespace {

constexpr int kMostInterpreters = 5;  // BINPRM's own limit
constexpr int kMostLoaderOptions = 64;

bool within(const std::string& path, const std::string& directory) {
  return path == directory || directory == "/" || (path.starts_with(directory) && path[directory.size()] == '/');
}

std::string self(const Fd& file) { return "/proc/self/fd/" + std::to_string(file.get()); }

// The interpreter that the first line of a script names, or nothing. execve(2), "Interpreter scripts".
std::string interpreter(const Fd& file) {
  struct stat s{};
  if (fstat(file.get(), &s) != 0 || !S_ISREG(s.st_mode)) return {};
  // Not held up by whoever has a lease of the file, nor are the limits that this process watches.
  const Fd readable(open(self(file).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  char head[256];  // BINPRM_BUF_SIZE
  const ssize_t n = readable ? read(readable.get(), head, sizeof head) : -1;
  if (n < 3 || head[0] != '#' || head[1] != '!') return {};
  const std::string line(head + 2, static_cast<std::size_t>(n) - 2);
  const auto from = line.find_first_not_of(" \t");
  if (from == std::string::npos) return {};
  return line.substr(from, line.find_first_of(std::string_view(" \t\n\0", 4), from) - from);
}

bool is_loader(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.starts_with("ld-linux") || name.starts_with("ld-musl") || name.starts_with("ld.so") ||
         (name.starts_with("ld-") && name.ends_with(".so"));
}

}  // namespace

std::optional<ExecWatch::Denied> ExecWatch::decide(const Fd& file) const {
  char text[PATH_MAX];
  const ssize_t n = readlink(self(file).c_str(), text, sizeof text);
  if (n <= 0) return std::nullopt;
  const std::string path(text, static_cast<std::size_t>(n));
  for (const ExecRule& r : rules_)
    if (r.deny && within(path, r.path)) return Denied{path, r.text, {}};
  struct statvfs fs{};
  const bool noexec = fstatvfs(file.get(), &fs) == 0 && (fs.f_flag & ST_NOEXEC) != 0;
  const bool listed = std::any_of(rules_.begin(), rules_.end(), [&](const ExecRule& r) { return !r.deny && within(path, r.path); });
  const bool unlisted = restricted_ && !listed;
  if (!unlisted && !noexec) return std::nullopt;
  return Denied{path, unlisted ? "programs not listed are denied" : "under exec rules nothing runs from a place that the command can write",
                path.starts_with('/') && path.find(" (deleted)") == std::string::npos ? "--allow-exec " + path : std::string()};
}

std::optional<ExecWatch::Denied> ExecWatch::follow(const Caller& caller, int at, std::string path, bool links, std::uint64_t argv) const {
  for (int depth = 0; depth < kMostInterpreters && !path.empty(); ++depth) {
    const auto file = resolve(caller, at, path, links);
    if (!file) return std::nullopt;  // the kernel will say so
    if (auto denied = decide(*file)) return denied;
    if (depth == 0 && argv != 0 && is_loader(path)) {
      for (int i = 1; i < kMostLoaderOptions; ++i) {
        std::uint64_t argument = 0;
        if (!caller.read(argv + static_cast<std::uint64_t>(i) * sizeof argument, &argument, sizeof argument) || argument == 0) break;
        const auto program = caller.text(argument, PATH_MAX);
        if (!program || program->empty() || program->starts_with("-")) continue;
        // An option's value is a path that is not executed; it is denied only if it is a denied program.
        if (auto denied = follow(caller, AT_FDCWD, *program, true, 0)) return denied;
        break;
      }
    }
    path = interpreter(*file);
    at = AT_FDCWD;
    links = true;
  }
  return std::nullopt;
}

std::optional<ExecWatch::Denied> ExecWatch::check(const Caller& caller, const seccomp_data& data) const {
  const bool at = data.nr == SYS_execveat;
  const int flags = at ? static_cast<int>(data.args[4]) : 0;
  const int directory = at ? static_cast<int>(data.args[0]) : AT_FDCWD;
  const auto path = caller.text(data.args[at ? 1 : 0], PATH_MAX);
  if (!path) return std::nullopt;
  if (!path->empty()) return follow(caller, directory, *path, (flags & AT_SYMLINK_NOFOLLOW) == 0, data.args[at ? 2 : 1]);
  if ((flags & AT_EMPTY_PATH) == 0) return std::nullopt;
  const auto file = caller.open_link(("fd/" + std::to_string(directory)).c_str());
  return file ? decide(*file) : std::nullopt;
}

}  // namespace cordon::launch
