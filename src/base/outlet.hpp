// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <signal.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace cordon {

/// Lines for a descriptor that somebody else may keep full: a pipe that nobody reads, a terminal that is stopped. The command has the
/// same standard error and can fill it: who waited there would see no signal and no limit any more. So nothing waits; what finds no
/// room is kept, to a bound, until there is some. O_NONBLOCK on the descriptor itself would be the command's and our caller's, too.
class Outlet {
 public:
  Outlet() = default;
  /// `fd` is borrowed. To be made before the process confines itself: of a pipe or terminal a description of its own is opened.
  explicit Outlet(int fd);

  void say(std::string_view line);
  /// Writes what there is room for.
  void flush();
  /// The descriptor to be polled for POLLOUT before the next `flush`; -1 when nothing is kept.
  [[nodiscard]] int waits_for() const { return kept_.empty() ? -1 : fd_; }
  /// Waits for room, until all is written, a signal that ends programs comes (which are to be blocked), or the time is over.
  void drain(std::optional<std::chrono::milliseconds> most);
  /// errno of the first line that could not be written; 0: none was lost.
  [[nodiscard]] int lost() const { return lost_; }

 private:
  [[nodiscard]] long put(std::string_view bytes) const;
  int fd_ = -1;
  Fd own_;
  bool socket_ = false;
  std::string kept_;
  int lost_ = 0;
};

}  // namespace cordon
