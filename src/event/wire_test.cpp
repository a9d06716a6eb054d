// SPDX-License-Identifier: Apache-2.0
#include "event/wire.hpp"

#include <gtest/gtest.h>

#include <random>

namespace cordon {
namespace {

Event sample() {
  return {EventKind::net_connect,
          Decision::denied,
          std::string("evil\0\n\xff.example:443", 19),
          "default",
          -7,
          "/usr/bin/curl",
          "--allow-host x",
          {{"sni", "\"a\\u0000\""}, {"bytes_out", "12"}, {"addresses", "[\"192.0.2.1\", {\"a\":[true,null,-1.5e+3]}]"}},
          1234567890123456789};
}

TEST(Wire, AnEventComesBackAsItWas) {
  const auto back = decode(encode(sample()));
  ASSERT_TRUE(back) << back.error().sentence();
  EXPECT_EQ(to_json(*back), to_json(sample()));
}

TEST(Wire, ATimeOfZeroIsStampedBySender) {
  Event e = sample();
  e.time_ns = 0;
  EXPECT_GT(decode(encode(e))->time_ns, 1'600'000'000'000'000'000);
}

TEST(Wire, TheLargestEventFitsIntoAPacketAndSaysWhatWasCut) {
  Event e = sample();
  e.object = e.rule = e.exe = e.hint = std::string(100'000, 'x');
  e.extra.clear();
  for (char c = 'a'; c <= 'z'; ++c) e.extra.emplace_back(std::string(5, c), json_string(std::string(4000, 'y')));
  const auto bytes = encode(e);
  EXPECT_LE(bytes.size(), kMostEventBytes);
  const auto back = decode(bytes);
  ASSERT_TRUE(back) << back.error().sentence();
  EXPECT_EQ(back->object.size(), 8192U);
  EXPECT_TRUE(back->object.ends_with("x..."));
  EXPECT_GE(back->extra.size(), 6U);
  EXPECT_LT(back->extra.size(), 26U);
}

TEST(Wire, WhatWouldSpoilTheStreamIsRefused) {
  const auto with = [](const std::string& key, const std::string& value) {
    std::string bytes = encode(Event{});
    for (const auto& s : {key, value}) (bytes += {static_cast<char>(s.size() >> 8), static_cast<char>(s.size())}) += s;
    return decode(bytes);
  };
  EXPECT_TRUE(with("sni", "\"ok\""));
  EXPECT_FALSE(with("decision", "\"allowed\"")) << "a stable key";
  EXPECT_FALSE(with("sni\"", "1"));
  EXPECT_FALSE(with("", "1"));
  EXPECT_FALSE(with(std::string(33, 'a'), "1"));
  for (const char* value : {"", "1}\n{", "\"a\nb\"", "1,\"kind\":2", "\"a", "[1", "{\"a\"}", "01", "1.", "nul", "[[[[[[[[[[1]]]]]]]]]]", "\"\\x\"",
                            "\"\\u12g4\"", "{1:2}", "[1,]", "-", "1e", "\n1"})
    EXPECT_FALSE(with("sni", value)) << value;
  for (const char* value : {"0", "-0", "1e9", "[]", "{}", " [ 1 , 2 ] ", "{\"a\":{\"b\":[]}}", "\"\\\"\\\\\\u00fF\"", "false"})
    EXPECT_TRUE(with("sni", value)) << value;
}

TEST(Wire, ADuplicateKeyIsRefused) {
  Event e;
  e.extra = {{"sni", "1"}};
  const auto bytes = encode(e), tail = bytes.substr(bytes.size() - 8);
  EXPECT_TRUE(decode(bytes));
  EXPECT_FALSE(decode(bytes + tail));
}

TEST(Wire, EveryPrefixIsRefusedOrAnEventOfItsOwn) {
  const auto bytes = encode(sample());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto back = decode(bytes.substr(0, n));
    EXPECT_LT(back ? back->extra.size() : 0, 3U) << n;
  }
  EXPECT_FALSE(decode(bytes.substr(0, bytes.size() - 1)));
  EXPECT_FALSE(decode(bytes + "x"));
}

TEST(Wire, DamagedBytesNeverGiveALineThatIsNotJson) {
  std::mt19937 random(7);
  const auto good = encode(sample());
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (const auto e = decode(bytes)) {
      ++accepted;
      const std::string line = to_json(*e);
      ASSERT_TRUE(is_json_value(line)) << line;
    }
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace cordon
