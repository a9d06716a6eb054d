// SPDX-License-Identifier: Apache-2.0
// SOCKS5 (RFC 1928): CONNECT alone, without authentication or with user and password (RFC 1929) where a token is asked for.
#include "egress/front.hpp"
#include "egress/socks5_message.hpp"
#include "policy/host_rule.hpp"

namespace cordon::egress {
namespace {

using namespace socks5;
constexpr std::string_view kFront = "socks5";

// The next message, or none: what was wrong with it is in `wrong`.
template <class Message>
Task<std::optional<Message>> next(Peer& client, Parsed<Message> (*parse)(std::string_view), std::optional<Reply>& wrong) {
  while (true) {
    Parsed<Message> parsed = parse(client.bytes());
    if (parsed.message) {
      client.use(parsed.length);
      co_return std::move(parsed.message);
    }
    wrong = parsed.error;
    if (wrong || !co_await client.more(kMostBytes)) co_return std::nullopt;
  }
}

Task<void> refuse(Peer& client, Reply reply) {
  const std::string answer = request_answer(reply);
  client.expires_after(std::chrono::seconds(5));
  if (co_await client.write(answer)) co_await client.farewell();
}

Task<bool> authenticate(Service& service, Peer& client) {
  std::optional<Reply> wrong;
  const auto greeting = co_await next(client, &parse_greeting, wrong);
  if (!greeting) {
    tell_malformed(service, kFront, wrong ? "not a SOCKS5 greeting" : "the greeting was not complete in time");
    co_return false;
  }
  const bool none = greeting->offers(Method::none), password = greeting->offers(Method::user_password);
  // Without a token any password will do: some clients offer nothing else.
  const Method method = service.token.empty() && none ? Method::none : password ? Method::user_password : Method::unacceptable;
  if (method == Method::unacceptable) {
    tell_malformed(service, kFront, "the client offers no method of authentication that this proxy takes");
    const std::string answer = method_answer(method);
    if (co_await client.write(answer)) co_await client.farewell();
    co_return false;
  }
  const std::string chosen = method_answer(method);
  if (!co_await client.write(chosen)) co_return false;
  if (method == Method::none) co_return true;
  const auto credentials = co_await next(client, &parse_credentials, wrong);
  if (!credentials) {
    tell_malformed(service, kFront, "no user and password");
    co_return false;
  }
  if (!service.token.empty() && (credentials->user != "cordon" || !same_secret(credentials->password, service.token))) {
    tell_malformed(service, kFront, "no token, or a wrong one");
    const std::string answer = credentials_answer(false);
    if (co_await client.write(answer)) co_await client.farewell();
    co_return false;
  }
  const std::string accepted = credentials_answer(true);
  co_return co_await client.write(accepted);
}

}  // namespace

Task<void> serve_socks5(Service& service, Client client) {
  client.peer.expires_after(service.limits.head);
  if (!co_await authenticate(service, client.peer)) co_return;
  std::optional<Reply> wrong;
  auto request = co_await next(client.peer, &parse_request, wrong);
  if (!request) {
    tell_malformed(service, kFront, wrong ? "not a SOCKS5 request" : "the request was not complete in time");
    if (wrong) co_await refuse(client.peer, *wrong);
    co_return;
  }
  if (request->command != Command::connect) {
    tell_malformed(service, kFront, "BIND and UDP ASSOCIATE are not offered");
    co_return co_await refuse(client.peer, Reply::command_not_supported);
  }
  const auto host = policy::parse_host(request->host);
  if (!host || request->port == 0) {
    tell_malformed(service, kFront, host ? "port 0" : host.error().what);
    co_return co_await refuse(client.peer, Reply::not_allowed);
  }
  auto attempt = std::make_unique<Attempt>(service, Target{host->text(), request->port}, kFront);
  client.peer.never_expires();
  auto target = co_await attempt->open();
  if (!target) co_return co_await refuse(client.peer, target.error().denied ? Reply::not_allowed : Reply::refused);
  client.peer.expires_after(service.limits.head);
  const std::string succeeded = request_answer(Reply::succeeded);
  if (!co_await client.peer.write(succeeded)) co_return;
  tunnel(service, std::move(client), std::move(*target), std::move(attempt));
}

}  // namespace cordon::egress
