// SPDX-License-Identifier: Apache-2.0
#include "egress/upstream.hpp"

#include <cordon/events.hpp>

#include <boost/asio/redirect_error.hpp>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "egress/authority.hpp"
#include "egress/connect_response.hpp"
#include "egress/timed_io.hpp"

namespace cordon::egress {
namespace {

using Failure = std::unexpected<DialError>;

// One dial: what its errors name, and the steps in their order.
class Dial {
 public:
  Dial(const Target& target, const ProxyAddress* proxy, const DialTimes& times) : target_(authority_text(target.host, target.port)), times_(times) {
    if (proxy) via_ = " through the proxy " + printable(proxy->text());
  }

  Failure fail(DialFailure failure, const std::string& why) const {
    return Failure({failure, "cannot reach " + printable(target_) + via_ + ": " + why, 0, {}});
  }

  // `host` is what is connected to: the target, or the proxy.
  Task<std::expected<Connection, DialError>> connect(std::string host, std::uint16_t port, const Lookup& lookup, const Admit* admit) const {
    const auto deadline = Clock::now() + times_.connect;
    std::vector<policy::Address> addresses;
    if (const auto literal = policy::parse_address(host)) {
      addresses.push_back(*literal);
    } else {
      auto answer = co_await lookup(host);
      if (!answer) co_return fail(DialFailure::resolve, answer.error());
      for (const auto& a : *answer) addresses.push_back(from_asio(a));
      if (addresses.empty()) co_return fail(DialFailure::resolve, printable(host) + " has no address");
    }
    if (admit) {
      Verdict refusal;
      std::erase_if(addresses, [&](const policy::Address& a) {
        Verdict v = (*admit)(a);
        const bool refused = !v.allowed;
        if (refused && refusal.hint.empty() && !refusal.rule) refusal = std::move(v);
        return refused;
      });
      if (addresses.empty()) {
        auto failure = fail(DialFailure::not_admitted, "not allowed (" + printable(refusal.rule_text()) + ")");
        failure.error().verdict = std::move(refusal);
        co_return failure;
      }
    }
    auto connection = co_await connect_to_any(std::move(addresses), port, times_.next_attempt, deadline);
    if (connection) co_return std::move(*connection);
    const error_code e = connection.error();
    if (e == asio::error::timed_out) co_return fail(DialFailure::timeout, "no connection within " + text(times_.connect));
    co_return fail(e == asio::error::connection_refused ? DialFailure::refused : DialFailure::unreachable, printable(e.message()));
  }

  Task<std::expected<void, DialError>> request(Stream& proxy) const {
    const std::string request = "CONNECT " + target_ + " HTTP/1.1\r\nHost: " + target_ + "\r\nProxy-Connection: keep-alive\r\n\r\n";
    const error_code e = co_await write_all(proxy, request, Clock::now() + times_.write);
    if (e == asio::error::timed_out) co_return fail(DialFailure::write_timeout, "it did not take the request within " + text(times_.write));
    if (e) co_return fail(DialFailure::closed_early, "the request could not be sent: " + printable(e.message()));
    co_return std::expected<void, DialError>();
  }

