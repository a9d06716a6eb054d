// SPDX-License-Identifier: Apache-2.0
#include "egress/service.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>

#include "egress/authority.hpp"
#include "egress/route.hpp"
#include "policy/host_rule.hpp"

namespace cordon::egress {

Result<Rules> Rules::make(const NetPolicy& net, const Environment& environment, std::string& warning) {
  Rules rules;
  auto filter = Filter::make(net);
  if (!filter) return std::unexpected(filter.error());
  rules.filter = std::move(*filter);
  rules.sni_check = net.sni_check;
  for (const auto& [host, to] : net.route) {
    const auto name = policy::parse_host(host);
    if (!name) return std::unexpected(name.error());
    if (!to.starts_with("unix:")) return refused("net.route of '" + printable(host) + "' is '" + printable(to) + "'", "write \"unix:PATH\"");
    rules.route[name->text()] = to.substr(5);
  }
  auto upstream = choose_upstream(net.upstream, environment);
  if (!upstream) return std::unexpected(upstream.error());
  rules.upstream = std::move(upstream->config);
  warning = std::move(upstream->warning);
  return rules;
}

Attempt::Attempt(Service& service, Target target, std::string_view front)
    : service_(service), rules_(service.rules), target_(std::move(target)), front_(front) {}

Attempt::~Attempt() {
  if (decided_) end("abandoned");
}

std::optional<Refusal> Attempt::decide() {
  const Verdict verdict = rules_->filter.decide(target_.host, target_.port);
  decided_ = true;
  allowed_ = verdict.allowed;
  rule_ = verdict.rule_text();
  hint_ = verdict.hint;
  service_.metrics.decided(allowed_, rule_);
  if (allowed_) return std::nullopt;
  return deny(rule_, "", hint_);
}

Refusal Attempt::deny(const std::string& rule, const std::string& why, const std::string& hint) {
  if (allowed_) service_.metrics.decided(false, rule);
  allowed_ = false;
  rule_ = rule;
  hint_ = hint;
  const std::string name = printable(authority_text(target_.host, target_.port));
  Refusal refusal{true, name + " is not allowed by the policy: " + (why.empty() ? printable(rule) : why)};
  if (!hint.empty()) refusal.sentence += "; to allow it: " + hint + ", or a rule in net.allow of the policy";
  end("denied");
  return refusal;
}

Refusal Attempt::failed(std::string kind, std::string sentence) {
  ++service_.metrics.failures[kind];
  error_ = std::move(kind);
  end("failed");
  return {false, std::move(sentence)};
}

Task<std::expected<Stream, Refusal>> Attempt::open() {
  if (auto refusal = decide()) co_return std::unexpected(std::move(*refusal));
  if (const auto it = rules_->route.find(target_.host); it != rules_->route.end()) co_return co_await open_route(it->second);
  const ProxyAddress* proxy = rules_->upstream.proxy_for(target_.host);
  via_ = proxy ? proxy->text() : "direct";
  const Lookup lookup = [this](std::string host) -> Task<std::expected<Addresses, std::string>> {
    const auto began = Clock::now();
    auto found = co_await service_.resolver->resolve(std::move(host));
    service_.metrics.resolve.add(Clock::now() - began);
    co_return found;
  };
  const Admit admit = [this](const policy::Address& a) {
    addresses_.push_back(a);
    return rules_->filter.admit(a, target_.port);
  };
  const auto began = Clock::now();
  auto connected = co_await dial(target_, rules_->upstream, lookup, admit);
  if (proxy) {
    ++service_.metrics.upstream_dials;
    // A status is the proxy's answer: the proxy itself works.
    service_.metrics.upstream_healthy = connected || connected.error().failure == DialFailure::status;
    if (!service_.metrics.upstream_healthy) ++service_.metrics.upstream_failures;
  }
  if (!connected) {
    const DialError& e = connected.error();
    if (e.failure == DialFailure::not_admitted) co_return std::unexpected(deny(e.verdict.rule_text(), e.sentence, e.verdict.hint));
    co_return std::unexpected(failed(std::string(name(e.failure)), e.sentence));
  }
  service_.metrics.dial.add(Clock::now() - began);
  co_return std::move(connected->stream);
}

std::optional<Refusal> Attempt::reuse(const Attempt& opened) {
  if (auto refusal = decide()) return refusal;
  via_ = opened.via_;
  addresses_ = opened.addresses_;
  return std::nullopt;
}

Task<std::expected<Stream, Refusal>> Attempt::open_route(std::string path) {
  via_ = "unix:" + path;
  asio::basic_stream_socket<asio::local::stream_protocol, Executor> socket(service_.loop);
  const auto at = find_socket(path);
  error_code e(at ? 0 : at.error(), boost::system::system_category());
  if (at) {
    const asio::local::stream_protocol::endpoint by_handle("/proc/self/fd/" + std::to_string(at->get()));
    co_await socket.async_connect(by_handle, asio::redirect_error(use_task, e));
  }
  if (e) co_return std::unexpected(failed("route", "cannot connect to the socket " + printable(path) + " that net.route names: " + e.message()));
  co_return Stream(std::move(socket));
}

void Attempt::end(std::string_view how) {
  if (std::exchange(told_, true)) return;
  service_.metrics.bytes_up += up_;
  service_.metrics.bytes_down += down_;
  Event e{EventKind::net_connect,
          allowed_ ? Decision::allowed : Decision::denied,
          authority_text(target_.host, target_.port),
          rule_,
          0,
          "",
          allowed_ ? "" : hint_,
          {},
          0};
  const auto text = [&](const char* key, std::string_view value) {
    if (!value.empty()) e.extra.emplace_back(key, json_string(value));
  };
  text("host", target_.host);
  e.extra.emplace_back("port", std::to_string(target_.port));
  if (!addresses_.empty()) {
    std::string list = "[";
    for (const policy::Address& a : addresses_) list += (list.size() > 1 ? "," : "") + json_string(a.text());
    e.extra.emplace_back("addresses", list + "]");
  }
  text("front", front_);
  text("via", via_);
  text("sni", sni_);
  text("error", error_);
  text("ended", how);
  e.extra.emplace_back("bytes_out", std::to_string(up_));
  e.extra.emplace_back("bytes_in", std::to_string(down_));
  e.extra.emplace_back("duration_ms", std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_).count()));
  service_.on_event(e);
}

}  // namespace cordon::egress
