// SPDX-License-Identifier: Apache-2.0
// By which way out: straight to the target, or through an HTTP proxy. Read once, when egress starts.
//
//   auto chosen = choose_upstream(policy.net.upstream, environment);
//   if (!chosen) return fail(chosen.error().sentence());
//   if (!chosen->warning.empty()) std::cerr << "cordon: " << chosen->warning << '\n';
//   if (const ProxyAddress* proxy = chosen->config.proxy_for("github.com")) …
#pragma once
#include <cordon/error.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "egress/no_proxy.hpp"

namespace cordon::egress {

struct ProxyAddress {
  std::string host;  ///< as written, without brackets
  std::uint16_t port = 0;
  [[nodiscard]] std::string text() const;  ///< "proxy.corp:8080", "[::1]:3128"
  bool operator==(const ProxyAddress&) const = default;
};

/// `[http://|https://]host:port[/]`; blanks around it are ignored. The error says what is wrong with it, and repeats nothing of it.
[[nodiscard]] std::expected<ProxyAddress, std::string> parse_proxy_address(std::string_view text);

/// What may be shown of a proxy address that was refused: credentials masked, every byte outside printable ASCII escaped, at most 200 bytes.
[[nodiscard]] std::string presentable(std::string_view proxy_address);

/// Direct, or a proxy with the hosts that go past it. A copy costs a reference count.
class UpstreamConfig {
 public:
  UpstreamConfig() = default;  ///< direct
  explicit UpstreamConfig(ProxyAddress proxy, NoProxy direct = {});

  [[nodiscard]] bool direct() const { return !state_; }
  [[nodiscard]] const ProxyAddress* proxy() const { return state_ ? &state_->proxy : nullptr; }
  [[nodiscard]] std::vector<std::string> past_proxy() const { return state_ ? state_->no_proxy.entries() : std::vector<std::string>(); }
  /// The proxy for this host (without a port), or null where it is dialled directly.
  [[nodiscard]] const ProxyAddress* proxy_for(std::string_view host) const;
  bool operator==(const UpstreamConfig& other) const;

 private:
  struct State {
    ProxyAddress proxy;
    NoProxy no_proxy;
    bool operator==(const State&) const = default;
  };
  std::shared_ptr<const State> state_;
};

using Environment = std::map<std::string, std::string, std::less<>>;

struct UpstreamChoice {
  UpstreamConfig config;
  std::string warning;  ///< one sentence for standard error, or empty
};

/// `word` is the policy's `net.upstream`: `env` reads HTTPS_PROXY, then https_proxy (a value that does not parse: warning, direct);
/// `required` the same, but no proxy is an error; `none` is direct; anything else is the proxy's address, and must parse.
/// NO_PROXY, then no_proxy holds for each. An upper-case variable that is set, even to blank, hides the lower-case one.
[[nodiscard]] Result<UpstreamChoice> choose_upstream(std::string_view word, const Environment& environment);

}  // namespace cordon::egress
