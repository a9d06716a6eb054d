// SPDX-License-Identifier: Apache-2.0
// What all connections share, and the way from a target that a client named to a connected stream: decide, find the
// addresses, dial, and tell it as one event. The front ends differ only in how they ask and answer.
//
//   Attempt attempt(service, {"github.com", 443}, "http-connect");
//   auto stream = co_await attempt.open();
//   if (!stream) co_return answer(stream.error().denied ? 403 : 502, stream.error().sentence);
#pragma once
#include <cordon/events.hpp>
#include <cordon/policy.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "egress/metrics.hpp"
#include "egress/relay.hpp"
#include "egress/resolver.hpp"
#include "egress/upstream.hpp"

namespace cordon::egress {

/// A policy made ready. Attempts keep the one under which they were decided, so that a reload changes none half-way.
struct Rules {
  Filter filter;
  bool sni_check = true;
  std::map<std::string, std::string, std::less<>> route;  ///< host in normal form -> path of a unix socket
  UpstreamConfig upstream;
  /// Errors: a rule or route that does not parse; `required` without a proxy.
  [[nodiscard]] static Result<Rules> make(const NetPolicy& net, const Environment& environment, std::string& warning);
};

struct Limits {
  std::size_t connections = 4096;                ///< of clients, at one time; then accepting pauses
  std::chrono::milliseconds head{10'000};        ///< for a request's head, a SOCKS message, a ClientHello
  std::chrono::milliseconds idle{300'000};       ///< silence in both directions of a tunnel
  std::chrono::milliseconds keep_alive{60'000};  ///< a client's silence between two plain HTTP requests
};

struct Service {
  Service(asio::io_context& l, Rules r, std::unique_ptr<Resolver> res, Limits lim)
      : loop(l), rules(std::make_shared<const Rules>(std::move(r))), resolver(std::move(res)), limits(lim), relay(l, {lim.idle, lim.head}) {}
  asio::io_context& loop;
  std::shared_ptr<const Rules> rules;
  std::unique_ptr<Resolver> resolver;
  Limits limits;
  Relay relay;
  Metrics metrics;
  std::string token;  ///< empty: none is asked for
  std::function<void(const Event&)> on_event = [](const Event&) {};
  std::function<void()> on_connection_closed = [] {};
};

/// Why a target is not reached, in words for the client.
struct Refusal {
  bool denied = false;  ///< by policy (403, 0x02), not by the network (502, 0x05)
  std::string sentence;
};

/// One target that a client asked for. Its event is sent when it has ended, at the latest by the destructor.
class Attempt {
 public:
  Attempt(Service& service, Target target, std::string_view front);
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt();

  Task<std::expected<Stream, Refusal>> open();
  /// In place of `open`, for a further request on the connection that `opened` made: counts as a decision, and goes the same way out.
  [[nodiscard]] std::optional<Refusal> reuse(const Attempt& opened);
  /// A later look (the TLS server name) refuses what was opened.
  [[nodiscard]] Refusal deny(const std::string& rule, const std::string& why, const std::string& hint);
  void set_sni(const std::string& name) { sni_ = name; }
  void count(std::uint64_t up, std::uint64_t down) { up_ += up, down_ += down; }
  /// "closed", "reset by target", …
  void end(std::string_view how);

  [[nodiscard]] const Rules& rules() const { return *rules_; }
  [[nodiscard]] const Target& target() const { return target_; }
  [[nodiscard]] const std::string& rule() const { return rule_; }
  [[nodiscard]] bool same_policy(const Attempt& other) const { return rules_ == other.rules_; }

 private:
  std::optional<Refusal> decide();
  Task<std::expected<Stream, Refusal>> open_route(std::string path);
  Refusal failed(std::string kind, std::string sentence);

  Service& service_;
  std::shared_ptr<const Rules> rules_;
  Target target_;
  std::string_view front_;
  std::string rule_, hint_, sni_, via_, error_, outcome_;
  std::vector<policy::Address> addresses_;
  std::uint64_t up_ = 0, down_ = 0;
  Clock::time_point started_ = Clock::now();
  bool decided_ = false, allowed_ = false, told_ = false;
};

}  // namespace cordon::egress
