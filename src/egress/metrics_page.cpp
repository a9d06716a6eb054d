// SPDX-License-Identifier: Apache-2.0
#include "egress/metrics_page.hpp"

#include <boost/asio/co_spawn.hpp>

namespace cordon::egress {
namespace {

constexpr std::size_t kMostHead = 8192;

Task<void> answer(Service& service, Stream stream) {
  Peer peer(std::move(stream));
  peer.expires_after(service.limits.head);
  while (peer.bytes().find("\r\n\r\n") == std::string_view::npos)
    if (peer.bytes().size() > kMostHead || !co_await peer.more(1024)) co_return;
  const bool known = peer.bytes().starts_with("GET /metrics ") || peer.bytes().starts_with("GET / ");
  const std::string body = known ? service.metrics.prometheus(service.resolver->questions()) : "the metrics are at /metrics\n";
  const std::string text = (known ? "HTTP/1.1 200 OK" : "HTTP/1.1 404 Not Found") +
                           std::string("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: ") +
                           std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
  if (co_await peer.write(text)) co_await peer.farewell();
}

}  // namespace

Task<void> serve_metrics(Service& service, Acceptor& acceptor) {
  while (auto stream = co_await next_connection(acceptor, service.metrics.accept_pauses))
    asio::co_spawn(service.loop, answer(service, std::move(*stream)), [](std::exception_ptr) {});
}

}  // namespace cordon::egress
