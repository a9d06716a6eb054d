// SPDX-License-Identifier: Apache-2.0
// Accepting clients, within what the descriptors and the limit of connections allow. A full table pauses and goes on.
#pragma once
#include <boost/asio/basic_socket_acceptor.hpp>

#include "base/fd.hpp"
#include "egress/front.hpp"

namespace cordon::egress {

using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

/// A listening TCP socket that was made elsewhere. Error: it is none.
[[nodiscard]] Result<Acceptor> adopt(asio::io_context& loop, Fd listening);
/// One of our own. `port` 0: the kernel chooses. Error: the address is in use, or not ours.
[[nodiscard]] Result<Acceptor> listen_on(asio::io_context& loop, const Address& address, std::uint16_t port);

/// Accepts until the acceptor is closed; each connection runs by itself.
Task<void> accept_clients(Service& service, Acceptor& acceptor, Front front);

/// The next connection, non-blocking, or none once the acceptor is closed; waits while the table of descriptors is full.
Task<std::optional<Stream>> next_connection(Acceptor& acceptor, std::uint64_t& pauses);

/// How many connections fit: a tunnel has two descriptors, and up to four more in pipes while it is stalled both ways.
[[nodiscard]] std::size_t connections_that_fit(std::uint64_t descriptors);

}  // namespace cordon::egress
