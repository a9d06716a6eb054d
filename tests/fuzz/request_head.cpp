// SPDX-License-Identifier: Apache-2.0
// What a client sends to the HTTP front end: the size of the pieces, then bytes. What is accepted names one host, and what is
// sent on for it holds no line that the client made up.
#include "egress/authority.hpp"
#include "egress/http_head.hpp"
#include "policy/host_rule.hpp"
#include "split.hpp"

using namespace cordon::egress;

namespace {

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; ++at) ++n;
  return n;
}

// A strict server behind us reads the request as we did.
void check_origin_form(const Request& r) {
  const std::string head = origin_form(r);
  CHECK(head.ends_with("\r\n\r\n") && head.find("\r\n\r\n") == head.size() - 4);
  CHECK(count(head, "\n") == count(head, "\r\n") && count(head, "\r") == count(head, "\r\n"));
  CHECK(head.find('\0') == std::string::npos);
  std::string absolute = head;
  const auto target = absolute.find(' ') + 1;
  absolute.insert(target, "http://" + authority_text(r.host, r.port));
  if (r.path == "*") absolute.erase(absolute.find('*', target), 1);
  if (absolute.size() > RequestHead::kMostBytes) return;
  RequestHead again;
  again.feed(absolute);
  CHECK(!again.error() && !again.wants_more());
  const Request& a = again.request();
  CHECK(a.method == r.method && a.host == r.host && a.port == r.port && a.path == r.path);
  CHECK(a.body == r.body && a.content_length == r.content_length);
  for (const char* hop : {"Connection", "Proxy-Connection", "Proxy-Authorization", "Keep-Alive", "TE", "Trailer", "Upgrade"}) CHECK(!a.find(hop));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = text(data, size);
  const auto piece = take_piece_size(bytes);
  RequestHead whole, split;
  const std::size_t taken = whole.feed(bytes);
  std::size_t taken_split = 0;
  feed_in_pieces(bytes, piece, [&](std::string_view p) { taken_split += split.feed(p); });
  CHECK(whole.wants_more() == split.wants_more());
  CHECK(whole.error().has_value() == split.error().has_value());
  CHECK(taken <= bytes.size());
  if (whole.error()) {
    CHECK(whole.error()->status == split.error()->status);
    for (const char c : whole.error()->why) CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    return 0;
  }
  CHECK(taken == taken_split);
  if (whole.wants_more()) {
    CHECK(bytes.size() < RequestHead::kMostBytes);
    return 0;
  }
  const Request& r = whole.request();
  CHECK(taken <= RequestHead::kMostBytes && bytes.substr(0, taken).ends_with("\r\n\r\n"));
  CHECK(cordon::policy::parse_host(r.host).value().text() == r.host);
  CHECK(r.port != 0);
  if (r.connect) CHECK(r.body == Body::none);
  if (!r.connect) check_origin_form(r);
  return 0;
}
