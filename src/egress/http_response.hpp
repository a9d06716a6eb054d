// SPDX-License-Identifier: Apache-2.0
// The head of a server's response that we forward (RFC 9112 sections 4 and 6.3).
#pragma once
#include "egress/http_body.hpp"
#include "egress/http_head.hpp"

namespace cordon::egress {

struct Response {
  int status = 0;
  std::string reason;  ///< printable; may be empty
  int minor_version = 1;
  std::vector<Field> fields;
  bool keep_alive = true;  ///< the server keeps the connection
  BodyReader body = BodyReader::none();
  bool has_length = false;  ///< its Content-Length is passed on (a response to HEAD has one, too)
  std::uint64_t content_length = 0;
};

class ResponseHead {
 public:
  static constexpr std::size_t kMostBytes = 64 * 1024;
  /// `to_head`: the request was HEAD, so there is no body whatever the fields say.
  explicit ResponseHead(bool to_head) : to_head_(to_head) {}
  /// Takes what belongs to the head; returns how many bytes that were.
  std::size_t feed(std::string_view bytes);
  [[nodiscard]] bool wants_more() const { return !complete_ && error_.empty(); }
  [[nodiscard]] bool started() const { return !text_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }  ///< one sentence, or empty
  [[nodiscard]] const Response& response() const { return response_; }

 private:
  void parse();
  void find_framing();

  bool to_head_, complete_ = false;
  std::string text_, error_;
  Response response_;
};

/// The head for the client: without the fields of one hop, framed as `chunked` says, or by Content-Length, or by the end of the connection.
[[nodiscard]] std::string to_client(const Response& response, bool chunked, bool keep_alive);

}  // namespace cordon::egress
