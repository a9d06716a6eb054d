// SPDX-License-Identifier: Apache-2.0
// What a client says first in its tunnel is looked at, so that an allowed name is no cover for another one behind the same
// address (domain fronting). Nothing is altered: the bytes wait until they are judged, then go on as they came.
//
// On the ports below TLS is expected: the client must speak first, speak TLS, and name a server that the policy allows by the same
// rule. On other ports the server may speak first or the protocol be any, and there is nothing to look at.
#include <algorithm>
#include <array>

#include "egress/client_hello.hpp"
#include "egress/front.hpp"
#include "policy/host_rule.hpp"

namespace cordon::egress {
namespace {

// Implicit TLS by registration (HTTPS, SMTPS, NNTPS, LDAPS, DoT, FTPS, TELNETS, IMAPS, POP3S, SIPS, AMQPS, MQTTS) or by custom.
constexpr std::array<std::uint16_t, 17> kTlsPorts = {443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 5061, 5671, 6443, 8443, 8883, 9443};

// TLS alert, fatal, access_denied (RFC 8446 section 6.2): the client says so instead of "connection reset".
constexpr std::string_view kAccessDenied("\x15\x03\x03\x00\x02\x02\x31", 7);

// Why the hello must not pass, or nothing.
std::optional<std::string> objection(const Attempt& attempt, const ClientHello& hello) {
  const Target& target = attempt.target();
  const bool address = policy::parse_host(target.host)->is_address();
  switch (hello.result()) {
    case ClientHello::Result::name: {
      if (hello.name() == target.host) return std::nullopt;
      const Verdict verdict = attempt.rules().filter.decide(hello.name(), target.port);
      if (!verdict.allowed) return "the TLS server name " + hello.name() + " is not allowed: " + verdict.rule_text();
      if (verdict.rule_text() != attempt.rule()) return "the TLS server name " + hello.name() + " stands under another rule: " + verdict.rule_text();
      return std::nullopt;
    }
    case ClientHello::Result::no_name:
      if (address) return std::nullopt;  // a client that dials an address has no name to send (RFC 6066 section 3)
      return "the TLS client names no server";
    case ClientHello::Result::not_tls: return "the bytes are not TLS, which port " + std::to_string(target.port) + " is for";
    case ClientHello::Result::malformed: return "the TLS ClientHello is malformed";
    case ClientHello::Result::more: return "the TLS ClientHello was not complete in time";
  }
  return "unknown";
}

}  // namespace

Task<void> tunnel(Service& service, Client client, Stream target, std::unique_ptr<Attempt> attempt) {
  if (attempt->rules().sni_check && std::ranges::binary_search(kTlsPorts, attempt->target().port)) {
    client.peer.expires_after(service.limits.head);
    ClientHello hello;
    std::size_t fed = 0;
    bool open = true;
    while (true) {
      const std::string_view bytes = client.peer.bytes();
      hello.feed(bytes.substr(fed));
      fed = bytes.size();
      if (hello.result() != ClientHello::Result::more || !(open = co_await client.peer.more())) break;
    }
    // A client that leaves without a word did nothing that wants an answer.
    if (!open && fed == 0 && !client.peer.expired()) co_return attempt->end("closed before a ClientHello");
    attempt->set_sni(hello.name());
    if (const auto why = objection(*attempt, hello)) {
      attempt->count(fed, 0);
      (void)attempt->deny("net.sni_check", *why, "");
      client.peer.expires_after(std::chrono::seconds(5));
      const bool tls = hello.result() != ClientHello::Result::not_tls;
      if (tls && co_await client.peer.write(kAccessDenied)) co_await client.peer.farewell();
      co_return;
    }
  }
  std::string first = client.peer.take_bytes();
  relay(service, client.peer.release(), std::move(target), std::move(first), std::move(attempt), std::move(client.slot));
}

}  // namespace cordon::egress
