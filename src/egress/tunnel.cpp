// SPDX-License-Identifier: Apache-2.0
// What a client says first in its tunnel is looked at, so that an allowed name is no cover for another one behind the same
// address (domain fronting). Nothing is altered, and the server may speak meanwhile.
//
// | the first bytes                | port for TLS (below) | other ports |
// | TLS, a ClientHello             | its server name must be an allowed name, by the same rule; none at all: only where an address was dialled |
// | TLS, anything else             | refused              | refused: some servers take it, and the hello behind it |
// | an HTTP/1 request              | refused              | every name in its head must be that of the tunnel |
// | anything else, or nothing      | refused, after 10 s  | passes: the server may speak first |
//
// Bytes of TLS are held until the hello is complete. Others go on at once, for their protocol may wait for an answer to each of
// them: it is enough to hold the last ones of a head, without which no server can act on it.
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <array>
#include <variant>

#include "egress/authority.hpp"
#include "egress/client_hello.hpp"
#include "egress/first_request.hpp"
#include "egress/front.hpp"
#include "policy/host_rule.hpp"

namespace cordon::egress {
namespace {

// Implicit TLS by registration (HTTPS, SMTPS, NNTPS, LDAPS, DoT, FTPS, TELNETS, IMAPS, POP3S, SIPS, AMQPS, MQTTS) or by custom.
constexpr std::array<std::uint16_t, 17> kTlsPorts = {443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 5061, 5671, 6443, 8443, 8883, 9443};

// TLS alert, fatal, access_denied (RFC 8446 section 6.2): the client says so instead of "connection reset".
constexpr std::string_view kAccessDenied("\x15\x03\x03\x00\x02\x02\x31", 7);

enum class Protocol { unknown, tls, old_hello, other };

Protocol protocol_of(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.empty()) return Protocol::unknown;
  if (byte(0) >= 20 && byte(0) <= 24)
    return bytes.size() < 2 ? Protocol::unknown : byte(1) == 3 ? Protocol::tls : Protocol::other;  // a record of TLS
  if (byte(0) & 0x80) {  // a hello in the frame of SSL 2 (RFC 5246 appendix E.2), which OpenSSL takes to this day; it has no server name
    if (bytes.size() < 4) return bytes.size() < 3 || byte(2) == 1 ? Protocol::unknown : Protocol::other;
    return byte(2) == 1 && byte(3) == 3 ? Protocol::old_hello : Protocol::other;
  }
  return Protocol::other;
}

class FirstBytes final : public Relay::Gate {
 public:
  explicit FirstBytes(Attempt& attempt) : attempt_(attempt), tls_expected_(std::ranges::binary_search(kTlsPorts, attempt.target().port)) {
    if (tls_expected_) reader_.emplace<ClientHello>();
  }

  Answer look(std::string_view bytes) override {
    silent_ &= bytes.empty();
    if (std::holds_alternative<std::string>(reader_)) {
      std::string& begin = std::get<std::string>(reader_) += bytes;
      switch (protocol_of(begin)) {
        case Protocol::unknown: return !begin.empty() && !(begin[0] & 0x80) ? Answer::hold : Answer::pass;
        case Protocol::old_hello: return refuse("the TLS client names no server");
        case Protocol::tls: {
          const std::string held = std::move(begin);
          return judge(reader_.emplace<ClientHello>(), held);
        }
        case Protocol::other: {
          const std::string held = std::move(begin);
          return judge(reader_.emplace<FirstRequest>(), held);
        }
      }
    }
    if (auto* hello = std::get_if<ClientHello>(&reader_)) return judge(*hello, bytes);
    return judge(std::get<FirstRequest>(reader_), bytes);
  }

  Answer end() override {
    // A client that leaves without a word did nothing that wants an answer.
    if (silent_ || !std::holds_alternative<ClientHello>(reader_)) return Answer::open;
    return refuse("the TLS ClientHello ended early");
  }

  void expired() override { (void)refuse("the TLS ClientHello was not complete in time"); }

