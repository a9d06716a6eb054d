// SPDX-License-Identifier: Apache-2.0
#include "egress/authority.hpp"

#include "egress/text.hpp"
#include "policy/host_rule.hpp"

namespace cordon::egress {

std::optional<std::uint16_t> parse_port(std::string_view digits) {
  unsigned value = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return {};
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 65535) return {};
  }
  if (value == 0) return {};
  return static_cast<std::uint16_t>(value);
}

std::expected<Authority, std::string> parse_authority(std::string_view text) {
  if (text.contains('@')) return std::unexpected("credentials in front of the host are not taken");
  const auto bracket = text.rfind(']');
  const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const auto host = text.substr(0, colon);
  if (bracket != std::string_view::npos && bracket + 1 != host.size()) return std::unexpected("there is something behind the bracket");
  Authority authority;
  if (colon != std::string_view::npos) {
    authority.port = parse_port(text.substr(colon + 1));
    if (!authority.port) return std::unexpected("the port is not a number from 1 to 65535");
  }
  const auto name = policy::parse_host(host);
  if (!name) return std::unexpected(name.error().what);
  authority.host = name->text();
  return authority;
}

std::string authority_text(std::string_view host, std::optional<std::uint16_t> port) {
  std::string text = host.contains(':') ? "[" + std::string(host) + "]" : std::string(host);
  if (port) text += ":" + std::to_string(*port);
  return text;
}

}  // namespace cordon::egress
