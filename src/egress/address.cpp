// SPDX-License-Identifier: Apache-2.0
#include "egress/address.hpp"

#include <algorithm>

namespace cordon::egress {
namespace {

using policy::Address;

Address ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) { return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}}; }

}  // namespace

std::vector<Address> embedded_ipv4(const Address& address) {
  std::vector<Address> found;
  const auto& b = address.bytes;
  if (address.v4()) return found;
  const auto starts = [&](std::initializer_list<std::uint8_t> prefix) { return std::equal(prefix.begin(), prefix.end(), b.begin()); };
  const Address last = ipv4(b[12], b[13], b[14], b[15]);
  const bool own_meaning = b[12] == 0 && b[13] == 0 && b[14] == 0 && b[15] <= 1;                              // :: and ::1
  if (starts({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) && !own_meaning) found.push_back(last);                    // compatible
  if (starts({0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) found.push_back(last);                           // NAT64
  if (starts({0, 0x64, 0xff, 0x9b, 0, 1})) found.insert(found.end(), {last, ipv4(b[6], b[7], b[9], b[10])});  // NAT64, /96 and /48
  if (starts({0x20, 0x02})) found.push_back(ipv4(b[2], b[3], b[4], b[5]));                                    // 6to4
  if (starts({0x20, 0x01, 0, 0})) {                                                                           // Teredo
    const auto flipped = [&](int i) { return static_cast<std::uint8_t>(~b[static_cast<std::size_t>(i)]); };
    found.insert(found.end(), {ipv4(b[4], b[5], b[6], b[7]), ipv4(flipped(12), flipped(13), flipped(14), flipped(15))});
  }
  if ((b[8] & 0xfd) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe) found.push_back(last);  // ISATAP
  return found;
}

std::string_view special_name(std::string_view name) {
  if (name == "localhost" || name.ends_with(".localhost")) return "loopback";
  for (const std::string_view metadata :
       {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal", "metadata.azure.internal",
        "metadata.tencentyun.com", "metadata.packet.net", "metadata.platformequinix.com"})
    if (name == metadata) return "metadata";
  return {};
}

}  // namespace cordon::egress
