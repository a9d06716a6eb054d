// SPDX-License-Identifier: Apache-2.0
// `cordon explain --host`: the decision of the very function that egress decides with.
#include <cordon/events.hpp>

#include <cstdio>

#include "cli/cli.hpp"
#include "egress/authority.hpp"
#include "egress/filter.hpp"

namespace cordon::cli {
namespace {

constexpr std::uint16_t kDefaultPort = 443;

struct Decision {
  std::string host, rule, hint;
  bool allowed = false;
};

Result<Decision> decide(const NetPolicy& net, const std::string& text) {
  const auto authority = egress::parse_authority(text);
  if (!authority) return Decision{text, "not a host: " + authority.error(), "", false};
  const auto port = authority->port.value_or(kDefaultPort);
  const std::string host = egress::authority_text(authority->host, port);
  if (net.mode == NetMode::host) return Decision{host, "net.mode = host", "", true};
  const auto filter = egress::Filter::make(net);
  if (!filter) return std::unexpected(filter.error());
  const auto verdict = filter->decide(authority->host, port);
  const bool hopeless = !verdict.allowed && verdict.hint.empty();  // a deny rule: no option takes it away
  if (net.mode == NetMode::none && !hopeless)
    return Decision{host, "net.mode = none", "--net filtered" + (verdict.allowed ? "" : " " + verdict.hint), false};
  // Such a name always means loopback (RFC 6761, section 6.3), and an address is decided on by itself.
  if (verdict.allowed && !net.private_addresses && (host.starts_with("localhost:") || host.find(".localhost:") != std::string::npos))
    return Decision{host, "loopback address", "--allow-host 127.0.0.1:" + std::to_string(port), false};
  return Decision{host, verdict.rule_text(), verdict.hint, verdict.allowed};
}

}  // namespace

int explain_host(const NetPolicy& net, const std::string& text, bool json) {
  const auto d = decide(net, text);
  if (!d) return fail(d.error());
  if (json) {
    std::printf("{\"connect\":{\"allowed\":%s,\"host\":%s,\"rule\":%s%s}}\n", d->allowed ? "true" : "false", json_string(d->host).c_str(),
                json_string(d->rule).c_str(), d->hint.empty() ? "" : (",\"hint\":" + json_string(d->hint)).c_str());
  } else {
    std::printf("connect %s: %s by %s%s\n", printable(d->host).c_str(), d->allowed ? "allowed" : "denied", printable(d->rule).c_str(),
                d->hint.empty() ? "" : ("; allow with " + printable(d->hint)).c_str());
  }
  return d->allowed ? 0 : 1;
}

}  // namespace cordon::cli
