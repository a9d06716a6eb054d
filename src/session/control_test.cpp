// SPDX-License-Identifier: Apache-2.0
#include "session/control.hpp"

#include <gtest/gtest.h>

#include "event/wire.hpp"

namespace cordon::session {
namespace {

TEST(Control, AStatusRoundTrips) {
  const auto packet = decode_packet(encode_outcome({7, 3}));
  ASSERT_TRUE(packet.has_value());
  const auto& outcome = std::get<Outcome>(*packet);
  EXPECT_EQ(outcome.status.value(), 7);
  EXPECT_EQ(outcome.events_lost, 3U);
}
TEST(Control, AnErrorRoundTripsInEveryPart) {
  const auto packet = decode_packet(encode_outcome({std::unexpected(Error{ErrorKind::impossible, "what", "remedy", 13, 126}), 0}));
  ASSERT_TRUE(packet.has_value());
  const Error& e = std::get<Outcome>(*packet).status.error();
  EXPECT_EQ(e.kind, ErrorKind::impossible);
  EXPECT_EQ(e.what, "what");
  EXPECT_EQ(e.remedy, "remedy");
  EXPECT_EQ(e.errno_value, 13);
  EXPECT_EQ(e.exit_status, 126);
}
TEST(Control, AnEventRoundTrips) {
  Event e;
  e.object = "o";
  const auto packet = decode_packet("E" + encode(e));
  ASSERT_TRUE(packet.has_value());
  EXPECT_EQ(std::get<Event>(*packet).object, "o");
}
TEST(Control, AnythingElseIsAnErrorAndNotATrap) {
  const std::string whole = encode_outcome({std::unexpected(Error{ErrorKind::refused, "a", "b", 0, 125}), 0});
  for (std::size_t n = 0; n < whole.size() - 2; ++n) EXPECT_FALSE(decode_packet(whole.substr(0, n)).has_value()) << n;
  EXPECT_FALSE(decode_packet("E").has_value());
  EXPECT_FALSE(decode_packet("?").has_value());
}

}  // namespace
}  // namespace cordon::session
