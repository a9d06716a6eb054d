// SPDX-License-Identifier: Apache-2.0
#include "plan/glob.hpp"

#include <fnmatch.h>

namespace cordon::plan {

std::vector<std::string> components(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (slash != 0) parts.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

bool has_wildcard(std::string_view s) { return s.find_first_of("*?[") != std::string_view::npos; }

// A pattern of fnmatch(3) that matches `path` alone.
std::string literally(const std::string& path) {
  std::string pattern;
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

bool glob_matches(std::string_view pattern, std::string_view path) {
  const auto p = components(pattern), s = components(path);
  // reach[j]: the pattern so far matches the first j components.
  std::vector<char> reach(s.size() + 1, 0);
  reach[0] = 1;
  for (const auto& part : p) {
    std::vector<char> next(s.size() + 1, 0);
    if (part == "**") {
      char any = 0;
      for (std::size_t j = 0; j <= s.size(); ++j) next[j] = any = static_cast<char>(any | reach[j]);
    } else {
      for (std::size_t j = 0; j < s.size(); ++j) next[j + 1] = static_cast<char>(reach[j] && ::fnmatch(part.c_str(), s[j].c_str(), 0) == 0);
    }
    reach = std::move(next);
  }
  return reach.back() != 0;
}

bool each_match(const std::string& start, const std::string& pattern, const std::function<std::vector<Entry>(const std::string&)>& list,
                const std::function<void(const std::string&)>& each) {
  int entries = 0;
  bool whole = true;
  const std::function<void(const std::string&, int)> walk = [&](const std::string& dir, int depth) {
    for (const auto& entry : list(dir)) {
      if (++entries > kGlobEntries) {
        whole = false;
        return;
      }
      const std::string path = join(dir, entry.name);
      if (glob_matches(pattern, path)) each(path);
      else if (depth < kGlobDepth && entry.kind == FileKind::directory) walk(path, depth + 1);
    }
  };
  walk(start, 1);
  return whole;
}

}  // namespace cordon::plan
