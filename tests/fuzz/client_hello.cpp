// SPDX-License-Identifier: Apache-2.0
// The start of a tunnel in which TLS is expected: the size of the pieces, then bytes.
#include "egress/client_hello.hpp"

#include "split.hpp"

using namespace cordon::egress;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = text(data, size);
  const auto piece = take_piece_size(bytes);
  ClientHello whole, split;
  whole.feed(bytes);
  feed_in_pieces(bytes, piece, [&](std::string_view p) {
    const auto before = split.result();
    const auto after = split.feed(p);
    CHECK(before == ClientHello::Result::more || before == after);
  });
  CHECK(whole.result() == split.result() && whole.name() == split.name() && whole.encrypted() == split.encrypted());
  if (whole.result() == ClientHello::Result::name) {
    CHECK(!whole.name().empty() && whole.name().size() <= 253);
    CHECK(whole.name().find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos);
  }
  return 0;
}
