// SPDX-License-Identifier: Apache-2.0
#include "egress/rule_index.hpp"

#include <cordon/events.hpp>

#include <algorithm>
#include <map>
#include <tuple>

namespace cordon::egress {
namespace {

using policy::Address;
using policy::HostRule;
using policy::Network;

// Where a network stands in the order: IPv4 apart from IPv6, which does not hold it; the wider before the narrower.
std::tuple<bool, Address, std::uint8_t> order(const Network& n) { return {!(n.length >= 96 && n.address.v4()), n.address, n.length}; }

std::size_t labels(std::string_view name) { return 1 + static_cast<std::size_t>(std::ranges::count(name, '.')); }

}  // namespace

Result<RuleIndex> RuleIndex::make(const Rules& rules) {
  RuleIndex index;
  std::map<std::tuple<bool, Address, std::uint8_t>, Node> networks;
  for (const Rule& written : rules) {
    auto meant = policy::parse_host_rule(written.text);
    if (!meant) return refused(printable(written.origin.text()) + ": " + meant.error().what, meant.error().remedy);
    const auto number = static_cast<std::uint32_t>(index.rules_.size());
    switch (meant->kind) {
      case HostRule::Kind::any: index.any_.push_back(number); break;
      case HostRule::Kind::name: index.exact_[meant->name].push_back(number); break;
      case HostRule::Kind::network: {
        Node& node = networks[order(meant->network)];
        node.network = meant->network;
        node.rules.push_back(number);
        break;
      }
      case HostRule::Kind::below:
        index.below_[meant->name].push_back(number);
        index.most_labels_ = std::max(index.most_labels_, labels(meant->name));
        break;
    }
    index.rules_.push_back({written, std::move(*meant)});
  }
  for (auto& [key, node] : networks) index.networks_.push_back(std::move(node));
  index.plant();
  return index;
}

// In the sorted order the nearest network before this one that holds it is its parent, and lies on the path to the root from its neighbour.
void RuleIndex::plant() {
  for (std::size_t i = 1; i < networks_.size(); ++i) {
    auto up = static_cast<std::int32_t>(i - 1);
    while (up >= 0 && !policy::within(networks_[i].network, networks_[static_cast<std::size_t>(up)].network))
      up = networks_[static_cast<std::size_t>(up)].parent;
    networks_[i].parent = up;
  }
}

const RuleIndex::Node* RuleIndex::innermost(const Address& address) const {
  auto after = std::ranges::upper_bound(networks_, order({address, 128}), {}, [](const Node& n) { return order(n.network); });
  if (after == networks_.begin()) return nullptr;
  const Node* node = &*--after;
  while (node && !policy::within(address, node->network)) node = parent(*node);
  return node;
}

const HostRuleOf* RuleIndex::first(const Numbers& numbers, std::uint16_t port) const {
  for (const auto n : numbers)
    if (rules_[n].meant.ports.contains(port)) return &rules_[n];
  return nullptr;
}

const HostRuleOf* RuleIndex::find(const policy::HostName& host, std::uint16_t port) const {
  if (host.is_address()) {
    for (const Node* node = innermost(host.address); node; node = parent(*node))
      if (const auto* rule = first(node->rules, port)) return rule;
    return first(any_, port);
  }
  const std::string_view name = host.name;
  if (const auto it = exact_.find(name); it != exact_.end())
    if (const auto* rule = first(it->second, port)) return rule;
  if (!below_.empty()) {
    // Only suffixes with as many labels as a rule has, so that a name of 127 labels costs no more than others.
    std::size_t start = name.size();
    for (std::size_t n = 0; n < most_labels_ && start != std::string_view::npos; ++n)
      start = start == 0 ? std::string_view::npos : name.rfind('.', start - 1);
    for (start = start == std::string_view::npos ? name.find('.') : start; start != std::string_view::npos; start = name.find('.', start + 1))
      if (const auto it = below_.find(name.substr(start + 1)); it != below_.end())
        if (const auto* rule = first(it->second, port)) return rule;
  }
  return first(any_, port);
}

const HostRuleOf* RuleIndex::find_opening(const Address& address, std::uint16_t port) const {
  for (const Node* node = innermost(address); node; node = parent(*node))
    if (const auto* rule = first(node->rules, port); rule && policy::opens_special(rule->meant)) return rule;
  return nullptr;
}

}  // namespace cordon::egress
