// SPDX-License-Identifier: Apache-2.0
#include "policy/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace cordon::policy {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

constexpr Network v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, unsigned length) {
  return {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}}, static_cast<std::uint8_t>(96 + length)};
}
constexpr Network v6(std::uint16_t a, std::uint16_t b, std::uint16_t c, unsigned length, std::uint8_t last = 0) {
  Network n{{}, static_cast<std::uint8_t>(length)};
  n.address.bytes = {static_cast<std::uint8_t>(a >> 8),
                     static_cast<std::uint8_t>(a),
                     static_cast<std::uint8_t>(b >> 8),
                     static_cast<std::uint8_t>(b),
                     static_cast<std::uint8_t>(c >> 8),
                     static_cast<std::uint8_t>(c),
                     0,
                     0,
                     0,
                     0,
                     0,
                     0,
                     0,
                     0,
                     0,
                     last};
  return n;
}

struct Special {
  Network network;
  std::string_view name;
};
// The narrower range comes first where one lies in another.
constexpr Special kSpecial[] = {
    {v4(0, 0, 0, 0, 8), "this network"},
    {v4(10, 0, 0, 0, 8), "private"},
    {v4(100, 100, 100, 200, 32), "metadata"},
    {v4(100, 64, 0, 0, 10), "shared"},
    {v4(127, 0, 0, 0, 8), "loopback"},
    {v4(168, 63, 129, 16, 32), "metadata"},  // a cloud's host agent, on a public address
    {v4(169, 254, 169, 254, 32), "metadata"},
    {v4(169, 254, 170, 2, 32), "metadata"},   // credentials of a container's task
    {v4(169, 254, 170, 23, 32), "metadata"},  // and of a pod
    {v4(169, 254, 0, 0, 16), "link-local"},
    {v4(172, 16, 0, 0, 12), "private"},
    {v4(192, 0, 0, 192, 32), "metadata"},
    {v4(192, 0, 0, 0, 24), "protocol assignments"},
    {v4(192, 0, 2, 0, 24), "documentation"},
    {v4(192, 88, 99, 0, 24), "6to4 relay"},
    {v4(192, 168, 0, 0, 16), "private"},
    {v4(198, 18, 0, 0, 15), "benchmarking"},
    {v4(198, 51, 100, 0, 24), "documentation"},
    {v4(203, 0, 113, 0, 24), "documentation"},
    {v4(224, 0, 0, 0, 4), "multicast"},
    {v4(255, 255, 255, 255, 32), "broadcast"},
    {v4(240, 0, 0, 0, 4), "reserved"},
    {v6(0, 0, 0, 128, 1), "loopback"},
    {v6(0, 0, 0, 128), "unspecified"},
    {v6(0, 0, 0, 96), "IPv4-compatible"},
    {v6(0x64, 0xff9b, 0, 96), "NAT64"},
    {v6(0x64, 0xff9b, 1, 48), "NAT64"},
    {v6(0x2001, 0, 0, 32), "Teredo"},
    {v6(0x2001, 0, 0, 23), "protocol assignments"},
    {v6(0x2001, 0xdb8, 0, 32), "documentation"},
    {v6(0x2002, 0, 0, 16), "6to4"},
    {v6(0x3fff, 0, 0, 20), "documentation"},
    {v6(0xfd00, 0xec2, 0, 32), "metadata"},
    {v6(0xfd20, 0xce, 0, 32), "metadata"},
    {v6(0xfc00, 0, 0, 7), "private"},
    {v6(0xfe80, 0, 0, 10), "link-local"},
    {v6(0xfec0, 0, 0, 10), "site-local"},
    {v6(0xff00, 0, 0, 8), "multicast"},
    // Global unicast addresses come from 2000::/3 alone (RFC 4291 section 2.4, IANA).
    {v6(0, 0, 0, 3), "reserved"},
    {v6(0x4000, 0, 0, 2), "reserved"},
    {v6(0x8000, 0, 0, 1), "reserved"},
};

}  // namespace

bool Address::v4() const { return std::equal(kMapped.begin(), kMapped.end(), bytes.begin()); }

std::string Address::text() const {
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(v4() ? AF_INET : AF_INET6, bytes.data() + (v4() ? 12 : 0), buffer, sizeof buffer);
}

std::string Network::text() const {
  if (length == 128) return address.text();
  return address.text() + "/" + std::to_string(length - (length >= 96 && address.v4() ? 96 : 0));
}

std::optional<Address> parse_address(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof buffer || text.find('\0') != std::string_view::npos) return {};
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  Address a;
  if (inet_pton(AF_INET6, buffer, a.bytes.data()) == 1) return a;
  std::ranges::copy(kMapped, a.bytes.begin());
  if (inet_pton(AF_INET, buffer, a.bytes.data() + 12) == 1) return a;
  return {};
}

std::optional<Address> parse_loose_ipv4(std::string_view text) {
  std::uint64_t parts[4];
  std::size_t count = 0;
  for (std::string_view rest = text;; ++count) {
    if (count == 4) return {};
    const auto dot = rest.find('.');
    std::string_view part = rest.substr(0, dot);
    const int base = part.starts_with("0x") ? 16 : part.size() > 1 && part[0] == '0' ? 8 : 10;
    if (base == 16) part.remove_prefix(2);
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), parts[count], base);
    if (part.empty() || error != std::errc{} || end != part.data() + part.size()) return {};
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  // The last part fills all bytes that the others left.
  std::uint64_t value = parts[count];
  if (value >> (8 * (4 - count))) return {};
  for (std::size_t i = 0; i < count; ++i) {
    if (parts[i] > 255) return {};
    value |= parts[i] << (8 * (3 - i));
  }
  Address a;
  std::ranges::copy(kMapped, a.bytes.begin());
  for (std::size_t i = 0; i < 4; ++i) a.bytes[12 + i] = static_cast<std::uint8_t>(value >> (8 * (3 - i)));
  return a;
}

Address masked(Address a, unsigned length) {
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned keep = length > 8 * i ? std::min(8U, length - 8 * i) : 0;
    a.bytes[i] &= static_cast<std::uint8_t>(0xff00U >> keep);
  }
  return a;
}

bool within(const Network& inner, const Network& outer) {
  if (inner.length < outer.length || masked(inner.address, outer.length) != outer.address) return false;
  // Below 96 bits a network may hold the mapped range, but not in meaning: see Network.
  return (outer.length >= 96 && outer.address.v4()) == (inner.length >= 96 && inner.address.v4());
}

std::string_view special_range(const Network& network) {
  for (const Special& s : kSpecial)
    if (within(network, s.network)) return s.name;
  return {};
}

}  // namespace cordon::policy
