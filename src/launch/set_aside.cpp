// SPDX-License-Identifier: Apache-2.0
#include "launch/set_aside.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>

#include "base/fd.hpp"

namespace cordon::launch {
namespace {

constexpr int kCounted = 10;  // names that a person likes to read, before such as nobody can foresee
constexpr int kTries = 20;
constexpr std::size_t kMostName = 200;  // bytes of the name that is kept

// The owner may have been left without the right to change his own directory.
void make_writable(int directory) {
  struct stat s{};
  if (fstat(directory, &s) == 0 && (s.st_mode & 0300) != 0300) fchmod(directory, (s.st_mode & 07777) | 0300);
}

std::string unforeseen() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, GRND_NONBLOCK) < 0)
    number = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  return std::to_string(number);
}

struct CloseDir {
  void operator()(DIR* d) const { closedir(d); }
};

}  // namespace

std::string set_aside(int directory, const std::string& name, int into, const std::string& as) {
  make_writable(directory);
  if (into != directory) make_writable(into);
  const std::string stem = as.substr(0, std::min(as.find(kSetAside), kMostName)) + std::string(kSetAside);
  for (int i = 0; i < kTries; ++i) {
    const std::string to = stem + (i == 0 ? "" : "." + (i < kCounted ? std::to_string(i) : unforeseen()));
    if (renameat2(directory, name.c_str(), into, to.c_str(), RENAME_NOREPLACE) == 0) return to;
    if (errno != EEXIST) break;
  }
  return {};
}

// One rename puts the clean file in place, so that at no time there is none and at no time the old one is back.
std::string replace(int directory, const std::string& name, const std::string& clean) {
  make_writable(directory);
  const std::string temporary = name + ".cordon-clean." + unforeseen();
  Fd fd(openat(directory, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  const bool written = fd && write(fd.get(), clean.data(), clean.size()) == static_cast<ssize_t>(clean.size());
  if (written && renameat2(directory, temporary.c_str(), directory, name.c_str(), RENAME_EXCHANGE) == 0) {
    const std::string to = set_aside(directory, temporary, name);
    return to.empty() ? temporary : to;  // git knows neither
  }
  if (fd) unlinkat(directory, temporary.c_str(), 0);
  return set_aside(directory, name, name);  // git then has its defaults
}

std::string set_aside_whole(int directory, const std::string& path) {
  struct stat itself{};
  const Fd parent(openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent || fstat(directory, &itself) != 0) return {};
  const auto aside = [&](const std::string& name) {
    struct stat s{};
    if (fstatat(parent.get(), name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0 || s.st_ino != itself.st_ino || s.st_dev != itself.st_dev)
      return std::string();
    const std::string to = set_aside(parent.get(), name, name);
    return to.empty() ? to : path.substr(0, path.rfind('/') + 1) + to;
  };
  if (const std::string to = aside(path.substr(path.rfind('/') + 1)); !to.empty()) return to;
  const std::unique_ptr<DIR, CloseDir> list(fdopendir(dup(parent.get())));
  while (const dirent* e = list ? readdir(list.get()) : nullptr)
    if (e->d_ino == itself.st_ino)
      if (const std::string to = aside(e->d_name); !to.empty()) return to;
  return {};
}

}  // namespace cordon::launch
