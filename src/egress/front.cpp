// SPDX-License-Identifier: Apache-2.0
#include "egress/front.hpp"

namespace cordon::egress {

Task<void> serve(Service& service, Stream stream, Front front, std::shared_ptr<void> slot) {
  Client client{Peer(std::move(stream)), std::move(slot)};
  if (front == Front::http) co_return co_await serve_http(service, std::move(client));
  if (front == Front::socks5) co_return co_await serve_socks5(service, std::move(client));
  client.peer.expires_after(service.limits.head);
  if (!co_await client.peer.more()) {
    if (client.peer.expired()) co_await refuse_http(client.peer, 408, "no request came in time");
    co_return;
  }
  if (client.peer.bytes()[0] == 0x05) co_await serve_socks5(service, std::move(client));
  else co_await serve_http(service, std::move(client));
}

std::string http_answer(int status, std::string_view body) {
  const char* reason = "Error";
  switch (status) {
    case 400: reason = "Bad Request"; break;
    case 403: reason = "Forbidden"; break;
    case 407: reason = "Proxy Authentication Required"; break;
    case 408: reason = "Request Timeout"; break;
    case 431: reason = "Request Header Fields Too Large"; break;
    case 501: reason = "Not Implemented"; break;
    case 502: reason = "Bad Gateway"; break;
    case 505: reason = "HTTP Version Not Supported"; break;
    default: break;
  }
  std::string s = "HTTP/1.1 " + std::to_string(status) + ' ' + reason +
                  "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n";
  if (status == 407) s += "Proxy-Authenticate: Basic realm=\"cordon\"\r\n";
  return (s += "\r\n") += body;
}

Task<void> refuse_http(Peer& client, int status, std::string_view body) {
  client.expires_after(std::chrono::seconds(5));
  const std::string answer = http_answer(status, "cordon: " + std::string(body) + "\n");
  if (co_await client.write(answer)) co_await client.farewell();
}

void tell_malformed(Service& service, std::string_view front, std::string_view why) {
  service.metrics.decided(false, "malformed request");
  Event e{EventKind::net_connect, Decision::denied, "", "malformed request", 0, "", "", {}, 0};
  e.extra.emplace_back("front", json_string(front));
  e.extra.emplace_back("error", json_string(why));
  service.on_event(e);
}

bool same_secret(std::string_view a, std::string_view b) {
  unsigned different = a.size() != b.size();
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) different |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return different == 0;
}

}  // namespace cordon::egress
