// SPDX-License-Identifier: Apache-2.0
// Rows U4.4 to U4.8 of the upstream contract, as far as they are about bytes.
#include "egress/connect_response.hpp"

#include <gtest/gtest.h>

#include "egress/test_table.hpp"

namespace cordon::egress {
namespace {

struct Outcome {
  std::string verdict;   // in the words of the table
  std::string leftover;  // what was not taken
};

// Feeds the pieces as a socket would: what was not taken is offered no more.
Outcome outcome(const std::vector<std::string_view>& pieces, bool closes) {
  ConnectResponse head;
  std::string leftover;
  for (const auto piece : pieces) leftover += piece.substr(head.feed(piece));
  if (head.wants_more()) return {closes ? "error:closed" : "error:timeout", leftover};
  if (head.too_large()) return {"error:too_large", leftover};
  const auto status = head.status();
  if (!status) return {"error:malformed", leftover};
  return {(*status / 100 == 2 ? "ok " : "error:status ") + std::to_string(*status), leftover};
}

std::string head_of(std::string_view bytes) { return outcome({bytes}, false).verdict; }

TEST(ConnectResponse, U4_4_AnyStatusFrom200To299IsSuccess) {
  for (int status = 0; status < 1000; ++status) {
    char line[64];
    std::snprintf(line, sizeof line, "HTTP/1.1 %03d x\r\n\r\n", status);
    EXPECT_EQ(head_of(line), (status >= 200 && status < 300 ? "ok " : "error:status ") + std::to_string(status));
  }
}

TEST(ConnectResponse, U4_5_NotOneByteBehindTheEmptyLineIsTaken) {
  ConnectResponse head;
  EXPECT_EQ(head.feed("HTTP/1.1 200 OK\r\n\r\n\r\nrest"), 19U);
  EXPECT_TRUE(head.complete());
  EXPECT_EQ(head.feed("more"), 0U);
}

TEST(ConnectResponse, U4_6_TheHeadEndsAtAnyEmptyLine) {
  for (const char* end : {"\r\n\r\n", "\n\n", "\r\n\n", "\n\r\n"}) EXPECT_EQ(head_of(std::string("HTTP/1.1 200 OK") + end), "ok 200");
  for (const char* no_end : {"\r\n", "\r\n\r", "\r\r", "\n \n", "\n\r\r\n"})
    EXPECT_EQ(head_of(std::string("HTTP/1.1 200 OK") + no_end), "error:timeout");
}

TEST(ConnectResponse, U4_7_8192BytesAreEnoughWithAnEndAndTooManyWithout) {
  const std::string start = "HTTP/1.1 200 OK\r\nX: ";
  const auto sized = [&](std::size_t size) { return start + std::string(size - start.size() - 4, 'a') + "\r\n\r\n"; };
  EXPECT_EQ(head_of(sized(8192)), "ok 200");
  EXPECT_EQ(head_of(sized(8193)), "error:too_large");
  ConnectResponse head;
  EXPECT_EQ(head.feed(std::string(8191, 'a')), 8191U);
  EXPECT_TRUE(head.wants_more());
  EXPECT_EQ(head.feed("aa"), 1U);
  EXPECT_TRUE(head.too_large());
}

TEST(ConnectResponse, U4_8_ABadStatusLineIsShownEscaped) {
  const auto shown = [](std::string_view bytes) {
    ConnectResponse head;
    head.feed(bytes);
    const auto status = head.status();
    return status ? "none" : status.error();
  };
  EXPECT_EQ(shown("SSH-2.0-x\x1b[31m\r\nHello\r\n\r\n"), "SSH-2.0-x\\x1b[31m");
  EXPECT_EQ(shown("HTTP/1.1 200 \xff\n\n"), "HTTP/1.1 200 \\xff");
  EXPECT_EQ(shown("\r\n\r\n"), "");
  EXPECT_EQ(shown("HTTP/1.1 200\r\n\r\n"), "none");
}

TEST(ConnectResponse, U4_8_TheStatusLineIsUtf8) {
  for (const char* good : {"d\xc3\xa9j\xc3\xa0", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(head_of("HTTP/1.1 200 " + std::string(good) + "\n\n"), "ok 200");
  for (const char* bad :
       {"\xe9", "\xc0\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xc3", "\xf5\x80\x80\x80", "\x80"})
    EXPECT_EQ(head_of("HTTP/1.1 200 " + std::string(bad) + "\n\n"), "error:malformed");
  EXPECT_EQ(head_of("HTTP/1.1 200 OK\r\nX: \xff\r\n\r\n"), "ok 200") << "only the status line";
}

TEST(ConnectResponse, U4_TheOracleTableHoweverItIsCut) {
  for (const Row& row : read_table("tests/oracle/connect_response.tsv")) {
    std::string raw = row.raw("raw");
    if (const auto pad = raw.find("\\P"); pad != std::string::npos) raw.replace(pad, 2, std::string(std::stoul(row["pad"]), 'a'));
    const std::string bytes = unescape(raw);
    const bool closes = row["end"] == "close";
    std::string expected = row["outcome"];
    if (!row["status"].empty()) expected += " " + std::to_string(std::stoi(row["status"]));
    const auto check = [&](const std::vector<std::string_view>& pieces, const std::string& how) {
      const auto found = outcome(pieces, closes);
      EXPECT_EQ(found.verdict, expected) << "line " << row.line << ", " << how;
      if (expected.starts_with("ok")) {
        EXPECT_EQ(found.leftover, row["leftover"]) << "line " << row.line << ", " << how;
      }
    };
    const std::string_view view = bytes;
    check({view}, "whole");
    std::vector<std::string_view> each;
    for (std::size_t i = 0; i < view.size(); ++i) each.push_back(view.substr(i, 1));
    check(each, "byte by byte");
    for (std::size_t i = 0; i <= view.size(); ++i) check({view.substr(0, i), view.substr(i)}, "cut at " + std::to_string(i));
  }
}

}  // namespace
}  // namespace cordon::egress
