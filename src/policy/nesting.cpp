// SPDX-License-Identifier: Apache-2.0
// What the parser of TOML shall not see: a text that nests too deep, found before anything recurses into it, and characters that it
// does not look up safely.
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
    else if (s.substr(i).starts_with(end)) {
      i += end.size();
      for (int more = 0; multiline && more < 2 && i < s.size() && s[i] == quote; ++more) ++i;  // quotes right before the end are text
      return i;
    }
  }
  return s.size();
}

// How much at the start of the text is one string, one comment, or one other byte.
std::size_t token_length(std::string_view s) {
  if (s[0] == '"' || s[0] == '\'') return string_length(s);
  return s[0] == '#' ? std::min(s.find('\n'), s.size()) : 1;
}

}  // namespace

std::optional<std::size_t> stray_character(std::string_view toml) {
  const std::string_view whole = toml;
  if (toml.starts_with("\xef\xbb\xbf")) toml.remove_prefix(3);  // a byte order mark
  while (!toml.empty()) {
    if (static_cast<unsigned char>(toml[0]) >= 0x80) return whole.size() - toml.size();
    toml.remove_prefix(token_length(toml));
  }
  return std::nullopt;
}

bool nests_too_deep(std::string_view toml, int most) {
  int brackets = 0, dots = 0;
  while (!toml.empty()) {
    switch (toml[0]) {
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
    toml.remove_prefix(token_length(toml));
  }
  return false;
}

}  // namespace cordon::policy
