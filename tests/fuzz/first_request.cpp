// SPDX-License-Identifier: Apache-2.0
// The start of a tunnel in which anything may be spoken: the size of the pieces, then bytes. What our own strict parser takes for a
// request must not pass for something else, and names the same server.
#include "egress/first_request.hpp"

#include <algorithm>

#include "egress/authority.hpp"
#include "egress/http_head.hpp"
#include "split.hpp"

using namespace cordon::egress;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = text(data, size);
  const auto piece = take_piece_size(bytes);
  FirstRequest whole, split;
  whole.feed(bytes);
  feed_in_pieces(bytes, piece, [&](std::string_view p) {
    const auto before = split.result();
    const auto after = split.feed(p);
    CHECK(before == FirstRequest::Result::more || before == after);
  });
  CHECK(whole.result() == split.result() && whole.names() == split.names());
  RequestHead strict;
  strict.feed(bytes);
  if (strict.wants_more() || strict.error()) return 0;
  CHECK(whole.result() == FirstRequest::Result::complete);
  const Request& request = strict.request();
  CHECK(std::ranges::any_of(whole.names(), [&](const std::string& name) {
    const auto authority = parse_authority(name);
    return authority && authority->host == request.host && authority->port.value_or(request.connect ? request.port : 80) == request.port;
  }));
  return 0;
}
