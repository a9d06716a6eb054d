// SPDX-License-Identifier: Apache-2.0
// One TCP connection to the best of several addresses: happy eyeballs (RFC 8305 sections 4 and 5).
#pragma once
#include <expected>
#include <vector>

#include "egress/net.hpp"
#include "policy/address.hpp"

namespace cordon::egress {

struct Connection {
  Stream stream;
  policy::Address peer;
};

/// The families take turns, beginning with that of the first address; else the order stays.
[[nodiscard]] std::vector<policy::Address> interleaved(const std::vector<policy::Address>& addresses);

/// Starts on the next address when the one before failed, or when `delay` is over; the first that connects wins and the
/// others are closed. The error is timed_out past the deadline, else that of the first address. The winner has TCP_NODELAY.
[[nodiscard]] Task<std::expected<Connection, error_code>> connect_to_any(std::vector<policy::Address> addresses, std::uint16_t port,
                                                                         std::chrono::milliseconds delay, Clock::time_point deadline);

}  // namespace cordon::egress
