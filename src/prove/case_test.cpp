// SPDX-License-Identifier: Apache-2.0
#include "prove/case.hpp"

#include <gtest/gtest.h>

#include <set>

namespace cordon::prove {
namespace {

constexpr const char* kGood = "# a title\n# source: a\n# contained: b\n# needs: git root\n== attack\ntrue\n== escaped\nfalse\n";

TEST(Case, AFileIsReadIntoItsParts) {
  const auto c = parse_case(kGood);
  ASSERT_TRUE(c);
  EXPECT_EQ(c->title, "a title");
  EXPECT_EQ(c->needs, (std::vector<std::string>{"git", "root"}));
  EXPECT_EQ(c->attack, "true\n");
  EXPECT_EQ(c->launch, "\"$@\"");
}

TEST(Case, WhatProvesNothingIsRefused) {
  EXPECT_FALSE(parse_case("# a title\n# source: a\n# contained: b\n== attack\ntrue\n"));
  EXPECT_FALSE(parse_case("# a title\n# contained: b\n== attack\ntrue\n== escaped\nfalse\n"));
  EXPECT_FALSE(parse_case("# a title\n# source: a\n# contained: b\n# colour: red\n== attack\ntrue\n== escaped\nfalse\n"));
  EXPECT_FALSE(parse_case("# a title\n# source: a\n# contained: b\n== assault\ntrue\n"));
}

TEST(Case, AControlThatWouldSignalForeignProcessesIsRefused) {
  for (const char* line : {"kill -9 -1", "true; kill -KILL -1; true", "pkill x", "killall x", "kill -9 1"})
    EXPECT_FALSE(parse_case("# a\n# source: a\n# contained: b\n== attack\n" + std::string(line) + "\n== escaped\nfalse\n")) << line;
  EXPECT_TRUE(parse_case("# a\n# source: a\n# contained: b\n== attack\nkill -9 $PPID\n== escaped\nfalse\n"));
}

TEST(Case, TheAttacksAreAtLeast120OfEightClasses) {
  const auto all = load_cases(CORDON_SOURCE_DIR "/tests/attack/cases");
  ASSERT_TRUE(all) << all.error().sentence();
  EXPECT_GE(all->size(), 120U);
  std::set<std::string> groups, titles;
  for (const Case& c : *all) {
    groups.insert(c.group);
    EXPECT_TRUE(titles.insert(c.title).second) << "twice: " << c.title;
  }
  EXPECT_GE(groups.size(), 8U);
}

}  // namespace
}  // namespace cordon::prove
