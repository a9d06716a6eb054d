// SPDX-License-Identifier: Apache-2.0
#include "egress/http_body.hpp"

#include <algorithm>
#include <cstdio>

#include "egress/text.hpp"

namespace cordon::egress {
namespace {
constexpr std::size_t kMostLine = 1024;  // a chunk's size and its extensions
constexpr std::size_t kMostTrailer = 16 * 1024;
}  // namespace

BodyReader::Fed BodyReader::feed(std::string_view bytes) {
  if (bytes.empty() || !wants_more()) return {};
  if (state_ != State::data) return line(bytes);
  if (framing_ == Framing::close) return {bytes.size(), bytes};
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  left_ -= n;
  if (left_ == 0) state_ = framing_ == Framing::chunked ? State::data_end : State::done;
  return {n, bytes.substr(0, n)};
}

// A line of the framing. Only CR LF ends one: a bare LF here is how two readers come to disagree.
BodyReader::Fed BodyReader::line(std::string_view bytes) {
  const auto end = bytes.find('\n');
  const auto piece = bytes.substr(0, end == std::string_view::npos ? end : end + 1);
  line_ += piece;
  const Fed fed{piece.size(), {}};
  if (line_.size() > kMostLine) {
    state_ = State::broken;
    return fed;
  }
  if (end == std::string_view::npos) return fed;
  if (!line_.ends_with("\r\n") || line_.find('\r') != line_.size() - 2) {
    state_ = State::broken;
    return fed;
  }
  const std::string_view text = std::string_view(line_).substr(0, line_.size() - 2);
  switch (state_) {
    case State::size: {
      const auto digits = text.find_first_not_of("0123456789abcdefABCDEF");
      const auto size = text.substr(0, digits);
      const auto rest = trim(digits == std::string_view::npos ? std::string_view() : text.substr(digits), " \t");
      if (size.empty() || size.size() > 15 || (!rest.empty() && rest.front() != ';')) {
        state_ = State::broken;
        break;
      }
      left_ = std::stoull(std::string(size), nullptr, 16);
      state_ = left_ == 0 ? State::trailer : State::data;
      break;
    }
    case State::data_end: state_ = text.empty() ? State::size : State::broken; break;
    case State::trailer:
      trailer_bytes_ += line_.size();
      if (text.empty()) state_ = State::done;
      else if (trailer_bytes_ > kMostTrailer) state_ = State::broken;
      break;
    default: break;
  }
  line_.clear();
  return fed;
}

std::string chunk(std::string_view payload) {
  if (payload.empty()) return {};
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", payload.size());
  return (std::string(size) += payload) += "\r\n";
}

}  // namespace cordon::egress
