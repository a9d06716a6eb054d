// SPDX-License-Identifier: Apache-2.0
#include <cordon/events.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "event/wire.hpp"

namespace cordon {
namespace {

using std::string_literals::operator""s;

const std::string kBidi[] = {"\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202b",
                             "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"};

// Every scalar value up to U+FFFF.
std::string utf8(unsigned point) {
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xC0 | point >> 6), static_cast<char>(0x80 | (point & 0x3f))};
  return {static_cast<char>(0xE0 | point >> 12), static_cast<char>(0x80 | (point >> 6 & 0x3f)), static_cast<char>(0x80 | (point & 0x3f))};
}

bool drives(unsigned point) { return point < 0x20 || (point >= 0x7f && point < 0xa0) || std::ranges::find(kBidi, utf8(point)) != std::end(kBidi); }

TEST(Printable, ControlsAreShownAsBytes) {
  EXPECT_EQ(printable("a\x1b]0;title\x07\r\n\t"), "a\\x1b]0;title\\x07\\x0d\\x0a\\x09");
  EXPECT_EQ(printable("a\0b\x7f"s), "a\\x00b\\x7f");
  EXPECT_EQ(printable("\u009b31m"), "\\xc2\\x9b31m");
}
TEST(Printable, MarksOfWritingDirectionAreShownAsBytes) {
  EXPECT_EQ(printable("exe.\u202etxt"), "exe.\\xe2\\x80\\xaetxt");
  for (const std::string& mark : kBidi) EXPECT_EQ(printable(mark).find(mark), std::string::npos) << printable(mark);
}
TEST(Printable, TextOfAllLanguagesStays) {
  for (const std::string text : {"Grüße", "日本語", "\u05e9\u05dc\u05d5\u05dd", "😀", "a\u200db", "\u2027\u202f\u2065\u206a\ue000"})
    EXPECT_EQ(printable(text), text);
}
TEST(Printable, WhatIsNotUtf8IsShownAsBytes) {
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(printable("\xe0\x80\x80"), "\\xe0\\x80\\x80");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");                    // cut short
  EXPECT_EQ(printable("\xf0\x80\x80\x80"), "\\xf0\\x80\\x80\\x80");  // overlong
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(printable("\xf0\x9f\x98"), "\\xf0\\x9f\\x98");           // cut short
  EXPECT_EQ(printable("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80");
}
TEST(Printable, TwiceIsAsOnceAndNothingThatDrivesATerminalIsLeft) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    for (unsigned n = random() % 12; n-- > 0;) text += random() % 2 ? static_cast<char>(random()) : "\x1b\xc2\x9b\xe2\x80\xae\\"[random() % 7];
    const std::string shown = printable(text);
    ASSERT_EQ(printable(shown), shown);
    for (const char c : shown) ASSERT_FALSE(static_cast<unsigned char>(c) < 0x20 || c == 0x7f);
  }
}

TEST(JsonString, HidesWhatPrintableHidesAndNothingElse) {
  for (unsigned point = 0; point < 0x10000; ++point) {
    if (point >= 0xD800 && point < 0xE000) continue;
    const std::string c = utf8(point);
    char escaped[16];
    std::snprintf(escaped, sizeof escaped, "\"\\u%04x\"", point);
    const std::string plain = "\"" + (c == "\"" || c == "\\" ? "\\" + c : c) + "\"";
    ASSERT_EQ(json_string(c), drives(point) ? escaped : plain) << std::hex << point;
    ASSERT_EQ(printable(c) == c, !drives(point)) << std::hex << point;
  }
}
TEST(JsonString, BytesThatAreNotUtf8BecomeTheLoneSurrogatesOfPython) { EXPECT_EQ(json_string("a\xff\x80z"), "\"a\\udcff\\udc80z\""); }

TEST(EventLine, IsOneLineOfJsonWhateverTheCommandCalledItsFiles) {
  Event e{EventKind::file_write,
          Decision::denied,
          "/p/\n{\"kind\":\"exit\"}\x1b[2J\u202e",
          "deny_write \"a\"",
          42,
          "/bin/\x07",
          "--allow-write x",
          {},
          1};
  e.extra = {{"now", json_string("b\n")}};
  const std::string line = to_json(e);
  EXPECT_EQ(
      line,
      "{\"time\":\"1970-01-01T00:00:00.000000Z\",\"kind\":\"file.write\",\"decision\":\"denied\",\"object\":\"/p/\\u000a{\\\"kind\\\":\\\"exit\\\"}"
      "\\u001b[2J\\u202e\",\"rule\":\"deny_write \\\"a\\\"\",\"pid\":42,\"exe\":\"/bin/\\u0007\",\"hint\":\"--allow-write x\",\"now\":\"b\\u000a\"}");
  EXPECT_TRUE(is_json_value(line));
  EXPECT_EQ(printable(line), line);
}
TEST(EventLine, TheTimeIsRfc3339WithMicroseconds) {
  Event e;
  e.time_ns = 1'700'000'000'123'456'789;
  EXPECT_NE(to_json(e).find("\"time\":\"2023-11-14T22:13:20.123456Z\""), std::string::npos) << to_json(e);
  e.time_ns = 0;
  EXPECT_EQ(to_json(e).find("\"time\":\"1970"), std::string::npos) << "0 means now";
}
TEST(EventLine, EachKindHasAName) {
  const char* const names[] = {"file.read", "file.write", "net.connect", "net.dns", "exec", "syscall", "limit", "start", "exit"};
  for (int kind = 0; kind < 9; ++kind) EXPECT_EQ(name(static_cast<EventKind>(kind)), names[kind]);
  EXPECT_EQ(name(static_cast<EventKind>(99)), "?");
  EXPECT_EQ(name(Decision::allowed), "allowed");
}

}  // namespace
}  // namespace cordon
