// SPDX-License-Identifier: Apache-2.0
// Host rules: what `net.allow` and `net.deny` say, and the hosts that they are asked about.
//
//   HostRule rule = *parse_host_rule("*.example.com:443");
//   HostName host = *parse_host("API.Example.com.");       // "api.example.com"
//   matches(rule, host, 443);                              // true
//
// The grammar:
//   rule  = host [":" port]           port = 1 to 65535, or "*" for any; none means 80 and 443, for addresses too
//   host  = "*"                       every name and every address
//         | name                      that name alone
//         | "*." name                 every name below it at any depth, not the name itself
//         | ipv4 ["/" 0..32]          canonical dotted decimal; 203.0.113.0/24
//         | "[" ipv6 ["/" 0..128] "]" the brackets may be left out where no port follows
//
// Names and addresses are two worlds: a rule with a name never matches an address literal, a rule with an address never matches
// a name (what a name may resolve to is egress's address guard, see opens_special). Only "*" matches both.
// A name's normal form is lower case, without its trailing dot, in A-labels (UTS #46, non-transitional); labels consist of
// letters, digits, '-' and '_' and have at most 63 bytes, a name at most 253.
#pragma once
#include <cordon/error.hpp>

#include <optional>

#include "policy/address.hpp"

namespace cordon::policy {

/// A host in normal form: a name, or an address.
struct HostName {
  std::string name;  ///< empty: it is an address
  Address address;
  [[nodiscard]] bool is_address() const { return name.empty(); }
  [[nodiscard]] std::string text() const { return is_address() ? address.text() : name; }
  bool operator==(const HostName&) const = default;
};

/// Which ports a rule covers.
struct Ports {
  enum class Kind : std::uint8_t { web, any, one } kind = Kind::web;  ///< web: 80 and 443
  std::uint16_t port = 0;                                             ///< of `one`
  [[nodiscard]] bool contains(std::uint16_t p) const { return kind == Kind::any || (kind == Kind::web ? p == 80 || p == 443 : p == port); }
  auto operator<=>(const Ports&) const = default;
};

struct HostRule {
  enum class Kind : std::uint8_t { any, name, below, network } kind = Kind::any;
  std::string name;  ///< of `name` and `below`, in normal form: "*.x" keeps "x"
  Network network;   ///< of `network`
  Ports ports;
  /// The rule in canonical spelling; parse_host_rule reads it back to an equal rule.
  [[nodiscard]] std::string text() const;
  auto operator<=>(const HostRule&) const = default;
};

/// The host that a client asks for. Every textual form of an address that a resolver would take for one is read as that
/// address: "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", fullwidth digits. A name whose last label is a number but
/// which is no address is refused (no resolver agrees with another on it), as are zones, blanks, control characters, NUL, '%'.
/// ASCII input never reaches the IDNA library.
[[nodiscard]] Result<HostName> parse_host(std::string_view text);
/// A rule. Addresses in canonical form only, so that a reader sees what is allowed; other forms are refused with the form to write.
[[nodiscard]] Result<HostRule> parse_host_rule(std::string_view text);

[[nodiscard]] bool matches(const HostRule& rule, const HostName& host);  ///< the port aside
[[nodiscard]] inline bool matches(const HostRule& rule, const HostName& host, std::uint16_t port) {
  return rule.ports.contains(port) && matches(rule, host);
}

/// Does an allow rule open addresses that are not public (special_range) by naming them? Only a network that lies wholly in one
/// such range does: "10.0.0.0/8" and "127.0.0.1" do, "*" and "0.0.0.0/0" do not, so that nobody opens metadata by accident.
/// Where net.private_addresses is off, an address that is not public is reached, as a literal or as what a name resolves to, only
/// if an allow rule that opens_special matches that address and port.
[[nodiscard]] bool opens_special(const HostRule& rule);

/// Is every host that `inner` matches matched by `outer`, ports aside? Of two rules one covers the other, or no host matches both.
[[nodiscard]] bool covers_host(const HostRule& outer, const HostRule& inner);
/// Is everything that `inner` matches matched by `outer`?
[[nodiscard]] bool covers(const HostRule& outer, const HostRule& inner);
/// Exactly what both match; nothing if that is empty. The rules are closed under it, so no meet is ever an approximation.
[[nodiscard]] std::optional<HostRule> meet(const HostRule& a, const HostRule& b);

}  // namespace cordon::policy
