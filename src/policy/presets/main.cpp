// SPDX-License-Identifier: Apache-2.0
// Prints the presets as C++: compile_presets FILE.toml... Reading TOML would take a twentieth of each start.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "policy/reader.hpp"

namespace {

using cordon::policy::Value;

std::string quoted(std::string_view text) {
  std::string s = "\"";
  for (const char c : text) {
    char octal[8];
    std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned char>(c));
    s += octal;
  }
  return s + "\"sv";
}

// A value, and behind it those in it: see Node in presets.cpp.
void print(const Value& value, std::string_view key) {
  std::size_t children = 0;
  std::string what = "std::monostate{}";
  if (const auto* b = std::get_if<bool>(&value.v)) what = *b ? "true" : "false";
  else if (const auto* i = std::get_if<std::int64_t>(&value.v)) what = "std::int64_t{" + std::to_string(*i) + "}";
  else if (const auto* s = std::get_if<std::string>(&value.v)) what = quoted(*s);
  else if (const auto* a = std::get_if<Value::Array>(&value.v)) what = "Kind::array", children = a->size();
  else if (const auto* t = std::get_if<Value::Table>(&value.v)) what = "Kind::table", children = t->size();
  std::printf("{%s, %s, {%u, %u}, {%u, %u}, %zu},\n", what.c_str(), quoted(key).c_str(), value.place.line, value.place.column, value.key.line,
              value.key.column, children);
  if (const auto* a = std::get_if<Value::Array>(&value.v))
    for (const Value& v : *a) print(v, {});
  if (const auto* t = std::get_if<Value::Table>(&value.v))
    for (const auto& [k, v] : *t) print(v, k);
}

}  // namespace

int main(int argc, char** argv) {
  std::string table;
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i]);
    const std::string text{std::istreambuf_iterator<char>(file), {}}, path = argv[i];
    const auto slash = path.rfind('/') + 1;
    const std::string name = path.substr(slash, path.rfind('.') - slash);
    const auto tree = cordon::policy::read_toml(text, path);
    if (!file || !tree) return std::fprintf(stderr, "%s\n", tree ? ("cannot read " + path).c_str() : tree.error().sentence().c_str()), 1;
    std::printf("constexpr Node k_%s[] = {\n", name.c_str());
    print(*tree, {});
    std::printf("};\n");
    table += "  {\"" + name + "\", " + quoted(text) + ", k_" + name + "},\n";
  }
  std::printf("constexpr Preset kPresets[] = {\n%s};\n", table.c_str());
}
