// SPDX-License-Identifier: Apache-2.0
#include "egress/address.hpp"

#include <gmock/gmock.h>

namespace cordon::egress {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> inside(std::string_view text) {
  std::vector<std::string> found;
  for (const auto& a : embedded_ipv4(policy::parse_address(text).value())) found.push_back(a.text());
  return found;
}

TEST(EmbeddedIpv4, EveryFormGivesWhatItCarries) {
  EXPECT_THAT(inside("::10.0.0.1"), ElementsAre("10.0.0.1"));
  EXPECT_THAT(inside("64:ff9b::169.254.169.254"), ElementsAre("169.254.169.254"));
  EXPECT_THAT(inside("64:ff9b:1::10.0.0.1"), testing::Contains("10.0.0.1")) << "RFC 8215 with a /96";
  EXPECT_THAT(inside("64:ff9b:1:a9fe:a9:fe00::"), testing::Contains("169.254.169.254")) << "and with its /48";
  EXPECT_THAT(inside("2002:a00:1::1"), ElementsAre("10.0.0.1"));
  EXPECT_THAT(inside("2001:0:808:808:0:0:f5ff:fffe"), ElementsAre("8.8.8.8", "10.0.0.1"));
  EXPECT_THAT(inside("fe80::5efe:10.0.0.1"), ElementsAre("10.0.0.1"));
  EXPECT_THAT(inside("2606:2800::200:5efe:127.0.0.1"), ElementsAre("127.0.0.1"));
}

TEST(EmbeddedIpv4, OtherAddressesCarryNone) {
  for (const char* plain : {"8.8.8.8", "::ffff:10.0.0.1", "::", "::1", "2606:2800::1", "fd00::1", "64:ff9b:2::a00:1",
                            "2003:a00:1::", "2001:db8::a00:1", "2606:2800::100:5efe:a00:1"})
    EXPECT_THAT(inside(plain), IsEmpty()) << plain;
}

TEST(SpecialName, LocalhostAndMetadataServersAreKnownByName) {
  EXPECT_EQ(special_name("localhost"), "loopback");
  EXPECT_EQ(special_name("a.b.localhost"), "loopback");
  EXPECT_EQ(special_name("metadata.google.internal"), "metadata");
  for (const char* plain : {"", "example.com", "notlocalhost", "localhost.example.com", "a.metadata.google.internal"})
    EXPECT_EQ(special_name(plain), "") << plain;
}

}  // namespace
}  // namespace cordon::egress
