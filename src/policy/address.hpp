// SPDX-License-Identifier: Apache-2.0
// Internet addresses and networks as values. An IPv4 address is kept v4-mapped (::ffff:0:0/96, RFC 4291 section 2.5.5.2),
// so that the two spellings of one address are equal by construction.
//
//   Address a = *parse_address("::ffff:10.0.0.1");   // == *parse_address("10.0.0.1")
//   special_range(Network{a, 128});                  // "private"
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cordon::policy {

struct Address {
  std::array<std::uint8_t, 16> bytes{};  ///< network order
  [[nodiscard]] bool v4() const;
  /// inet_ntop(3): "192.0.2.1", "2001:db8::1"; no brackets.
  [[nodiscard]] std::string text() const;
  auto operator<=>(const Address&) const = default;
};

/// The addresses that share the first `length` bits with `address`, whose other bits are zero. For IPv4 the length counts the
/// 96 bits of the mapping too: 10.0.0.0/8 has length 104.
struct Network {
  Address address;
  std::uint8_t length = 128;
  [[nodiscard]] std::string text() const;  ///< "10.0.0.0/8", "2001:db8::/32"; a single address without a length
  auto operator<=>(const Network&) const = default;
};

/// Canonical text only, as inet_pton(3): four decimal parts, or RFC 4291 with colons; no brackets, no zone.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
/// Every form that inet_aton(3) reads: "2130706433", "0x7f.1", "0177.0.0.1", "127.1". Lower-case hexadecimal digits.
[[nodiscard]] std::optional<Address> parse_loose_ipv4(std::string_view text);

/// Is every address of `inner` one of `outer`? A network of IPv6 holds no IPv4 address: ::/0 is all of IPv6 alone.
[[nodiscard]] bool within(const Network& inner, const Network& outer);
[[nodiscard]] inline bool within(const Address& a, const Network& n) { return within(Network{a, 128}, n); }
/// `address` with all bits behind the first `length` cleared.
[[nodiscard]] Address masked(Address address, unsigned length);

/// What the network is reserved for ("private", "loopback", "link-local", "metadata", "multicast", "NAT64", ...) if *all*
/// of it lies in ranges that are no public unicast addresses (IANA special-purpose registries, RFC 6890); empty otherwise.
[[nodiscard]] std::string_view special_range(const Network& network);
[[nodiscard]] inline std::string_view special_range(const Address& a) { return special_range(Network{a, 128}); }

}  // namespace cordon::policy
