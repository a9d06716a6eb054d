// SPDX-License-Identifier: Apache-2.0
// Many host rules, arranged so that asking costs the length of the name and not the number of rules.
#pragma once
#include <cordon/policy.hpp>

#include <unordered_map>
#include <vector>

#include "policy/host_rule.hpp"

namespace cordon::egress {

/// A rule as it was written, and as it was understood.
struct HostRuleOf {
  Rule written;
  policy::HostRule meant;
};

class RuleIndex {
 public:
  /// Error: the first rule that does not parse, with its origin.
  [[nodiscard]] static Result<RuleIndex> make(const Rules& rules);

  /// The narrowest rule that matches host and port, or null: the exact name or the longest prefix first, then the longest
  /// suffix, then "*"; of several with one host part the first written. Valid as long as the index.
  [[nodiscard]] const HostRuleOf* find(const policy::HostName& host, std::uint16_t port) const;

  /// The longest matching network among those that open_special, or null.
  [[nodiscard]] const HostRuleOf* find_opening(const policy::Address& address, std::uint16_t port) const;

 private:
  using Numbers = std::vector<std::uint32_t>;  // indices into rules_, in the order in which they were written
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Names = std::unordered_map<std::string, Numbers, Hash, std::equal_to<>>;
  // Two networks are nested or apart, so they form a forest.
  struct Node {
    policy::Network network;
    Numbers rules;
    std::int32_t parent = -1;
  };

  [[nodiscard]] const HostRuleOf* first(const Numbers& numbers, std::uint16_t port) const;
  [[nodiscard]] const Node* innermost(const policy::Address& address) const;
  [[nodiscard]] const Node* parent(const Node& node) const { return node.parent < 0 ? nullptr : &networks_[static_cast<std::size_t>(node.parent)]; }
  void plant();

  std::vector<HostRuleOf> rules_;
  Names exact_, below_;
  Numbers any_;
  std::vector<Node> networks_;   // in the order of their first addresses, the wider one first
  std::size_t most_labels_ = 0;  // of a suffix in below_
};

}  // namespace cordon::egress
