// SPDX-License-Identifier: Apache-2.0
// The head of what an upstream proxy answers to our CONNECT. Bytes come in as they arrive; not one behind the head is taken.
//
//   ConnectResponse head;
//   while (head.wants_more()) { peek into buffer; consume head.feed(buffer) bytes; }
//   if (const auto status = head.status()) …
#pragma once
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace cordon::egress {

class ConnectResponse {
 public:
  static constexpr std::size_t kMostBytes = 8192;  ///< of the head, its empty line included

  /// Takes what belongs to the head and says how many bytes that were; 0 once it is complete or too large.
  std::size_t feed(std::string_view bytes);

  [[nodiscard]] bool complete() const { return complete_; }  ///< an empty line was seen, with or without its CR
  [[nodiscard]] bool too_large() const { return !complete_ && head_.size() == kMostBytes; }
  [[nodiscard]] bool wants_more() const { return !complete_ && !too_large(); }

  /// Of a complete head: its three digits as a number, 0 to 999. The error is the status line, escaped (RFC 9112 section 4).
  [[nodiscard]] std::expected<int, std::string> status() const;

 private:
  std::string head_;
  bool complete_ = false;
};

}  // namespace cordon::egress
