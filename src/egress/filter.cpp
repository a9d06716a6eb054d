// SPDX-License-Identifier: Apache-2.0
#include "egress/filter.hpp"

#include "egress/address.hpp"
#include "egress/authority.hpp"

namespace cordon::egress {
namespace {

constexpr std::string_view kMetadata = "metadata";

Verdict by_rule(bool allowed, const HostRuleOf& rule) { return {allowed, Verdict::Reason::rule, &rule.written, {}, {}}; }
std::string option(const policy::HostName& host, std::uint16_t port) { return "--allow-host " + authority_text(host.text(), port); }

}  // namespace

std::string Verdict::rule_text() const {
  if (rule) return rule->text + " (" + rule->origin.text() + ")";
  switch (reason) {
    case Reason::special: return std::string(range) + " address";
    case Reason::not_a_host: return "not a host";
    default: return "no rule allows it";
  }
}

Result<Filter> Filter::make(const NetPolicy& policy) {
  auto allow = RuleIndex::make(policy.allow);
  if (!allow) return std::unexpected(allow.error());
  auto deny = RuleIndex::make(policy.deny);
  if (!deny) return std::unexpected(deny.error());
  Filter filter;
  filter.allow_ = std::move(*allow);
  filter.deny_ = std::move(*deny);
  filter.private_addresses_ = policy.private_addresses;
  return filter;
}

Verdict Filter::decide(const policy::HostName& host, std::uint16_t port) const {
  if (const auto* rule = denies(host, port)) return by_rule(false, *rule);
  const auto* rule = allow_.find(host, port);
  if (!rule) return {false, Verdict::Reason::no_rule, nullptr, {}, hint(host, port)};
  if (host.is_address()) {
    if (const auto range = closed_range(host.address, port); !range.empty())
      return {false, Verdict::Reason::special, nullptr, range, hint(host, port)};
  } else if (rule->meant.kind != policy::HostRule::Kind::name) {
    const auto range = special_name(host.name);
    if (!range.empty() && (range == kMetadata || !private_addresses_)) return {false, Verdict::Reason::special, nullptr, range, hint(host, port)};
  }
  return by_rule(true, *rule);
}

Verdict Filter::decide(std::string_view text, std::uint16_t port) const {
  const auto host = policy::parse_host(text);
  return host ? decide(*host, port) : Verdict{false, Verdict::Reason::not_a_host, nullptr, {}, {}};
}

Verdict Filter::admit(const policy::Address& address, std::uint16_t port) const {
  const policy::HostName host{{}, address};
  if (const auto* rule = denies(host, port)) return by_rule(false, *rule);
  if (const auto range = closed_range(address, port); !range.empty()) return {false, Verdict::Reason::special, nullptr, range, hint(host, port)};
  return {true, Verdict::Reason::rule, nullptr, {}, {}};
}

const HostRuleOf* Filter::denies(const policy::HostName& host, std::uint16_t port) const {
  if (const auto* rule = deny_.find(host, port)) return rule;
  if (host.is_address())
    for (const auto& inner : embedded_ipv4(host.address))
      if (const auto* rule = deny_.find({{}, inner}, port)) return rule;
  return nullptr;
}

// An address that carries one that is closed needs an option for that one, too.
std::string Filter::hint(const policy::HostName& host, std::uint16_t port) const {
  std::string options = option(host, port);
  if (host.is_address())
    for (const auto& inner : embedded_ipv4(host.address))
      if (!closed_range(inner, port).empty()) options += " " + option({{}, inner}, port);
  return options;
}

// The range that keeps the address closed; empty if it is public or opened.
std::string_view Filter::closed_range(const policy::Address& address, std::uint16_t port) const {
  if (const auto range = policy::special_range(address); !range.empty()) {
    const auto* opening = allow_.find_opening(address, port);
    const bool named = opening && (range != kMetadata || policy::special_range(opening->meant.network) == kMetadata);
    if (!named && (range == kMetadata || !private_addresses_)) return range;
  }
  for (const auto& inner : embedded_ipv4(address))
    if (const auto range = closed_range(inner, port); !range.empty()) return range;
  return {};
}

}  // namespace cordon::egress
