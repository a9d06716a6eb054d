// SPDX-License-Identifier: Apache-2.0
#include "egress/no_proxy.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

#include "egress/text.hpp"

namespace cordon::egress {
namespace {

std::optional<std::array<unsigned char, 16>> ipv6(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::array<unsigned char, 16> bytes;
  if (text.size() > INET6_ADDRSTRLEN || text.contains('\0')) return {};
  if (inet_pton(AF_INET6, std::string(text).c_str(), bytes.data()) != 1) return {};
  return bytes;
}

std::string_view without_dot(std::string_view s) {
  if (s.ends_with('.')) s.remove_suffix(1);
  return s;
}

bool equals_or_is_below(std::string_view host, std::string_view entry) {
  if (entry.empty() || host.size() < entry.size()) return false;
  if (!same_text(host.substr(host.size() - entry.size()), entry)) return false;
  return host.size() == entry.size() || host[host.size() - entry.size() - 1] == '.';
}

}  // namespace

NoProxy::NoProxy(std::string_view list) {
  while (true) {
    const auto comma = list.find(',');
    std::string_view entry = trim(list.substr(0, comma));
    entry.remove_prefix(std::min(entry.find_first_not_of('.'), entry.size()));
    if (!entry.empty()) entries_.emplace_back(entry);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
}

bool NoProxy::matches(std::string_view host) const {
  const auto address = ipv6(host);
  return std::ranges::any_of(entries_, [&](std::string_view entry) {
    if (entry == "*") return true;
    if (address) return ipv6(entry) == address;
    return equals_or_is_below(without_dot(host), without_dot(entry));
  });
}

}  // namespace cordon::egress
