// SPDX-License-Identifier: Apache-2.0
// The front ends: what a client may say to egress, and what it is answered.
//
// | answer   | HTTP | SOCKS5 REP |
// | malformed | 400, 501, 505 | connection closed, 0x01 |
// | not allowed by the policy | 403, the body names rule and remedy | 0x02 |
// | no or a wrong token | 407 | RFC 1929 status 1 |
// | head not complete within 10 s | 408 | connection closed |
// | head over 8 KiB | 431 | - |
// | every failed dial | 502, the body says why | 0x05 |
// | UDP ASSOCIATE, BIND; an unknown address type | - | 0x07; 0x08 |
#pragma once
#include <memory>

#include "egress/http_head.hpp"
#include "egress/peer.hpp"
#include "egress/service.hpp"

namespace cordon::egress {

enum class Front { http, socks5, both };

/// What a connection carries from front end to front end. `slot` counts it as open; the relay keeps it as long as the tunnel stands.
struct Client {
  Peer peer;
  std::shared_ptr<void> slot;
};

/// A connection from accept to its end, or until the relay has it. `both` looks at the first byte: 0x05 is SOCKS5.
Task<void> serve(Service& service, Stream stream, Front front, std::shared_ptr<void> slot);

Task<void> serve_http(Service& service, Client client);
Task<void> serve_socks5(Service& service, Client client);
/// The server of the last plain HTTP request of this client, as long as it keeps the connection.
struct Origin {
  Peer peer;
  std::unique_ptr<Attempt> attempt;  ///< under which it was opened
};
/// One request with an absolute URI, and its response. True: the client may send another on this connection.
/// `origin` keeps the connection to the server between requests.
Task<bool> forward(Service& service, Peer& client, const Request& request, std::unique_ptr<Origin>& origin);

/// The rest of a tunnel: the client was told that it stands. Relays, and looks at what the client says first where the policy wants it.
void tunnel(Service& service, Client client, Stream target, std::unique_ptr<Attempt> attempt);

/// A complete HTTP/1.1 response with a plain-text body, after which the connection ends.
[[nodiscard]] std::string http_answer(int status, std::string_view body);
/// A view, not a string: g++ 12 copies a short string that is a temporary argument of a coroutine bit by bit.
Task<void> refuse_http(Peer& client, int status, std::string_view body);
/// The event of a message that could not be understood.
void tell_malformed(Service& service, std::string_view front, std::string_view why);
/// In constant time for one length.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b);

}  // namespace cordon::egress
