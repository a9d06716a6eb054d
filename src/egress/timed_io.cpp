// SPDX-License-Identifier: Apache-2.0
#include "egress/timed_io.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

namespace cordon::egress {

Watchdog::Watchdog(Stream& stream, Clock::time_point deadline)
    : state_(std::make_shared<State>(State{&stream})), timer_(stream.get_executor(), deadline) {
  timer_.async_wait([state = state_](error_code cancelled) {
    if (cancelled || !state->stream) return;
    state->over = true;
    error_code ignored;
    state->stream->cancel(ignored);
  });
}

Task<error_code> write_all(Stream& stream, std::string_view bytes, Clock::time_point deadline) {
  const Watchdog watchdog(stream, deadline);
  error_code failed;
  co_await asio::async_write(stream, asio::buffer(bytes), asio::redirect_error(use_task, failed));
  co_return watchdog.over() && failed ? asio::error::timed_out : failed;
}

}  // namespace cordon::egress
