// SPDX-License-Identifier: Apache-2.0
#include "egress/listener.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>

#include <algorithm>

#include "egress/authority.hpp"

namespace cordon::egress {
namespace {

constexpr auto kPause = std::chrono::milliseconds(20);

// Counts a connection as open for as long as anybody holds it.
struct Slot {
  explicit Slot(Service& s) : service(s) { ++service.metrics.open; }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() {
    --service.metrics.open;
    service.on_connection_closed();
  }
  Service& service;
};

Task<void> pause(Acceptor& acceptor) {
  Timer timer(acceptor.get_executor(), kPause);
  error_code e;
  co_await timer.async_wait(asio::redirect_error(use_task, e));
}

// What accept(2) gives inherits it: bytes of a tunnel are not held back to fill a segment.
void no_delay(Acceptor& a) {
  const int on = 1;
  setsockopt(a.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

std::size_t connections_that_fit(std::uint64_t descriptors) { return std::clamp<std::uint64_t>(descriptors, 128, 65'536 + 64) / 6; }

Result<Acceptor> adopt(asio::io_context& loop, Fd listening) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  int accepts = 0;
  socklen_t accepts_size = sizeof accepts;
  if (getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      getsockopt(listening.get(), SOL_SOCKET, SO_ACCEPTCONN, &accepts, &accepts_size) != 0 || !accepts)
    return impossible("a descriptor that was handed to egress is no listening socket", errno, "report this");
  Acceptor acceptor(loop);
  error_code e;
  acceptor.assign(address.ss_family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), listening.release(), e);
  if (e) return impossible("egress cannot use a listening socket", e.value(), "free some memory");
  no_delay(acceptor);
  return acceptor;
}

Result<Acceptor> listen_on(asio::io_context& loop, const Address& address, std::uint16_t port) {
  Acceptor acceptor(loop);
  const asio::ip::tcp::endpoint where(address, port);
  error_code e;
  acceptor.open(where.protocol(), e);
  if (!e) acceptor.set_option(Acceptor::reuse_address(true), e);
  if (!e) acceptor.bind(where, e);
  if (!e) acceptor.listen(4096, e);
  if (e)
    return impossible("cannot listen on " + authority_text(address.to_string(), port), e.value(),
                      "choose another address or port; port 0 lets the kernel choose");
  no_delay(acceptor);
  return acceptor;
}

Task<std::optional<Stream>> next_connection(Acceptor& acceptor, std::uint64_t& pauses) {
  while (acceptor.is_open()) {
    error_code e;
    Stream client(acceptor.get_executor());
    co_await acceptor.async_accept(client, asio::redirect_error(use_task, e));
    if (!e) client.native_non_blocking(true, e);
    if (!e) co_return std::move(client);
    if (e == asio::error::operation_aborted) break;
    if (e.value() == EMFILE || e.value() == ENFILE || e.value() == ENOBUFS || e.value() == ENOMEM) {
      ++pauses;
      co_await pause(acceptor);
    }
  }
  co_return std::nullopt;
}

Task<void> accept_clients(Service& service, Acceptor& acceptor, Front front) {
  while (true) {
    if (service.metrics.open >= service.limits.connections) ++service.metrics.accept_pauses;
    while (service.metrics.open >= service.limits.connections) co_await pause(acceptor);
    auto stream = co_await next_connection(acceptor, service.metrics.accept_pauses);
    if (!stream) co_return;
    ++service.metrics.accepted;
    // Out of memory for one connection ends that one: its streams close with it.
    asio::co_spawn(service.loop, serve(service, std::move(*stream), front, std::make_shared<Slot>(service)), [](std::exception_ptr) {});
  }
}

}  // namespace cordon::egress
