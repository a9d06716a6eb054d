// SPDX-License-Identifier: Apache-2.0
// Operations on a stream that end by a given time.
#pragma once
#include <memory>
#include <string_view>

#include "egress/net.hpp"

namespace cordon::egress {

/// Cancels what is pending on the stream once the time is over; lives in the coroutine that waits.
class Watchdog {
 public:
  Watchdog(Stream& stream, Clock::time_point deadline);
  ~Watchdog() { state_->stream = nullptr; }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  [[nodiscard]] bool over() const { return state_->over; }

 private:
  // The handler of a timer that has run out is queued and cannot be taken back; it outlives this object.
  struct State {
    Stream* stream;
    bool over = false;
  };
  std::shared_ptr<State> state_;
  Timer timer_;
};

/// Writes all of it. asio::error::timed_out when the time is over.
[[nodiscard]] Task<error_code> write_all(Stream& stream, std::string_view bytes, Clock::time_point deadline);

}  // namespace cordon::egress
