// SPDX-License-Identifier: Apache-2.0
// Rows U3 of the upstream contract.
#include "egress/no_proxy.hpp"

#include <gmock/gmock.h>

#include "egress/test_table.hpp"

namespace cordon::egress {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(NoProxy, U3_1_CommasSplitAndBlanksAndLeadingDotsAreCut) {
  EXPECT_THAT(NoProxy(" .example.com, internal.corp ,, *").entries(), ElementsAre("example.com", "internal.corp", "*"));
  EXPECT_THAT(NoProxy("\t\v..a.b \r\n").entries(), ElementsAre("a.b"));
  EXPECT_THAT(NoProxy(" , .,..,\f").entries(), IsEmpty());
}

TEST(NoProxy, U3_2_AnEntryMatchesItselfAndWhatIsBelowIt) {
  const NoProxy list("example.com");
  EXPECT_TRUE(list.matches("example.com"));
  EXPECT_TRUE(list.matches("a.b.c.example.com"));
  EXPECT_FALSE(list.matches("evilexample.com"));
  EXPECT_FALSE(list.matches("example.com.evil"));
}

TEST(NoProxy, U3_3_AStarMatchesEveryHost) {
  for (const char* host : {"example.com", "10.0.0.1", "[::1]", "a"}) EXPECT_TRUE(NoProxy("x, *").matches(host)) << host;
}

TEST(NoProxy, U3_4_AnEmptyListMatchesNothing) {
  for (const char* list : {"", " ", ",", " , . "})
    for (const char* host : {"example.com", "127.0.0.1", "[::1]", "localhost", ""}) EXPECT_FALSE(NoProxy(list).matches(host)) << list << "|" << host;
}

TEST(NoProxy, U3_5_CaseOneTrailingDotAndTheSpellingOfAnIPv6AddressDoNotMatter) {
  EXPECT_TRUE(NoProxy("Example.COM").matches("WWW.eXample.com."));
  EXPECT_FALSE(NoProxy("example.com..").matches("example.com"));
  EXPECT_TRUE(NoProxy("2001:DB8:0::1").matches("[2001:db8::1]"));
  EXPECT_TRUE(NoProxy("[::1]").matches("0:0:0:0:0:0:0:1"));
  EXPECT_FALSE(NoProxy("1").matches("[::1]"));
  EXPECT_FALSE(NoProxy("fe80::1%lo").matches("[fe80::1%lo]"));
}

TEST(NoProxy, U3_6_ABlankInsideMakesAnEntryThatMatchesNothing) {
  const NoProxy list("a.com b.com, . c.com");
  for (const char* host : {"a.com", "b.com", "c.com"}) EXPECT_FALSE(list.matches(host)) << host;
  EXPECT_TRUE(NoProxy(".*").matches("anything"));
}

TEST(NoProxy, U3_TheOracleTable) {
  for (const Row& row : read_table("tests/oracle/no_proxy.tsv"))
    EXPECT_EQ(NoProxy(row["no_proxy"]).matches(row["host"]), row["cordon"] == "yes")
        << "line " << row.line << ": " << row.raw("no_proxy") << " and " << row["host"];
}

}  // namespace
}  // namespace cordon::egress
