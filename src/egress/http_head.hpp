// SPDX-License-Identifier: Apache-2.0
// The head of a request to a proxy: CONNECT with host:port, or any other method with an absolute http:// URI
// (RFC 9112 section 3.2). Strict, because what two programs read differently smuggles a request past the one that decides:
// only CR LF ends a line, and every doubt is 400.
//
//   RequestHead head;
//   while (head.wants_more()) head.feed(bytes);      // takes not one byte behind the head
//   if (const auto error = head.error()) answer(error->status, error->why);
//   if (head.request().connect) dial(head.request().host, head.request().port);
//   else forward(origin_form(head.request()));
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::egress {

struct Field {
  std::string name, value;  ///< as written, without the blanks around the value
};

enum class Body { none, length, chunked };

struct Request {
  std::string method;  ///< as written; methods are case-sensitive
  bool connect = false;
  std::string host;        ///< the normal form of policy/host_rule.hpp; an IPv6 address without brackets
  std::uint16_t port = 0;  ///< 80 where the URI has none
  std::string path;        ///< of an absolute URI, with its query: "/", "/a?b", or "*" for OPTIONS of the server itself
  int minor_version = 1;   ///< HTTP/1.0 or HTTP/1.1
  std::vector<Field> fields;
  Body body = Body::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;  ///< the client wants to send another request behind this one

  /// The first field of that name, without regard to case, or null.
  [[nodiscard]] const std::string* find(std::string_view name) const;
};

struct HeadError {
  int status = 400;  ///< 400 malformed, 431 too large, 501 unknown transfer coding, 505 not HTTP/1
  std::string why;   ///< one printable sentence
};

class RequestHead {
 public:
  static constexpr std::size_t kMostBytes = 8192;  ///< of the head, its empty line included

  /// Takes what belongs to the head and says how many bytes that were. Wrong heads are seen at the line that is wrong.
  std::size_t feed(std::string_view bytes);
  [[nodiscard]] bool wants_more() const { return !complete_ && !error_; }
  [[nodiscard]] bool started() const { return started_; }  ///< a byte of it has come: silence is a slow head, not an idle client
  [[nodiscard]] const std::optional<HeadError>& error() const { return error_; }
  [[nodiscard]] const Request& request() const { return request_; }  ///< once neither more is wanted nor an error is there

 private:
  void line(std::string_view text);
  void request_line(std::string_view text);
  void field_line(std::string_view text);
  void finish();
  void fail(int status, std::string why);

  std::string line_;
  std::size_t size_ = 0;
  bool started_ = false, complete_ = false, in_fields_ = false;
  std::optional<HeadError> error_;
  Request request_;
};

/// The head to send to the target of an absolute-form request: origin-form, HTTP/1.1, Host from the URI, framing from what was
/// parsed, and no field that belongs to the hop from the client to us (RFC 9110 section 7.6.1).
[[nodiscard]] std::string origin_form(const Request& request);

/// Does the field belong to one hop only? `connection` holds the values of the Connection fields of the same message.
[[nodiscard]] bool is_hop_by_hop(std::string_view name, const std::vector<std::string_view>& connection);

}  // namespace cordon::egress
