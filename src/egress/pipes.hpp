// SPDX-License-Identifier: Apache-2.0
// Pipes for splice(2), lent while bytes flow.
//
// A pipe of 1 MiB moves a bulk stream twice as fast as one of 64 KiB, but an unprivileged user may hold only 64 of them
// (/proc/sys/fs/pipe-user-pages-soft, pipe(7)); past that the kernel gives smaller ones, and these work too. So no idle
// tunnel holds a pipe: it takes one when bytes arrive and gives it back when they have left.
#pragma once
#include <vector>

#include "base/fd.hpp"

namespace cordon::egress {

struct Pipe {
  Fd read_end, write_end;
  explicit operator bool() const { return static_cast<bool>(read_end); }
};

class PipePool {
 public:
  /// Keeps at most `keep` pipes for the next borrower.
  explicit PipePool(std::size_t keep = 64) : keep_(keep) {}
  /// An empty pipe, both ends non-blocking; none if the table of descriptors is full (the caller copies instead).
  [[nodiscard]] Pipe borrow();
  /// Takes an EMPTY pipe back. A pipe with bytes in it must be dropped instead: they would reach another tunnel.
  void give_back(Pipe pipe);

 private:
  std::size_t keep_;
  std::vector<Pipe> free_;
};

}  // namespace cordon::egress
