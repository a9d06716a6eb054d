// SPDX-License-Identifier: Apache-2.0
// What a server answers to a request that is forwarded: the size of the pieces, a byte that is even for HEAD, then head and body.
#include "egress/http_response.hpp"

#include <optional>

#include "split.hpp"

using namespace cordon::egress;

namespace {

struct Read {
  ResponseHead head;
  std::string payload;
  std::size_t taken = 0;
  bool complete = false, broken = false;
};

Read read(std::string_view bytes, std::size_t piece, bool to_head) {
  Read r{ResponseHead(to_head), {}, 0, false, false};
  std::optional<BodyReader> body;
  feed_in_pieces(bytes, piece, [&](std::string_view p) {
    if (r.head.wants_more()) {
      const auto n = r.head.feed(p);
      CHECK(n <= p.size());
      p.remove_prefix(n);
      r.taken += n;
      if (r.head.wants_more() || !r.head.error().empty()) return;
      body = r.head.response().body;
    }
    while (body && body->wants_more() && !p.empty()) {
      const auto fed = body->feed(p);
      if (fed.taken == 0) break;
      CHECK(fed.taken <= p.size() && fed.payload.size() <= fed.taken);
      r.payload += fed.payload;
      r.taken += fed.taken;
      p.remove_prefix(fed.taken);
    }
  });
  r.complete = body && body->complete();
  r.broken = body && body->broken();
  return r;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = text(data, size);
  const auto piece = take_piece_size(bytes);
  const bool to_head = take_piece_size(bytes) % 2 == 1;
  const Read whole = read(bytes, bytes.size() + 1, to_head), split = read(bytes, piece, to_head);
  CHECK(whole.head.wants_more() == split.head.wants_more());
  CHECK(whole.head.error().empty() == split.head.error().empty());
  for (const char c : whole.head.error()) CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  if (whole.head.wants_more() || !whole.head.error().empty()) return 0;
  CHECK(whole.broken == split.broken && whole.complete == split.complete);
  if (!whole.broken) CHECK(whole.taken == split.taken && whole.payload == split.payload);
  const Response& r = whole.head.response();
  CHECK(r.status >= 100 && r.status <= 999);
  if (to_head) CHECK(whole.payload.empty());
  for (const bool chunked : {false, true}) {
    const std::string head = to_client(r, chunked, true);
    CHECK(head.ends_with("\r\n\r\n") && head.find("\r\n\r\n") == head.size() - 4);
    CHECK(std::ranges::count(head, '\n') == std::ranges::count(head, '\r') && head.find('\0') == std::string::npos);
  }
  return 0;
}
