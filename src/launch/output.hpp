// SPDX-License-Identifier: Apache-2.0
// Standard output and error through pipes of ours, so that their bytes can be counted. Only where an output limit is set.
//
// A stream that is a terminal stays one, and is not counted: a pipe in its place would take job control and colours away.
#pragma once
#include <cordon/error.hpp>
#include <poll.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/fd.hpp"

namespace cordon::launch {

class Output {
 public:
  /// `limit` in bytes, of both streams together.
  Result<void> open(std::uint64_t limit);
  /// The command's end for descriptor 1 or 2, or -1: unchanged.
  [[nodiscard]] int command_end(int stream) const;
  /// Lets nothing more through.
  void close() { streams_.clear(); }
  /// In the supervisor, once PID 1 has its copies.
  void close_command_ends();
  /// What to wait for, appended to `fds`; `moved` wants the same entries back. Returns the number appended.
  void wait_for(std::vector<pollfd>& fds);
  /// Moves what is there. False once the limit is passed: nothing more is let through.
  [[nodiscard]] bool move(const pollfd* fds);
  [[nodiscard]] bool open() const { return !streams_.empty(); }
  /// Bytes that were let through; nothing where they are not counted.
  [[nodiscard]] std::optional<std::uint64_t> passed() const { return limit_ ? std::optional(*limit_ - left_) : std::nullopt; }

 private:
  struct Stream {
    int target;  ///< 1 or 2
    bool both;   ///< 1 and 2 are the same file
    Fd source, command_end;
    bool writable = false;  ///< bytes wait: the target is what is waited for
    std::size_t chunk;      ///< most bytes for one splice(2) that must not block
  };
  enum class Moved { all, some, end };
  Moved move(Stream& stream);
  std::vector<Stream> streams_;
  std::optional<std::uint64_t> limit_;
  std::uint64_t left_ = 0;
};

}  // namespace cordon::launch
