// SPDX-License-Identifier: Apache-2.0
#include "launch/caller.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace cordon::launch {
namespace {

constexpr unsigned kPidfdThread = O_EXCL;  // PIDFD_THREAD of Linux 6.9

std::string proc(int tid, const char* what) { return "/proc/" + std::to_string(tid) + "/" + what; }

std::string status(int tid) {
  char text[4096];
  const Fd f(open(proc(tid, "status").c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t n = f ? read(f.get(), text, sizeof text) : -1;
  return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

std::uint64_t field(const std::string& text, const char* name, int base) {
  const auto at = text.find(name);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + std::strlen(name), nullptr, base);
}

// /proc/self is the reader's: what the caller means by it are its own files. A long socket path is commonly shortened so.
std::string own_proc(const Caller& caller, const std::string& path) {
  const auto tid = std::to_string(caller.tid());
  for (const auto& [from, to] : {std::pair<std::string_view, std::string>{"/proc/self/", "/proc/" + tid + "/"},
                                 {"/proc/thread-self/", "/proc/" + tid + "/task/" + tid + "/"},
                                 {"/dev/fd/", "/proc/" + tid + "/fd/"}})
    if (path.starts_with(from)) return to + path.substr(from.size());
  return path;
}

bool same_root(const Fd& root) {
  struct stat a{}, b{};
  return fstat(root.get(), &a) == 0 && stat("/", &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

int Caller::process() const {
  const auto id = static_cast<int>(field(status(tid_), "\nTgid:\t", 10));
  return id > 0 ? id : tid_;
}

std::string Caller::executable() const {
  char text[4096];
  const ssize_t n = readlink(proc(tid_, "exe").c_str(), text, sizeof text);
  return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

bool Caller::read(std::uint64_t address, void* into, std::size_t size) const {
  const iovec local{into, size}, remote{reinterpret_cast<void*>(address), size};
  return size == 0 || process_vm_readv(tid_, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

bool Caller::write(std::uint64_t address, const void* from, std::size_t size) const {
  const iovec local{const_cast<void*>(from), size}, remote{reinterpret_cast<void*>(address), size};
  return size == 0 || process_vm_writev(tid_, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

std::expected<std::string, int> Caller::text(std::uint64_t address, std::size_t most) const {
  std::string all;
  char part[512];
  while (all.size() < most) {  // never across a page that need not be mapped
    const std::size_t n = std::min({sizeof part, most - all.size(), static_cast<std::size_t>(4096 - (address & 4095))});
    if (!read(address, part, n)) return std::unexpected(EFAULT);
    const auto end = static_cast<const char*>(std::memchr(part, 0, n));
    all.append(part, end ? static_cast<std::size_t>(end - part) : n);
    if (end) return all;
    address += n;
  }
  return std::unexpected(ENAMETOOLONG);
}

std::expected<Fd, int> Caller::descriptor(int fd) const {
  if (!pidfd_) {
    pidfd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, tid_, 0)));
    if (!pidfd_ && errno != EMFILE) pidfd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, tid_, kPidfdThread)));
    if (!pidfd_ && errno == EINVAL) pidfd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, process(), 0)));
    if (!pidfd_) return std::unexpected(errno == EMFILE || errno == ENFILE ? ENOBUFS : EACCES);
  }
  Fd copy(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd_.get(), fd, 0)));
  if (copy) return copy;
  return std::unexpected(errno == EBADF ? EBADF : errno == EMFILE || errno == ENFILE ? ENOBUFS : EACCES);
}

std::expected<Fd, int> Caller::open_link(const char* link) const {
  Fd fd(open(proc(tid_, link).c_str(), O_PATH | O_CLOEXEC));
  if (!fd) return std::unexpected(errno);
  return fd;
}

Caller::Signal Caller::signal() const {
  const std::string s = status(tid_);
  const std::uint64_t deaf = field(s, "\nSigBlk:\t", 16) | field(s, "\nSigIgn:\t", 16);
  if ((field(s, "\nSigPnd:\t", 16) & ~deaf) != 0) return Signal::own;
  if ((field(s, "\nShdPnd:\t", 16) & ~deaf) == 0) return Signal::none;
  return field(s, "\nThreads:\t", 10) == 1 ? Signal::own : Signal::shared;
}

std::expected<Fd, int> resolve(const Caller& caller, int at, const std::string& given, bool follow) {
  if (given.empty()) return std::unexpected(ENOENT);
  const std::string path = own_proc(caller, given);
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
  std::expected<Fd, int> base;
  if (path[0] == '/') {
    base = caller.open_link("root");
    // A root of its own (a nested namespace): its absolute links start there too. Not so below /proc, where IN_ROOT stops magic links.
    if (base && !same_root(*base)) how.resolve = RESOLVE_IN_ROOT;
  } else {
    base = caller.open_link(at == AT_FDCWD ? "cwd" : ("fd/" + std::to_string(at)).c_str());
  }
  if (!base) return std::unexpected(base.error() == ENOENT && at != AT_FDCWD ? EBADF : base.error());
  Fd fd(static_cast<int>(syscall(SYS_openat2, base->get(), path.c_str(), &how, sizeof how)));
  if (!fd) return std::unexpected(errno);
  return fd;
}

}  // namespace cordon::launch