  // Peeks, and takes only what belongs to the head: what is behind it stays in the socket.
  Task<std::expected<void, DialError>> answer(Stream& proxy) const {
    const Watchdog watchdog(proxy, Clock::now() + times_.head);
    ConnectResponse head;
    std::array<char, 4096> buffer;
    while (head.wants_more()) {
      error_code e;
      co_await proxy.async_wait(Stream::wait_read, asio::redirect_error(use_task, e));
      if (watchdog.over()) co_return fail(DialFailure::head_timeout, "its answer was not complete within " + text(times_.head));
      if (e) co_return fail(DialFailure::closed_early, printable(e.message()));
      const ssize_t n = recv(proxy.native_handle(), buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (n <= 0) co_return fail(DialFailure::closed_early, "it closed the connection before its answer was complete");
      const auto taken = head.feed({buffer.data(), static_cast<std::size_t>(n)});
      if (recv(proxy.native_handle(), buffer.data(), taken, MSG_DONTWAIT) != static_cast<ssize_t>(taken))
        co_return fail(DialFailure::closed_early, "its answer could not be read");
    }
    if (head.too_large()) co_return fail(DialFailure::head_too_large, "the head of its answer is larger than 8 KiB");
    const auto status = head.status();
    if (!status) co_return fail(DialFailure::bad_status_line, "its answer is not HTTP: \"" + status.error() + "\"");
    if (*status / 100 == 2) co_return std::expected<void, DialError>();
    auto refused = fail(DialFailure::status, "it answered with status " + three_digits(*status));
    refused.error().status = *status;
    co_return refused;
  }

 private:
  static std::string text(std::chrono::milliseconds t) {
    return t.count() % 1000 == 0 ? std::to_string(t.count() / 1000) + " s" : std::to_string(t.count()) + " ms";
  }
  static std::string three_digits(int status) {
    const std::string digits = std::to_string(status);
    return std::string(3 - digits.size(), '0') + digits;
  }

  static policy::Address from_asio(const Address& a) {
    policy::Address out;
    out.bytes = a.is_v4() ? asio::ip::make_address_v6(asio::ip::v4_mapped, a.to_v4()).to_bytes() : a.to_v6().to_bytes();
    return out;
  }

  std::string target_, via_;
  const DialTimes& times_;
};

// What may follow "CONNECT " without being read as anything else. The front ends give nothing else; the dialler relies on nobody.
bool fits_request_line(const Target& target) {
  return !target.host.empty() && target.host.size() <= 253 && target.port != 0 && std::ranges::all_of(target.host, [](char c) {
    return c > 0x20 && c < 0x7f && std::string_view("/?#@\\[]%").find(c) == std::string_view::npos;
  });
}

}  // namespace

std::string_view name(DialFailure failure) {
  switch (failure) {
    case DialFailure::config: return "config";
    case DialFailure::not_admitted: return "not_admitted";
    case DialFailure::resolve: return "resolve";
    case DialFailure::refused: return "connect_refused";
    case DialFailure::unreachable: return "unreachable";
    case DialFailure::timeout: return "connect_timeout";
    case DialFailure::write_timeout: return "write_timeout";
    case DialFailure::head_too_large: return "head_too_large";
    case DialFailure::head_timeout: return "head_timeout";
    case DialFailure::closed_early: return "closed_early";
    case DialFailure::bad_status_line: return "bad_status_line";
    case DialFailure::status: return "status";
  }
  return "?";
}

Task<std::expected<Connected, DialError>> dial(Target target, UpstreamConfig config, const Lookup& lookup, const Admit& admit, DialTimes times) {
  const ProxyAddress* proxy = config.proxy_for(target.host);
  const Dial steps(target, proxy, times);
  if (!fits_request_line(target)) co_return steps.fail(DialFailure::config, "this is not a host and a port");
  if (!proxy) {
    auto direct = co_await steps.connect(target.host, target.port, lookup, &admit);
    if (!direct) co_return std::unexpected(std::move(direct.error()));
    co_return Connected{std::move(direct->stream), direct->peer, false};
  }
  // The proxy looks names up by itself; an address is decided on here as everywhere.
  if (const auto literal = policy::parse_address(target.host)) {
    if (Verdict v = admit(*literal); !v.allowed) {
      auto failure = steps.fail(DialFailure::not_admitted, "not allowed (" + printable(v.rule_text()) + ")");
      failure.error().verdict = std::move(v);
      co_return failure;
    }
  }
  auto hop = co_await steps.connect(proxy->host, proxy->port, lookup, nullptr);
  if (!hop) co_return std::unexpected(std::move(hop.error()));
  if (auto sent = co_await steps.request(hop->stream); !sent) co_return std::unexpected(std::move(sent.error()));
  if (auto ok = co_await steps.answer(hop->stream); !ok) co_return std::unexpected(std::move(ok.error()));
  co_return Connected{std::move(hop->stream), hop->peer, true};
}

}  // namespace cordon::egress
