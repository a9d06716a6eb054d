// SPDX-License-Identifier: Apache-2.0
// A line each: a path, patterns. A canonical path is canonical; a pattern without wildcards matches itself alone; "**" matches all.
#include "check.hpp"
#include "plan/glob.hpp"
#include "plan/paths.hpp"

using namespace cordon::plan;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2048) return 0;
  std::string_view rest = text(data, size);
  const auto end = rest.find('\n');
  const std::string path = "/" + std::string(rest.substr(0, end));
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (path.find('\0') != std::string::npos) return 0;
  HostView view;  // a link in every "l", to two places
  view.kind = [](const std::string& p) { return name_of(p) == "l" ? FileKind::symlink : FileKind::directory; };
  view.list = [](const std::string&) { return std::vector<Entry>(); };
  view.readlink = [](const std::string& p) {
    return name_of(p) == "l" ? std::optional<std::string>(p.size() % 2 ? "../a" : "/b/./c") : std::nullopt;
  };
  view.read_file = [](const std::string&) { return std::optional<std::string>(); };
  view.executable = [](const std::string&) { return false; };
  const std::string real = canonical(view, path);
  CHECK(real.starts_with('/') && (real == "/" || !real.ends_with('/')));
  CHECK(("/" + real + "/").find("/./") == std::string::npos && ("/" + real + "/").find("/../") == std::string::npos &&
        real.find("//") == std::string::npos);
  CHECK(glob_matches("/**", real));
  for (int i = 0; i < 4 && !rest.empty(); ++i) {
    const auto stop = rest.find('\n');
    const std::string pattern(rest.substr(0, stop));
    rest.remove_prefix(stop == std::string_view::npos ? rest.size() : stop + 1);
    if (pattern.find('\0') != std::string::npos) continue;
    const bool plain = pattern.find_first_of("*?[\\") == std::string::npos;
    CHECK(!plain || glob_matches(pattern, pattern));
    // What matches a tree's pattern with "/**" behind it is what lies in it.
    if (glob_matches(pattern, real)) CHECK(glob_matches(pattern + "/**", real + "/x"));
  }
  return 0;
}
