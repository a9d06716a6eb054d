// SPDX-License-Identifier: Apache-2.0
// How deep a TOML text nests, found before anything recurses into it: brackets, and the dots of keys.
#include "policy/nesting.hpp"

#include <algorithm>

namespace cordon::policy {
namespace {

// The string that begins at `at`, up to and including its end (or that of the line, where it is not closed).
std::size_t string_length(std::string_view s) {
  const char quote = s[0];
  const bool escapes = quote == '"';
  const bool multiline = s.size() >= 3 && s[1] == quote && s[2] == quote;
  const std::string_view end = s.substr(0, multiline ? 3 : 1);
  for (std::size_t i = end.size(); i < s.size(); ++i) {
    if (escapes && s[i] == '\\') ++i;
    else if (s[i] == '\n' && !multiline) return i;
    else if (s.substr(i).starts_with(end)) return i + end.size();
  }
  return s.size();
}

}  // namespace

bool nests_too_deep(std::string_view toml, int most) {
  int brackets = 0, dots = 0;
  while (!toml.empty()) {
    std::size_t step = 1;
    switch (toml[0]) {
      case '"':
      case '\'': step = string_length(toml); break;
      case '#': step = std::min(toml.find('\n'), toml.size()); break;
      case '[':
      case '{':
        ++brackets;
        dots = 0;
        break;
      case ']':
      case '}':
        brackets = std::max(0, brackets - 1);
        dots = 0;
        break;
      case '.': ++dots; break;
      case '=':
      case ',':
      case '\n': dots = 0; break;
      default: break;
    }
    if (brackets > most || dots > most) return true;
    toml.remove_prefix(step);
  }
  return false;
}

}  // namespace cordon::policy
