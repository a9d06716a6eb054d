// SPDX-License-Identifier: Apache-2.0
#include "plan/host_view.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <unordered_map>

namespace cordon::plan {
namespace {

// What is not there, not ours to see, or on a dead network or FUSE mount cannot be read by the command either.
void expect_absent(const std::string& path) {
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case EACCES:
    case ELOOP:
    case ENAMETOOLONG:
    case EINVAL: return;
    case ENOTCONN:
    case ESTALE:
    case EIO:
    case EHOSTDOWN:
    case ETIMEDOUT:
    case ENODEV: return;
    default: throw HostSilent{path, errno};
  }
}

std::optional<std::string> read_link(const std::string& path) {
  char buffer[4096];
  const ssize_t n = ::readlink(path.c_str(), buffer, sizeof buffer);
  if (n < 0) expect_absent(path);
  if (n <= 0 || static_cast<std::size_t>(n) == sizeof buffer) return std::nullopt;
  return std::string(buffer, static_cast<std::size_t>(n));
}

FileKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::file;
  if (S_ISDIR(mode)) return FileKind::directory;
  return S_ISLNK(mode) ? FileKind::symlink : FileKind::other;
}

std::vector<Entry> list_entries(const std::string& path) {
  std::vector<Entry> entries;
  DIR* d = ::opendir(path.c_str());
  if (!d) return entries;
  while (const dirent* e = ::readdir(d)) {
    const std::string_view name = e->d_name;
    if (name == "." || name == "..") continue;
    FileKind kind = FileKind::other;
    switch (e->d_type) {
      case DT_REG: kind = FileKind::file; break;
      case DT_DIR: kind = FileKind::directory; break;
      case DT_LNK: kind = FileKind::symlink; break;
      case DT_UNKNOWN:
        if (struct stat st{}; ::fstatat(::dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) kind = kind_of(st.st_mode);
        break;
      default: break;
    }
    entries.push_back({std::string(name), kind});
  }
  ::closedir(d);
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

FileKind look_at(const std::string& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) {
    expect_absent(path);
    return FileKind::absent;
  }
  if (S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 01555 && list_entries(path).empty()) return FileKind::absent;
  if (S_ISREG(st.st_mode) && (st.st_mode & 07777) == 01444 && st.st_size == 0) return FileKind::absent;
  return kind_of(st.st_mode);
}

std::optional<std::string> read_whole(const std::string& path) {
  // O_NONBLOCK: a FIFO in a hostile project must not hang the plan.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return std::nullopt;
  std::string text;
  struct stat st{};
  bool good = ::fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
  char buffer[16384];
  while (good && text.size() < (1U << 20)) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0) good = false;
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  if (!good) return std::nullopt;
  return text;
}

}  // namespace

const HostView& real_host() {
  static const HostView view{look_at, list_entries, read_link, read_whole, [](const std::string& p) {
                               struct stat st{};
                               return ::stat(p.c_str(), &st) == 0 && S_ISREG(st.st_mode) && ::faccessat(AT_FDCWD, p.c_str(), X_OK, AT_EACCESS) == 0;
                             }};
  return view;
}

HostView remembering(const HostView& host) {
  struct Seen {
    HostView host;
    PathMap<FileKind> kinds;
    PathMap<std::optional<std::string>> links;
    PathMap<std::vector<Entry>> lists;

    FileKind look(const std::string& p) const {
      if (const auto list = p.size() > 1 ? lists.find(above(p)) : lists.end(); list != lists.end() && !list->second.empty()) {
        const std::string_view name = std::string_view(p).substr(p.rfind('/') + 1);
        const auto at = std::ranges::lower_bound(list->second, name, {}, &Entry::name);
        if (at == list->second.end() || at->name != name) return FileKind::absent;
        if (at->kind != FileKind::directory && at->kind != FileKind::file) return at->kind;  // what is left may be Cordon's own mark
      }
      return host.kind(p);
    }
  };
  const auto seen = std::make_shared<Seen>(Seen{host, {}, {}, {}});
  HostView view = host;
  view.resolved = std::make_shared<PathMap<std::string>>();
  view.kind = [seen](const std::string& p) {
    const auto [at, fresh] = seen->kinds.try_emplace(p, FileKind::absent);
    // Below what is no directory (and no link to one) there is nothing.
    if (fresh) {
      const auto parent = p.size() > 1 ? seen->kinds.find(above(p)) : seen->kinds.end();
      const bool nothing = parent != seen->kinds.end() && (parent->second == FileKind::absent || parent->second == FileKind::file);
      if (!nothing) at->second = seen->look(p);
    }
    return at->second;
  };
  view.list = [seen](const std::string& p) {
    const auto [at, fresh] = seen->lists.try_emplace(p);
    if (fresh) at->second = seen->host.list(p);
    return at->second;
  };
  view.readlink = [seen, kind = view.kind](const std::string& p) {
    if (kind(p) != FileKind::symlink) return std::optional<std::string>();
    const auto [at, fresh] = seen->links.try_emplace(p);
    if (fresh) at->second = seen->host.readlink(p);
    return at->second;
  };
  return view;
}

std::string join(std::string_view directory, std::string_view name) {
  std::string s;
  s.reserve(directory.size() + 1 + name.size());
  s = directory;
  if (s.empty() || s.back() != '/') s += '/';
  return s.append(name);
}

std::string_view above(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? std::string_view("/") : path.substr(0, slash);
}

std::string parent_of(const std::string& path) { return std::string(above(path)); }

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool within(std::string_view path, std::string_view tree) {
  if (tree == "/") return true;
  return path.starts_with(tree) && (path.size() == tree.size() || path[tree.size()] == '/');
}

bool strictly_within(std::string_view path, std::string_view tree) { return path != tree && within(path, tree); }

namespace {

constexpr std::size_t kLongest = 4096;  // PATH_MAX: what is longer names nothing

// `rest`, which starts in the canonical directory `done`. The links on the way are told.
std::string follow(const HostView& view, std::string done, std::string_view rest, std::vector<std::string>* met = nullptr) {
  int links = 0;
  std::string replaced;  // what `rest` is a part of, once a link was met
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      done = parent_of(done);
      continue;
    }
    std::string next = join(done, part);
    const auto target = links < 40 && view.is_link(next) ? view.readlink(next) : std::nullopt;
    if (!target) {
      done = std::move(next);
      continue;
    }
    ++links;
    if (met) met->push_back(next);
    if (target->starts_with('/')) done = "/";
    replaced = *target + "/" + std::string(rest);
    rest = replaced;
  }
  return done;
}

}  // namespace

std::vector<std::string> links_on_way(const HostView& view, const std::string& path) {
  std::vector<std::string> links;
  follow(view, "/", path, &links);
  return links;
}

std::string canonical(const HostView& view, const std::string& path) {
  const auto slash = path.rfind('/');
  if (!view.resolved || slash == 0 || slash == std::string::npos || path.size() > kLongest) return follow(view, "/", path);
  if (const auto known = view.resolved->find(path); known != view.resolved->end()) return known->second;
  return follow(view, canonical_directory(view, std::string_view(path).substr(0, slash)), std::string_view(path).substr(slash + 1));
}

std::string canonical_directory(const HostView& view, std::string_view directory) {
  if (!view.resolved || directory.size() > kLongest) return canonical(view, std::string(directory));
  auto at = view.resolved->find(directory);
  if (at == view.resolved->end()) {
    std::string place = canonical(view, std::string(directory));
    at = view.resolved->emplace(directory, std::move(place)).first;
  }
  return at->second;
}

}  // namespace cordon::plan
