// SPDX-License-Identifier: Apache-2.0
// The relay by itself, where a tunnel's clock can be short. Through the real proxy: tests/egress/tunnels.py.
#include "egress/relay.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace cordon::egress {
namespace {

using namespace std::chrono_literals;

// One end for the relay, the other for the test.
struct Ends {
  explicit Ends(asio::io_context& loop) : ours(loop) {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) throw std::runtime_error("no socket pair");
    ours.assign(asio::generic::stream_protocol(AF_UNIX, 0), fds[0]);
    peer = Fd(fds[1]);
  }
  Stream ours;
  Fd peer;
};

struct Case {
  Case(asio::io_context& loop, Relay& relay) : client(loop), target(loop) {
    relay.start(std::move(client.ours), std::move(target.ours), "", "", [this](Relay::Ended e) { outcome = e.outcome; });
  }
  Ends client, target;
  std::optional<Relay::Outcome> outcome;
};

TEST(Relay, SilenceInBothDirectionsEndsATunnelAndTrafficInEitherKeepsIt) {
  asio::io_context loop(1);
  Relay relay(loop, {.idle = 3s, .hold = 10s});
  Case silent(loop, relay), down(loop, relay), up(loop, relay);
  const auto give_up = Clock::now() + 60s;
  const auto turn = [&](std::chrono::milliseconds most) {
    loop.run_for(most);
    loop.restart();
  };
  const auto pass = [](const Fd& from, const Fd& to) {
    char bytes[64];
    (void)send(from.get(), "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)recv(to.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  };
  while (!silent.outcome && Clock::now() < give_up) {
    pass(down.target.peer, down.client.peer);
    pass(up.client.peer, up.target.peer);
    turn(1ms);
  }
  EXPECT_EQ(silent.outcome, Relay::Outcome::idle);
  EXPECT_FALSE(down.outcome.has_value());
  EXPECT_FALSE(up.outcome.has_value());
  while (!(down.outcome && up.outcome) && Clock::now() < give_up) turn(10ms);
  EXPECT_EQ(down.outcome, Relay::Outcome::idle);
  EXPECT_EQ(up.outcome, Relay::Outcome::idle);
}

TEST(Relay, AStopEndsEachTunnelBeforeItReturns) {
  asio::io_context loop(1);
  Relay relay(loop, {});
  Case first(loop, relay), second(loop, relay);
  loop.poll();
  relay.stop();
  EXPECT_EQ(first.outcome, Relay::Outcome::stopped);
  EXPECT_EQ(second.outcome, Relay::Outcome::stopped);
  loop.restart();
  loop.poll();  // what was pending comes back, and finds nothing
}

}  // namespace
}  // namespace cordon::egress
