// SPDX-License-Identifier: Apache-2.0
// The servers that a plain HTTP/1 request at the start of a tunnel names. Nothing is altered or answered, and the server reads
// the same bytes: so they are read as the most lenient one would (a bare LF ends a line, blanks are any, HTTP/0.9 has no version),
// and what two servers would read in two ways is malformed.
//
//   FirstRequest request;
//   while (request.feed(bytes) == FirstRequest::Result::more) { … }
//   if (request.result() == FirstRequest::Result::complete) for (const auto& name : request.names()) check(name);
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::egress {

class FirstRequest {
 public:
  static constexpr std::size_t kMostBytes = 64 * 1024;  ///< of the head

  enum class Result {
    more,       ///< it may be a request, and its head is not complete: no server can have acted on it
    other,      ///< not HTTP/1: another protocol, or HTTP/2 (whose requests are compressed)
    malformed,  ///< HTTP/1 with a folded line, a bare CR or a NUL in its head, or a head over 64 KiB
    complete,
  };

  /// Reads on; any split of the stream into pieces gives the same result. Bytes behind the head are ignored.
  Result feed(std::string_view bytes);
  [[nodiscard]] Result result() const { return result_; }
  /// HOST[:PORT] as written: of the target, where that is absolute, and of every Host field.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  Result piece(std::string_view bytes);
  Result line(std::string_view text);
  Result request_line(std::string_view text);
  void look_for_version(char c);

  std::string line_;
  std::size_t version_ = 0;  // how much of a blank and "HTTP/" the first line's end is; all of it: how much stood there once
  std::size_t size_ = 0;
  bool in_fields_ = false;
  Result result_ = Result::more;
  std::vector<std::string> names_;
};

}  // namespace cordon::egress
