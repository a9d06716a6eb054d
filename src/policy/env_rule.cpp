// SPDX-License-Identifier: Apache-2.0
#include "policy/env_rule.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace cordon::policy {

bool needs_exact_rule(std::string_view name) {
  const std::string text(name);
  for (const char* p : {"*TOKEN*", "*SECRET*", "*PASSWORD*", "*PASSWD*", "*PASSPHRASE*", "*CREDENTIAL*", "*PRIVATE*",      "*_KEY",
                        "*_KEY_*", "*APIKEY*", "*_PAT",      "*_AUTH",   "*AUTH_*",      "*_DSN",        "*DATABASE_URL*", "*CONNECTION_STRING*",
                        "AWS_*",   "AZURE_*",  "LD_*",       "BASH_ENV", "ENV",          "BASH_FUNC_*"})
    if (fnmatch(p, text.c_str(), FNM_NOESCAPE | FNM_CASEFOLD) == 0) return true;
  return false;
}

bool passes(std::string_view rule, std::string_view name) {
  if (rule == name) return true;
  return rule.ends_with('*') && name.starts_with(rule.substr(0, rule.size() - 1)) && !needs_exact_rule(name);
}

bool passes(const Rules& rules, std::string_view name) {
  return std::ranges::any_of(rules, [&](const Rule& r) { return passes(r.text, name); });
}

}  // namespace cordon::policy
