// SPDX-License-Identifier: Apache-2.0
#include "prove/case.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <tuple>

namespace cordon::prove {
namespace {

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

// A control runs without a sandbox: what would reach beyond its own processes is not an attack but an accident.
bool reckless(const std::string& script) {
  std::istringstream in(script);
  for (std::string line; std::getline(in, line);) {
    const auto all = words(line);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i] == "pkill" || all[i] == "killall") return true;
      if (all[i] != "kill") continue;
      for (std::size_t k = i + 1; k < all.size(); ++k)
        if (k > i + 1 && (all[k] == "-1" || all[k] == "-1;" || all[k] == "1" || all[k] == "1;")) return true;
    }
  }
  return false;
}

}  // namespace

Result<Case> parse_case(std::string_view text) {
  Case c;
  std::string* section = nullptr;
  std::istringstream in{std::string(text)};
  int number = 0;
  const auto wrong = [&](const std::string& what) { return refused("line " + std::to_string(number) + ": " + what); };
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.starts_with("== ")) {
      const std::string name = line.substr(3);
      if (name == "setup") section = &c.setup;
      else if (name == "launch") section = &c.launch;
      else if (name == "attack") section = &c.attack;
      else if (name == "host") section = &c.host;
      else if (name == "escaped") section = &c.escaped;
      else return wrong("unknown section '" + name + "'");
      section->clear();
      continue;
    }
    if (section) {
      *section += line + "\n";
      continue;
    }
    if (!line.starts_with("# ")) return wrong("a header line starts with '# '");
    const auto colon = line.find(": ");
    const std::string key = colon == std::string::npos ? "" : line.substr(2, colon - 2),
                      value = colon == std::string::npos ? "" : line.substr(colon + 2);
    if (number == 1) c.title = line.substr(2);
    else if (key == "source") c.source = value;
    else if (key == "contained") c.contained = value;
    else if (key == "landlock") c.landlock = value;
    else if (key == "weaker") c.weaker = value;
    else if (key == "needs") c.needs = words(value);
    else if (key == "options") c.options = words(value);
    else return wrong("unknown header '" + key + "'");
  }
  for (const auto& [field, name] :
       {std::pair{&c.title, "a title"}, {&c.source, "source"}, {&c.contained, "contained"}, {&c.attack, "attack"}, {&c.escaped, "escaped"}})
    if (field->empty()) return wrong(std::string("there is no '") + name + "'");
  for (const std::string* script : {&c.setup, &c.launch, &c.attack, &c.host, &c.escaped})
    if (reckless(*script)) return wrong("a script signals processes that are not its own");
  return c;
}

Result<std::vector<Case>> load_cases(const std::filesystem::path& where) {
  std::vector<Case> cases;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(where, error)) {
    if (!entry.is_regular_file(error)) continue;
    std::ifstream in(entry.path());
    const std::string text(std::istreambuf_iterator<char>(in), {});
    auto c = parse_case(text);
    if (!c) return refused(entry.path().string() + ": " + c.error().what);
    c->group = entry.path().parent_path().filename();
    c->name = entry.path().filename();
    cases.push_back(std::move(*c));
  }
  if (error || cases.empty()) return refused("no attacks in " + where.string(), "install Cordon completely, or name them with --cases");
  std::ranges::sort(cases, {}, [](const Case& c) { return std::tie(c.group, c.name); });
  return cases;
}

}  // namespace cordon::prove