  [[nodiscard]] const std::string& why() const { return why_; }
  /// What the client is told in its own protocol; "" if that is neither TLS nor HTTP.
  [[nodiscard]] std::string answer(const std::string& sentence) const {
    if (std::holds_alternative<FirstRequest>(reader_)) return http_answer(403, "cordon: " + sentence + "\n");
    const auto* hello = std::get_if<ClientHello>(&reader_);
    return hello && hello->result() == ClientHello::Result::not_tls ? "" : std::string(kAccessDenied);
  }

 private:
  Answer refuse(std::string why) {
    why_ = std::move(why);
    return Answer::refuse;
  }

  Answer judge(ClientHello& hello, std::string_view bytes) {
    const Target& target = attempt_.target();
    switch (hello.feed(bytes)) {
      case ClientHello::Result::more: return Answer::hold;
      case ClientHello::Result::name: return judge_name(hello.name());
      case ClientHello::Result::no_name:
        // A client that dials an address has no name to send (RFC 6066 section 3).
        return policy::parse_host(target.host)->is_address() ? Answer::open : refuse("the TLS client names no server");
      case ClientHello::Result::not_tls:
        return refuse(tls_expected_ ? "the bytes are not TLS, which port " + std::to_string(target.port) + " is for"
                                    : "the bytes are TLS, but do not begin with a ClientHello");
      case ClientHello::Result::malformed: return refuse("the TLS ClientHello is malformed");
    }
    return refuse("unknown");
  }

  Answer judge_name(const std::string& name) {
    const Target& target = attempt_.target();
    attempt_.set_sni(name);
    if (name == target.host) return Answer::open;
    const Verdict verdict = attempt_.rules().filter.decide(name, target.port);
    if (!verdict.allowed) return refuse("the TLS server name " + name + " is not allowed: " + verdict.rule_text());
    if (verdict.rule_text() != attempt_.rule()) return refuse("the TLS server name " + name + " stands under another rule: " + verdict.rule_text());
    return Answer::open;
  }

  Answer judge(FirstRequest& request, std::string_view bytes) {
    switch (request.feed(bytes)) {
      case FirstRequest::Result::more: return Answer::pass;
      case FirstRequest::Result::other: return Answer::open;
      case FirstRequest::Result::malformed: return refuse("the HTTP request in the tunnel is malformed");
      case FirstRequest::Result::complete: break;
    }
    const Target& target = attempt_.target();
    for (const std::string& name : request.names()) {
      const auto authority = parse_authority(name);
      if (!authority || authority->host != target.host || authority->port.value_or(target.port) != target.port)
        return refuse("the HTTP request in the tunnel names another server: " + printable(name));
    }
    return Answer::open;
  }

  Attempt& attempt_;
  const bool tls_expected_;
  bool silent_ = true;
  std::variant<std::string, ClientHello, FirstRequest> reader_;  // the first bytes, until they tell which
  std::string why_;
};

Task<void> say_why(Stream stream, std::string answer, std::shared_ptr<void> slot) {
  Peer client(std::move(stream));
  client.expires_after(std::chrono::seconds(5));
  if (co_await client.write(answer)) co_await client.farewell();
  slot.reset();
}

}  // namespace

void tunnel(Service& service, Client client, Stream target, std::unique_ptr<Attempt> attempt) {
  std::string first = client.peer.take_bytes();
  auto gate = attempt->rules().sni_check ? std::make_unique<FirstBytes>(*attempt) : nullptr;
  auto ended = [&service, attempt = std::move(attempt), slot = std::move(client.slot), gate = gate.get()](Relay::Ended end) mutable {
    attempt->count(end.up, end.down);
    if (end.outcome != Relay::Outcome::refused) return attempt->end(name(end.outcome));
    const Refusal refusal = attempt->deny("net.sni_check", gate->why(), "");
    // Not in the middle of what the server says.
    std::string answer = end.down == 0 ? gate->answer(refusal.sentence) : "";
    if (!answer.empty()) asio::co_spawn(service.loop, say_why(std::move(*end.client), std::move(answer), std::move(slot)), [](std::exception_ptr) {});
  };
  service.relay.start(client.peer.release(), std::move(target), std::move(first), {}, std::move(ended), std::move(gate));
}

}  // namespace cordon::egress
