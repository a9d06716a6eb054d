// SPDX-License-Identifier: Apache-2.0
#include "launch/tally.hpp"

#include <gtest/gtest.h>

namespace cordon::launch {
namespace {

Event denial(const std::string& object, EventKind kind = EventKind::syscall) {
  Event e;
  e.kind = kind;
  e.decision = Decision::denied;
  e.object = object;
  return e;
}

struct TallyTest : testing::Test {
  std::vector<Event> told;
  int completed = 0;
  Tally tally{[this](const Event& e) { told.push_back(e); }};
  void add(const Event& e) {
    tally.add(e, [this](Event& event) { event.pid = ++completed; });
  }
};

TEST_F(TallyTest, TheFirstOfAKindAreToldOneByOneAndTheOthersAsANumber) {
  for (int i = 0; i < 10; ++i) add(denial("bpf"));
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(completed, 3) << "what is only counted costs nothing";
  EXPECT_EQ(told[2].pid, 3);
  tally.flush();
  ASSERT_EQ(told.size(), 4U);
  EXPECT_EQ(told[3].object, "bpf");
  ASSERT_EQ(told[3].extra.size(), 1U);
  EXPECT_EQ(told[3].extra[0], (std::pair<std::string, std::string>("repeated", "7")));
}
TEST_F(TallyTest, KindsAndObjectsAreToldApart) {
  for (int i = 0; i < 3; ++i) {
    add(denial("a"));
    add(denial("b"));
    add(denial("a", EventKind::net_connect));
  }
  EXPECT_EQ(told.size(), 9U);
  tally.flush();
  EXPECT_EQ(told.size(), 9U) << "nothing was only counted";
}
TEST_F(TallyTest, WhatWasCountedIsToldOnce) {
  for (int i = 0; i < 5; ++i) add(denial("bpf"));
  tally.flush();
  tally.flush();
  EXPECT_EQ(told.size(), 4U);
}
TEST_F(TallyTest, AFloodOfKindsIsOneNumber) {
  for (int i = 0; i < 1500; ++i) add(denial(std::to_string(i)));
  EXPECT_EQ(told.size(), 1000U);
  add(denial("7"));
  EXPECT_EQ(told.size(), 1001U) << "a kind that is known is told";
  tally.flush();
  ASSERT_EQ(told.size(), 1002U);
  EXPECT_EQ(told.back().object, "others");
  EXPECT_EQ(told.back().extra[0].second, "500");
  tally.flush();
  EXPECT_EQ(told.size(), 1002U);
}

}  // namespace
}  // namespace cordon::launch
