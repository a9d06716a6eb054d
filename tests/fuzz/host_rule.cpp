// SPDX-License-Identifier: Apache-2.0
// A line each: a host, then rules. Normal forms are stable, the meet of two rules matches what both match.
#include "policy/host_rule.hpp"

#include <optional>

#include "check.hpp"

using namespace cordon::policy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = text(data, size);
  const auto line = [&] {
    const auto end = rest.find('\n');
    const auto l = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return l;
  };
  const auto host = parse_host(line());
  if (host) {
    CHECK(parse_host(host->text()).value() == *host);
    if (!host->is_address()) {
      CHECK(host->name.size() <= 253);
      CHECK(host->name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos);
    }
  }
  std::optional<HostRule> last;
  for (int i = 0; i < 3 && !rest.empty(); ++i) {
    const auto rule = parse_host_rule(line());
    if (!rule) continue;
    CHECK(parse_host_rule(rule->text()).value() == *rule);
    CHECK(covers(*rule, *rule));
    if (last) {
      const auto m = meet(*last, *rule);
      CHECK(m == meet(*rule, *last));
      if (m) {
        CHECK(covers(*last, *m) && covers(*rule, *m));
        CHECK(m == *last || m == *rule || m->ports != last->ports || m->ports != rule->ports);
      }
      if (host)
        for (const std::uint16_t port : {80, 443, 8443})
          CHECK((m && matches(*m, *host, port)) == (matches(*last, *host, port) && matches(*rule, *host, port)));
    }
    last = *rule;
  }
  return 0;
}
