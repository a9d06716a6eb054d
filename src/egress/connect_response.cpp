// SPDX-License-Identifier: Apache-2.0
#include "egress/connect_response.hpp"

#include <cordon/events.hpp>

#include <algorithm>

#include "egress/text.hpp"

namespace cordon::egress {
namespace {

constexpr std::string_view kSeparators = " \t\v\f\r";

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kSeparators), line.size()));
  const auto word = line.substr(0, line.find_first_of(kSeparators));
  line.remove_prefix(word.size());
  return word;
}

std::string_view digits(std::string_view& s) {
  const auto run = s.substr(0, static_cast<std::size_t>(std::ranges::find_if_not(s, is_digit) - s.begin()));
  s.remove_prefix(run.size());
  return run;
}

bool is_version(std::string_view word) {
  if (!same_text(word.substr(0, 5), "HTTP/")) return false;
  word.remove_prefix(5);
  if (digits(word).empty()) return false;
  if (word.empty()) return true;
  if (word.front() != '.') return false;
  word.remove_prefix(1);
  return !digits(word).empty() && word.empty();
}

}  // namespace

std::size_t ConnectResponse::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && wants_more()) {
    // The head ends with the line feed of an empty line, so it is enough to look at each line feed.
    const auto line_feed = bytes.find('\n', taken);
    const auto piece =
        bytes.substr(taken, line_feed == std::string_view::npos ? line_feed : line_feed - taken + 1).substr(0, kMostBytes - head_.size());
    head_ += piece;
    taken += piece.size();
    complete_ = head_.ends_with("\n\n") || head_.ends_with("\n\r\n");
  }
  return taken;
}

std::expected<int, std::string> ConnectResponse::status() const {
  const std::string_view line = std::string_view(head_).substr(0, head_.find('\n'));
  std::string_view rest = line;
  const auto version = next_word(rest), status = next_word(rest);
  if (!is_utf8(line) || !is_version(version) || status.size() != 3 || !std::ranges::all_of(status, is_digit)) {
    return std::unexpected(printable(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line));
  }
  return (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
}

}  // namespace cordon::egress
