// SPDX-License-Identifier: Apache-2.0
// Requests of one HTTP client: CONNECT ends in a tunnel, all others are forwarded one after the other.
#include "egress/front.hpp"
#include "egress/text.hpp"

namespace cordon::egress {
namespace {

constexpr std::string_view kFront = "http";

std::string base64(std::string_view s) {  // RFC 4648 section 4
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < s.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < s.size() ? static_cast<unsigned char>(s[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > s.size() ? '=' : digits[group >> (18 - 6 * k) & 63];
  }
  return out;
}

bool authorized(const Request& request, const std::string& token) {
  if (token.empty()) return true;
  const std::string* field = request.find("proxy-authorization");
  if (!field || field->size() < 6 || !same_text(std::string_view(*field).substr(0, 6), "basic ")) return false;
  return same_secret(trim(std::string_view(*field).substr(6)), base64("cordon:" + token));
}

// The next head, or none if the connection is over; every head that is wrong has been answered.
Task<std::optional<Request>> next_request(Service& service, Peer& client, bool first) {
  if (first) {
    client.expires_after(service.limits.head);
  } else if (client.bytes().empty()) {
    client.expires_after(service.limits.keep_alive);
    if (!co_await client.readable()) co_return std::nullopt;
    client.expires_after(service.limits.head);
  }
  RequestHead head;
  while (true) {
    client.use(head.feed(client.bytes()));
    if (!head.wants_more()) break;
    if (co_await client.more()) continue;
    if (client.expired() && (first || head.started())) {
      tell_malformed(service, kFront, "the head was not complete in time");
      co_await refuse_http(client, 408, "the head of the request was not complete in time");
    }
    co_return std::nullopt;
  }
  if (head.error()) {
    tell_malformed(service, kFront, head.error()->why);
    co_await refuse_http(client, head.error()->status, head.error()->why);
    co_return std::nullopt;
  }
  co_return head.request();
}

}  // namespace

Task<void> serve_http(Service& service, Client client) {
  std::unique_ptr<Origin> origin;
  for (bool first = true;; first = false) {
    const auto request = co_await next_request(service, client.peer, first);
    if (!request) co_return;
    if (!authorized(*request, service.token)) {
      tell_malformed(service, kFront, "no token, or a wrong one");
      co_return co_await refuse_http(client.peer, 407, "this proxy belongs to one sandbox: its token is missing or wrong");
    }
    if (!request->connect) {
      if (!co_await forward(service, client.peer, *request, origin)) co_return;
      continue;
    }
    origin.reset();
    auto attempt = std::make_unique<Attempt>(service, Target{request->host, request->port}, "http-connect");
    client.peer.never_expires();
    auto target = co_await attempt->open();
    if (!target) co_return co_await refuse_http(client.peer, target.error().denied ? 403 : 502, target.error().sentence);
    client.peer.expires_after(service.limits.head);
    if (!co_await client.peer.write("HTTP/1.1 200 Connection established\r\n\r\n")) co_return;
    co_return tunnel(service, std::move(client), std::move(*target), std::move(attempt));
  }
}

}  // namespace cordon::egress
