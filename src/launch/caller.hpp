// SPDX-License-Identifier: Apache-2.0
// The thread that waits in a notified call: its memory, its descriptors, its signals. Whatever is read here may be changed by
// another thread at the same time: read once, decide on the copy, act on the copy.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include "base/fd.hpp"

namespace cordon::launch {

class Caller {
 public:
  explicit Caller(int tid) : tid_(tid) {}
  [[nodiscard]] int tid() const { return tid_; }
  /// The process id, from /proc; the thread id if that is gone.
  [[nodiscard]] int process() const;
  /// The path of its executable, as readlink(2) gives it; empty if it is gone.
  [[nodiscard]] std::string executable() const;
  /// True if all `size` bytes were copied. process_vm_readv(2).
  [[nodiscard]] bool read(std::uint64_t address, void* into, std::size_t size) const;
  [[nodiscard]] bool write(std::uint64_t address, const void* from, std::size_t size) const;
  /// A string that ends in NUL within `most` bytes (then errno is ENAMETOOLONG, else EFAULT).
  [[nodiscard]] std::expected<std::string, int> text(std::uint64_t address, std::size_t most) const;
  /// A duplicate of its descriptor, or the errno of the call that used it: EBADF, EMFILE, EACCES. pidfd_getfd(2).
  [[nodiscard]] std::expected<Fd, int> descriptor(int fd) const;
  /// O_PATH on its /proc/TID/`link` ("cwd", "root", "fd/3").
  [[nodiscard]] std::expected<Fd, int> open_link(const char* link) const;
  /// Does a signal wait that would end a blocking call: for this thread alone, or for any of the process?
  enum class Signal { none, own, shared };
  [[nodiscard]] Signal signal() const;

 private:
  int tid_;
  mutable Fd pidfd_;
};

/// What `path` names to the caller, opened with O_PATH; or the errno. `at` is a descriptor of the caller's or AT_FDCWD.
[[nodiscard]] std::expected<Fd, int> resolve(const Caller& caller, int at, const std::string& path, bool follow = true);

}  // namespace cordon::launch
