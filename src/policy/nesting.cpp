// SPDX-License-Identifier: Apache-2.0
// What the parser of TOML shall not see: a text that nests too deep, found before anything recurses into it, and places where
// toml++ 3.3 takes for granted what it did not look at.
#include "policy/nesting.hpp"

#include <algorithm>
#include <string>

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

bool blank(char c) { return c == ' ' || c == '\t'; }

// A table's header that begins with something that is no name: toml++ asks for the name without a look. What ends early it sees.
bool nameless(std::string_view header) {
  header.remove_prefix(header.starts_with("[[") ? 2 : 1);
  while (!header.empty() && blank(header[0])) header.remove_prefix(1);
  if (header.empty()) return false;
  const char c = header[0];
  return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '"' || c == '\'' || c == ']');
}

}  // namespace

std::optional<Fault> unsafe_place(std::string_view toml) {
  const std::string_view whole = toml;
  if (toml.starts_with("\xef\xbb\xbf")) toml.remove_prefix(3);           // a byte order mark
  std::string open;                                                      // the brackets
  bool line_begins = true, header = false, value = false, word = false;  // `word`: a value stands before, up to here, that is no string
  for (; !toml.empty(); toml.remove_prefix(token_length(toml))) {
    const char c = toml[0];
    const auto fault = [&](const char* what, const char* remedy) { return Fault{whole.size() - toml.size(), what, remedy}; };
    if (static_cast<unsigned char>(c) >= 0x80)
      return fault("a character that is not ASCII stands outside of strings and comments", "put it into quotes");
    if ((c == '"' || c == '\'') && word) return fault("a quote stands within a value", "begin the value with it");
    if (c == '[' && line_begins && open.empty() && nameless(toml)) return fault("a table has no name", "write [name] or [[name]]");
    if (c == '[' || c == '{') open += c;
    if (c == '}' && open.ends_with('[')) return fault("a list is closed by a brace", "write ]");
    if ((c == ']' || c == '}') && !open.empty()) open.pop_back();
    if (c == '[' && line_begins && open == "[") header = true;
    if (c == '\n') header = false;
    if (c == '\n' || c == ',' || (c == '{' && !word)) value = false;
    const bool in_value = !header && (value || open.ends_with('['));
    if (c == '=' && !header) value = true;
    const bool ends = blank(c) || c == '\n' || c == '\r' || c == ',' || c == ']' || c == '}' || c == '#';
    const bool begins = c == '"' || c == '\'' || c == '[' || c == '{' || c == '=';
    word = in_value && !ends && (word || !begins);
    line_begins = c == '\n' || (line_begins && blank(c));
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
