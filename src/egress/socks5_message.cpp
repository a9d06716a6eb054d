// SPDX-License-Identifier: Apache-2.0
#include "egress/socks5_message.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace cordon::egress::socks5 {
namespace {

enum : std::uint8_t { kVersion = 0x05, kAuthenticationVersion = 0x01, kIpv4 = 0x01, kName = 0x03, kIpv6 = 0x04 };

std::uint8_t at(std::string_view s, std::size_t i) { return static_cast<std::uint8_t>(s[i]); }

template <class Message>
Parsed<Message> wrong(Reply reply = Reply::failure) {
  return {{}, 0, reply};
}

std::string address_text(int family, std::string_view bytes) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(family, bytes.data(), text, sizeof text);
}

// The rest is for the host rules to judge; what is refused here could be read as two things by two programs.
bool is_plain(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

bool Greeting::offers(Method m) const { return std::ranges::find(methods, static_cast<std::uint8_t>(m)) != methods.end(); }

Parsed<Greeting> parse_greeting(std::string_view b) {
  if (b.size() >= 1 && at(b, 0) != kVersion) return wrong<Greeting>();
  if (b.size() >= 2 && at(b, 1) == 0) return wrong<Greeting>();
  if (b.size() < 2 || b.size() < 2U + at(b, 1)) return {};
  const std::size_t length = 2U + at(b, 1);
  return {Greeting{{b.begin() + 2, b.begin() + static_cast<std::ptrdiff_t>(length)}}, length, {}};
}

Parsed<Credentials> parse_credentials(std::string_view b) {
  if (b.size() >= 1 && at(b, 0) != kAuthenticationVersion) return wrong<Credentials>();
  if (b.size() < 2) return {};
  const std::size_t user = at(b, 1);
  if (b.size() < 2 + user + 1) return {};
  const std::size_t password = at(b, 2 + user), length = 2 + user + 1 + password;
  if (b.size() < length) return {};
  return {Credentials{std::string(b.substr(2, user)), std::string(b.substr(3 + user, password))}, length, {}};
}

Parsed<Request> parse_request(std::string_view b) {
  if (b.size() >= 1 && at(b, 0) != kVersion) return wrong<Request>();
  if (b.size() >= 3 && at(b, 2) != 0) return wrong<Request>();
  if (b.size() < 4) return {};
  if (at(b, 1) < 1 || at(b, 1) > 3) return wrong<Request>(Reply::command_not_supported);
  const std::uint8_t type = at(b, 3);
  if (type != kIpv4 && type != kName && type != kIpv6) return wrong<Request>(Reply::address_type_not_supported);
  if (b.size() < 5) return {};
  const std::size_t start = type == kName ? 5 : 4;
  const std::size_t size = type == kName ? at(b, 4) : type == kIpv4 ? 4 : 16;
  const std::size_t length = start + size + 2;
  if (b.size() < length) return {};
  const auto address = b.substr(start, size);
  if (type == kName && !is_plain(address)) return wrong<Request>();
  Request r{static_cast<Command>(at(b, 1)), {}, static_cast<std::uint16_t>(at(b, length - 2) << 8 | at(b, length - 1))};
  r.host = type == kName ? std::string(address) : address_text(type == kIpv4 ? AF_INET : AF_INET6, address);
  if (r.port == 0 && r.command == Command::connect) return wrong<Request>();
  return {std::move(r), length, {}};
}

std::string method_answer(Method m) { return {kVersion, static_cast<char>(m)}; }
std::string credentials_answer(bool accepted) { return {kAuthenticationVersion, static_cast<char>(accepted ? 0 : 1)}; }
std::string request_answer(Reply r) { return {kVersion, static_cast<char>(r), 0, kIpv4, 0, 0, 0, 0, 0, 0}; }

}  // namespace cordon::egress::socks5
