// SPDX-License-Identifier: Apache-2.0
// A stream comes in pieces: the first byte of an input says of which size.
#pragma once
#include <algorithm>

#include "check.hpp"

inline std::size_t take_piece_size(std::string_view& input) {
  if (input.empty()) return 1;
  const std::size_t size = 1 + static_cast<unsigned char>(input.front()) % 64;
  input.remove_prefix(1);
  return size;
}

template <class Feed>
void feed_in_pieces(std::string_view bytes, std::size_t size, Feed feed) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) feed(bytes.substr(0, size));
}
