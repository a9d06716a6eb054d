// SPDX-License-Identifier: Apache-2.0
// What stands behind an address or a name besides what it shows. policy/address.hpp has the ranges themselves.
#pragma once
#include <string_view>
#include <vector>

#include "policy/address.hpp"

namespace cordon::egress {

/// The IPv4 addresses that an IPv6 address carries, to which a packet for it may be brought: IPv4-compatible (RFC 4291), NAT64
/// (RFC 6052, the well-known prefix and 64:ff9b:1::/48 of RFC 8215 with either of its layouts), 6to4 (RFC 3056), Teredo's server
/// and client (RFC 4380), ISATAP (RFC 5214). Empty for IPv4 itself, of which the mapped form is a spelling.
[[nodiscard]] std::vector<policy::Address> embedded_ipv4(const policy::Address& address);

/// "loopback" for localhost and what is below it (RFC 6761), "metadata" for the names of clouds' metadata servers; else empty. A
/// resolver's answer shows both, but an upstream proxy resolves by itself. `name` is in normal form.
[[nodiscard]] std::string_view special_name(std::string_view name);

}  // namespace cordon::egress
