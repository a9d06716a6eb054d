// SPDX-License-Identifier: Apache-2.0
// HOST[:PORT] as it stands in a URI, a CONNECT request, a Host field and an option (RFC 3986 section 3.2).
#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace cordon::egress {

struct Authority {
  std::string host;  ///< normal form (policy/host_rule.hpp); an IPv6 address without brackets
  std::optional<std::uint16_t> port;
};

/// An IPv6 address needs its brackets; credentials (anything with an `@`) are refused. The error is one printable sentence.
[[nodiscard]] std::expected<Authority, std::string> parse_authority(std::string_view text);

/// "example.com:443", "[::1]:443"; without the port if there is none.
[[nodiscard]] std::string authority_text(std::string_view host, std::optional<std::uint16_t> port);

/// Decimal digits only, 1 to 65535; leading zeros do not matter.
[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view digits);

}  // namespace cordon::egress
