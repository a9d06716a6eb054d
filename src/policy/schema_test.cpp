// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "policy/reader.hpp"

namespace cordon {
namespace {

// The dotted names of all values that the schema describes.
void leaves(const nlohmann::json& node, const std::string& prefix, std::vector<std::string>& into) {
  const auto& object = node.contains("items") ? node["items"] : node;
  if (!object.contains("properties")) return into.push_back(prefix);
  EXPECT_EQ(object.value("additionalProperties", true), false) << prefix << " takes unknown keys";
  for (const auto& [key, value] : object["properties"].items()) leaves(value, prefix.empty() ? key : prefix + "." + key, into);
}

TEST(Schema, HasExactlyTheKeysThatTheReaderKnows) {
  std::vector<std::string> described, known;
  leaves(nlohmann::json::parse(policy_schema()), "", described);
  for (const auto key : policy::policy_keys()) known.emplace_back(key);
  std::ranges::sort(described);
  std::ranges::sort(known);
  EXPECT_EQ(described, known);
}

TEST(Schema, EveryWordOfItsEnumerationsIsAccepted) {
  const auto schema = nlohmann::json::parse(policy_schema());
  int words = 0;
  for (const auto& [table, node] : schema["properties"].items()) {
    const auto keys = node.value("properties", nlohmann::json::object());
    for (const auto& [key, value] : keys.items()) {
      const auto all = value.value("enum", nlohmann::json::array());
      for (const auto& word : all) {
        const auto p = parse_policy(nlohmann::json{{"version", 1}, {table, {{key, word}}}}.dump(), "p.json");
        EXPECT_TRUE(p) << table << "." << key << " = " << word;
        ++words;
      }
    }
  }
  EXPECT_GE(words, 8);
}

TEST(Schema, EveryReferenceIsDefined) {
  const auto schema = nlohmann::json::parse(policy_schema());
  const std::string text(policy_schema());
  int references = 0;
  for (auto at = text.find("#/$defs/"); at != std::string::npos; at = text.find("#/$defs/", at + 1), ++references)
    EXPECT_TRUE(schema["$defs"].contains(text.substr(at + 8, text.find('"', at) - at - 8)));
  EXPECT_GT(references, 10);
}

}  // namespace
}  // namespace cordon
