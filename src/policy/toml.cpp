// SPDX-License-Identifier: Apache-2.0
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "policy/nesting.hpp"
#include "policy/reader.hpp"

namespace cordon::policy {
namespace {

Place place(const toml::source_region& region) { return {region.begin.line, region.begin.column}; }

Result<Value> convert(const toml::node& node, const std::string& name) {
  Value out;
  out.place = out.key = place(node.source());
  if (const auto* b = node.as_boolean()) out.v = b->get();
  else if (const auto* i = node.as_integer()) out.v = i->get();
  else if (const auto* s = node.as_string()) out.v = s->get();
  else if (const auto* a = node.as_array()) {
    Value::Array list;
    list.reserve(a->size());
    for (const auto& element : *a) {
      auto e = convert(element, name);
      if (!e) return e;
      list.push_back(std::move(*e));
    }
    out.v = std::move(list);
  } else if (const auto* t = node.as_table()) {
    Value::Table table;
    for (const auto& [key, element] : *t) {
      auto e = convert(element, name);
      if (!e) return e;
      e->key = place(key.source());
      table.emplace(std::string(key.str()), std::move(*e));
    }
    out.v = std::move(table);
  } else {
    return error_at(name, out.place, "a number with a fraction, or a date, has no meaning in a policy",
                    "write a string, a whole number or a boolean");
  }
  return out;
}

}  // namespace

Result<Value> read_toml(std::string_view text, const std::string& name) {
  if (nests_too_deep(text, kMostNesting)) return refused("the policy " + printable(name) + " is nested too deeply", "a policy has three levels");
  if (const auto fault = unsafe_place(text)) {
    const auto line = text.substr(0, fault->at).rfind('\n') + 1;
    Place where{1, 1};
    for (const char c : text.substr(0, line)) where.line += c == '\n';
    for (const char c : text.substr(line, fault->at - line)) where.column += (c & 0xC0) != 0x80;
    return error_at(name, where, fault->what, fault->remedy);
  }
  const auto result = toml::parse(text, name);
  if (!result) {
    const auto& e = result.error();
    return error_at(name, place(e.source()), std::string(e.description()), "correct the TOML");
  }
  return convert(result.table(), name);
}

}  // namespace cordon::policy
