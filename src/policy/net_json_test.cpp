// SPDX-License-Identifier: Apache-2.0
#include "policy/net_json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace cordon::policy {
namespace {

TEST(NetJson, WhatEgressNeedsComesBackWithItsOrigins) {
  NetPolicy net;
  net.mode = NetMode::filtered;
  net.allow = {{"a.test", {"policy \"x\".toml", 4, 10}, false}, {"*.b.test:443", {"--allow-host", 0, 0}, false}};
  net.deny = {{"c.a.test", {"preset safe", 2, 1}, false}};
  net.upstream = "http://proxy.corp:8080";
  net.sni_check = false;
  net.private_addresses = true;
  net.route = {{"a.test", "unix:/run/with \"quotes\"\\"}};
  const std::string text = net_to_json(net);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const NetPolicy back = net_from_json(nlohmann::json::parse(text));
  EXPECT_EQ(back, net);
  EXPECT_EQ(back.allow[0].origin.text(), "policy \"x\".toml:4:10");
  EXPECT_EQ(back.allow[1].origin.text(), "--allow-host");
  EXPECT_EQ(back.deny[0].origin.text(), "preset safe:2:1");
}

TEST(NetJson, SomethingElseIsRefused) {
  for (const char* bad : {"{}", "[]", R"({"allow":[["a"]],"deny":[]})", R"({"allow":"*","deny":[],"upstream":"env"})"})
    EXPECT_THROW((void)net_from_json(nlohmann::json::parse(bad)), nlohmann::json::exception) << bad;
}

}  // namespace
}  // namespace cordon::policy
