// SPDX-License-Identifier: Apache-2.0
// The hosts that are dialled without the upstream proxy.
//
//   const NoProxy direct(" .example.com, internal.corp ,, *.lab");   // three entries; `*.lab` matches nothing: no globs
//   direct.matches("a.b.example.com");                               // true
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace cordon::egress {

class NoProxy {
 public:
  NoProxy() = default;  ///< matches nothing
  /// Commas separate; blanks, then leading dots are cut from each entry; `*` alone matches every host.
  explicit NoProxy(std::string_view list);

  /// Is `host` an entry, or below one? The port is cut off already; an IPv6 literal may have its brackets, and compares as
  /// an address. Everything else compares as text, without regard to case and to one trailing dot: `2.1` matches 192.0.2.1.
  [[nodiscard]] bool matches(std::string_view host) const;

  [[nodiscard]] const std::vector<std::string>& entries() const { return entries_; }
  bool operator==(const NoProxy&) const = default;

 private:
  std::vector<std::string> entries_;
};

}  // namespace cordon::egress
