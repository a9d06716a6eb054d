// SPDX-License-Identifier: Apache-2.0
// What a supervisor that serves a library tells it, over a SOCK_SEQPACKET pair: events while the command runs, the outcome last.
// The library says nothing: its end closing is the word to stop, so that a dead caller is seen.
#pragma once
#include <cordon/error.hpp>
#include <cordon/events.hpp>

#include <optional>
#include <string>
#include <variant>

#include "base/fd.hpp"

namespace cordon::session {

struct Outcome {
  Result<int> status = 0;
  std::uint64_t events_lost = 0;
};

/// The supervisor's end.
class Reporter {
 public:
  explicit Reporter(Fd control);
  /// Never blocks: the command must not wait for a reader. What does not fit is counted.
  void event(const Event& event);
  /// Waits at most a second for a reader.
  void outcome(const Result<int>& status);

  [[nodiscard]] int lifeline() const { return control_.get(); }

 private:
  Fd control_;
  std::uint64_t lost_ = 0;
};

/// One packet as the library reads it.
[[nodiscard]] std::string encode_outcome(const Outcome& outcome);
[[nodiscard]] Result<std::variant<Event, Outcome>> decode_packet(std::string_view packet);

}  // namespace cordon::session
