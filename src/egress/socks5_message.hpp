// SPDX-License-Identifier: Apache-2.0
// The messages of SOCKS5 (RFC 1928) and of its user/password authentication (RFC 1929). Each parser takes the bytes that are
// there so far, from the start of the message, and says: incomplete, wrong, or the message and its length.
//
//   const auto greeting = parse_greeting(buffer);
//   if (greeting.incomplete()) read more;
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::egress::socks5 {

inline constexpr std::size_t kMostBytes = 1 + 1 + 255 + 1 + 255;  ///< of any message from a client

enum class Method : std::uint8_t { none = 0x00, user_password = 0x02, unacceptable = 0xff };
enum class Command : std::uint8_t { connect = 0x01, bind = 0x02, udp_associate = 0x03 };
enum class Reply : std::uint8_t {
  succeeded = 0x00,
  failure = 0x01,
  not_allowed = 0x02,
  network_unreachable = 0x03,
  host_unreachable = 0x04,
  refused = 0x05,
  ttl_expired = 0x06,
  command_not_supported = 0x07,
  address_type_not_supported = 0x08,
};

/// What parsing gave: exactly one of a message with its length in bytes, an error, or neither yet.
template <class Message>
struct Parsed {
  std::optional<Message> message;
  std::size_t length = 0;
  std::optional<Reply> error;  ///< what a request is to be answered; for the other messages only that it is wrong
  [[nodiscard]] bool incomplete() const { return !message && !error; }
};

struct Greeting {
  std::vector<std::uint8_t> methods;
  [[nodiscard]] bool offers(Method) const;
};
struct Credentials {
  std::string user, password;
};
struct Request {
  Command command = Command::connect;
  /// A name without control characters, blanks or bytes outside ASCII; an IPv4 address; an IPv6 address without brackets.
  std::string host;
  std::uint16_t port = 0;
};

[[nodiscard]] Parsed<Greeting> parse_greeting(std::string_view bytes);
[[nodiscard]] Parsed<Credentials> parse_credentials(std::string_view bytes);
/// Unknown commands are 0x07, unknown address types 0x08, and a name that cannot be one is 0x01.
[[nodiscard]] Parsed<Request> parse_request(std::string_view bytes);

[[nodiscard]] std::string method_answer(Method);
[[nodiscard]] std::string credentials_answer(bool accepted);
/// BND.ADDR is 0.0.0.0:0: the address that egress dialled from is nothing to the client, and strict clients want an IPv4 one.
[[nodiscard]] std::string request_answer(Reply);

}  // namespace cordon::egress::socks5
