// SPDX-License-Identifier: Apache-2.0
// From the text of a host to its normal form.
#include <cordon/events.hpp>
#include <idn2.h>

#include <algorithm>

#include "policy/host_rule.hpp"

namespace cordon::policy {
namespace {

constexpr std::size_t kMostName = 253, kMostLabel = 63;
constexpr std::size_t kMostInput = 1024;  // 253 characters of four bytes, and the dot

std::unexpected<Error> bad(std::string_view text, const char* why, const char* remedy) {
  const bool cut = text.size() > 100;
  return refused("the host '" + printable(text.substr(0, 100)) + (cut ? "...' " : "' ") + why, remedy);
}

// UTS #46 mapping (case, width, dots) and Punycode; IDNA2008 validity. The result is checked as any ASCII name is.
Result<std::string> to_ascii(std::string_view text) {
  char* out = nullptr;
  const int rc = idn2_to_ascii_8z(std::string(text).c_str(), &out, IDN2_NONTRANSITIONAL);
  if (rc != IDN2_OK) return bad(text, (std::string("is no international name: ") + idn2_strerror(rc)).c_str(), "write it in ASCII (xn--...)");
  std::string ascii(out);
  idn2_free(out);
  return ascii;
}

// Does a resolver take a name with this last label for an IPv4 address (WHATWG URL, "ends in a number")?
bool is_number(std::string_view label) {
  const bool hex = label.starts_with("0x");
  if (hex) label.remove_prefix(2);
  return (hex || !label.empty()) && std::ranges::all_of(label, [&](char c) { return (c >= '0' && c <= '9') || (hex && c >= 'a' && c <= 'f'); });
}

}  // namespace

Result<HostName> parse_host(std::string_view text) {
  const std::string_view given = text;
  if (text.empty()) return refused("the host is empty", "name a host");
  if (text.size() > kMostInput) return bad(given, "is longer than 253 bytes", "no such name exists");
  bool ascii = true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return bad(given, "has a NUL in it", "write the name alone");
    if (byte == ' ' || (byte >= '\t' && byte <= '\r')) return bad(given, "has a blank in it", "write the name alone");
    if (byte < 0x20 || byte == 0x7f) return bad(given, "has a control character in it", "write the name alone");
    if (byte == '%') return bad(given, "has a percent sign in it", "write it without zone and without percent-encoding");
    ascii = ascii && byte < 0x80;
  }
  if (text.find(':') != std::string_view::npos || text.front() == '[') {
    if (text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
    const auto address = text.find(':') == std::string_view::npos ? std::nullopt : parse_address(text);
    if (!address) return bad(given, "is no IPv6 address", "write it as 2001:db8::1, without a port");
    return HostName{{}, *address};
  }
  std::string mapped;
  if (!ascii) {
    auto m = to_ascii(text);
    if (!m) return std::unexpected(m.error());
    mapped = std::move(*m);
    if (mapped.empty()) return bad(given, "is empty", "name a host");
    text = mapped;
  }
  if (text.back() == '.') text.remove_suffix(1);
  if (text.size() > kMostName) return bad(given, "is longer than 253 bytes", "no such name exists");
  HostName host;
  host.name.reserve(text.size());
  std::size_t label = 0;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (c == '.') {
      if (label == 0) return bad(given, "has an empty label", "write one dot between labels");
      label = 0;
    } else if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_') {
      if (++label > kMostLabel) return bad(given, "has a label of more than 63 bytes", "no such name exists");
    } else {
      return bad(given, "has a character that no host name has", "names have letters, digits, '-', '_' and dots");
    }
    host.name += upper ? static_cast<char>(c | 0x20) : c;
  }
  if (label == 0) return bad(given, "has an empty label", "write one dot between labels");
  if (is_number(std::string_view(host.name).substr(host.name.rfind('.') + 1))) {
    const auto address = parse_loose_ipv4(host.name);
    if (!address) return bad(given, "ends in a number but is no IPv4 address", "write four numbers from 0 to 255, or a name");
    return HostName{{}, *address};
  }
  return host;
}

}  // namespace cordon::policy
