// SPDX-License-Identifier: Apache-2.0
// The one place that decides which hosts a command may reach. Deny beats allow, and empty allows nothing.
//
//   const Filter filter = *Filter::make(policy.net);
//   const Verdict v = filter.decide(*policy::parse_host("API.github.com."), 443);   // before any look-up
//   if (!v.allowed) say(v.rule_text(), v.hint);
//   for (const policy::Address& a : resolved)
//     if (filter.admit(a, 443).allowed) dial(a);                                    // after it, and nothing else is dialled
//
// An address is decided on twice over: by the rules, and, where it is not public, by whether the policy opens it. Addresses
// that carry an IPv4 address (NAT64, 6to4, …) are reached only where that one is, too. Metadata servers hand out the
// host's credentials: `private_addresses` does not open them, only a rule that names them does.
#pragma once
#include "egress/rule_index.hpp"

namespace cordon::egress {

struct Verdict {
  enum class Reason : std::uint8_t {
    rule,       ///< an allow or deny rule decided
    no_rule,    ///< nothing allows it
    special,    ///< the address (or a name that stands for one) is not public, and the policy does not open it
    not_a_host  ///< the text is no host
  };
  bool allowed = false;
  Reason reason = Reason::no_rule;
  const Rule* rule = nullptr;  ///< the rule that decided, as long as the Filter lives; null where none did
  std::string_view range;      ///< of `special`: "loopback", "private", "metadata", …
  std::string hint;            ///< the smallest option that would allow it: "--allow-host example.com:443"; empty where none would

  /// "*.example.com (cordon.toml:4:17)", or what stands for a rule: "no rule allows it", "private address".
  [[nodiscard]] std::string rule_text() const;
};

class Filter {
 public:
  /// Allows nothing.
  Filter() = default;
  /// Error: a rule that does not parse, with its origin.
  [[nodiscard]] static Result<Filter> make(const NetPolicy& policy);

  /// May this host be connected to at this port? For a name its addresses are to be admitted yet.
  [[nodiscard]] Verdict decide(const policy::HostName& host, std::uint16_t port) const;
  [[nodiscard]] Verdict decide(std::string_view host, std::uint16_t port) const;  ///< the same for text from a client
  /// May this address be dialled for a name that was allowed?
  [[nodiscard]] Verdict admit(const policy::Address& address, std::uint16_t port) const;

 private:
  [[nodiscard]] const HostRuleOf* denies(const policy::HostName& host, std::uint16_t port) const;
  [[nodiscard]] std::string_view closed_range(const policy::Address& address, std::uint16_t port) const;

  [[nodiscard]] std::string hint(const policy::HostName& host, std::uint16_t port) const;

  RuleIndex allow_, deny_;
  bool private_addresses_ = false;
};

}  // namespace cordon::egress
