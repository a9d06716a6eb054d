// SPDX-License-Identifier: Apache-2.0
// What an upstream proxy answers: the size of the pieces, then bytes. The head ends where a plain search finds its end.
#include "egress/connect_response.hpp"

#include "split.hpp"

using namespace cordon::egress;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = text(data, size);
  const auto piece = take_piece_size(bytes);
  ConnectResponse whole, split;
  const std::size_t taken = whole.feed(bytes);
  std::size_t taken_split = 0;
  feed_in_pieces(bytes, piece, [&](std::string_view p) { taken_split += split.feed(p); });
  CHECK(taken == taken_split);
  CHECK(whole.complete() == split.complete() && whole.too_large() == split.too_large());
  const std::size_t two = bytes.find("\n\n"), three = bytes.find("\n\r\n");
  const std::size_t end = std::min(two == std::string_view::npos ? two : two + 2, three == std::string_view::npos ? three : three + 3);
  CHECK(whole.complete() == (end <= ConnectResponse::kMostBytes));
  CHECK(taken == std::min({end, bytes.size(), ConnectResponse::kMostBytes}));
  CHECK(whole.wants_more() == (!whole.complete() && bytes.size() < ConnectResponse::kMostBytes));
  if (!whole.complete()) return 0;
  const auto status = whole.status();
  CHECK(status == split.status());
  if (status) CHECK(*status >= 0 && *status <= 999);
  if (!status)
    for (const char c : status.error()) CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  return 0;
}
