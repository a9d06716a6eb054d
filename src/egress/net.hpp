// SPDX-License-Identifier: Apache-2.0
// The words that all of egress shares: one thread, one event loop, coroutines that end in a value.
//
//   Task<void> serve(Stream client);              // a coroutine of the loop
//   Task<std::expected<Stream, DialError>> dial(…)
//
// The executor is named, not type-erased: a coroutine frame and a pending operation are smaller and cost less that way.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace cordon::egress {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

using Executor = asio::io_context::executor_type;
/// A connected stream socket, TCP or unix: what a client, a target and a tunnel through a proxy all are.
using Stream = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;
using Address = asio::ip::address;
template <class T>
using Task = asio::awaitable<T, Executor>;
/// Completion token of every operation in a coroutine: the error code comes back as a value, nothing is thrown.
inline constexpr asio::use_awaitable_t<Executor> use_task;

/// A name and a port as the client gave them, the name in normal form (lower case, A-labels, no trailing dot, no brackets).
struct Target {
  std::string host;
  std::uint16_t port = 0;
};

}  // namespace cordon::egress
