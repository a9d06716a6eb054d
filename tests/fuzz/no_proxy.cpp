// SPDX-License-Identifier: Apache-2.0
// A host, and behind the first line feed a list. Case and one trailing dot do not matter; nothing matches that no entry says.
#include "egress/no_proxy.hpp"

#include <algorithm>

#include "check.hpp"

using namespace cordon::egress;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto all = text(data, size);
  const auto end = std::min(all.find('\n'), all.size());
  const auto host = all.substr(0, end);
  const NoProxy list(all.substr(std::min(end + 1, all.size())));
  for (const auto& entry : list.entries()) {
    CHECK(!entry.empty() && entry.front() != '.');
    CHECK(entry.find(',') == std::string::npos);
    CHECK(entry.back() != ' ' && (entry.back() < '\t' || entry.back() > '\r'));
  }
  std::string other(host);
  std::ranges::transform(other, other.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  const bool matched = list.matches(host);
  CHECK(list.matches(other) == matched);
  if (!host.empty() && host.back() != '.' && host.back() != ']' && host.find(':') == std::string_view::npos)
    CHECK(list.matches(std::string(host) + ".") == matched);
  bool said = false;
  for (std::string_view rest = all.substr(std::min(end + 1, all.size())); !rest.empty();) {
    const auto piece = rest.substr(0, rest.find(','));
    said = said || NoProxy(piece).matches(host);
    rest.remove_prefix(std::min(piece.size() + 1, rest.size()));
  }
  CHECK(matched == said);
  CHECK(NoProxy("*").matches(host) && !NoProxy("").matches(host));
  return 0;
}
