// SPDX-License-Identifier: Apache-2.0
// From the start of a tunnel to its end, and the two clocks that end one.
#include "egress/relay.hpp"

#include <utility>

#include "egress/relay_tunnel.hpp"

namespace cordon::egress {

Relay::Relay(asio::io_context& loop, Options options) : options_(options), idle_timer_(loop), hold_timer_(loop) {}
Relay::~Relay() = default;

void Relay::start(Stream client, Stream target, std::string to_target, std::string to_client, Done done, std::unique_ptr<Gate> gate) {
  Tunnel& t = tunnels_.emplace_back(std::move(client), std::move(target), std::move(done));
  t.self = std::prev(tunnels_.end());
  t.active = Clock::now();
  t.up.copied = std::move(to_target);
  t.down.copied = std::move(to_client);
  t.up.bytes = t.up.copied.size();
  t.down.bytes = t.down.copied.size();
  arm_idle_timer();
  if (gate) {
    t.gate = std::move(gate);
    t.up.gated = true;
    if (!obey(t.up, t.gate->look(t.up.copied))) return bury(t);
  }
  // Most tunnels have bytes at once in one direction at most: ask that one, wait for the other.
  const auto begin = [this](Direction& d) { d.copied.empty() || d.held ? wait(d, *d.from, Stream::wait_read) : pump(d); };
  begin(t.up);
  if (t.open) begin(t.down);
  if (!t.open) bury(t);
}

void Relay::close(Tunnel& t, Outcome outcome) {
  if (!t.open) return;
  t.open = false;
  if (t.up.held) held_.erase(*std::exchange(t.up.held, std::nullopt));
  Ended ended{outcome, t.up.bytes, t.down.bytes, std::nullopt};
  error_code ignored;
  if (outcome == Outcome::refused) {
    ended.up -= t.up.copied.size();
    t.client.cancel(ignored);
    ended.client.emplace(std::move(t.client));
  } else {
    t.client.close(ignored);
  }
  t.target.close(ignored);
  for (Direction* d : {&t.up, &t.down})
    if (d->in_pipe > 0) d->pipe = {};  // never to be lent again
  closed_.splice(closed_.end(), tunnels_, t.self);
  Done done = std::move(t.done);
  done(std::move(ended));
}

void Relay::bury(Tunnel& t) {
  if (t.operations == 0) closed_.erase(t.self);
}

void Relay::touch(Tunnel& t) {
  t.active = Clock::now();
  tunnels_.splice(tunnels_.end(), tunnels_, t.self);
}

// One timer for all: it sleeps until the tunnel that has been silent longest is due.
void Relay::arm_idle_timer() {
  if (idle_armed_ || tunnels_.empty()) return;
  idle_armed_ = true;
  idle_timer_.expires_at(tunnels_.front().active + options_.idle);
  idle_timer_.async_wait([this](const error_code& e) {
    if (e) return;
    idle_armed_ = false;
    while (!tunnels_.empty() && tunnels_.front().active + options_.idle <= Clock::now()) {
      Tunnel& t = tunnels_.front();
      close(t, Outcome::idle);
      bury(t);
    }
    arm_idle_timer();
  });
}

void Relay::arm_hold_timer() {
  if (hold_armed_ || held_.empty()) return;
  hold_armed_ = true;
  hold_timer_.expires_at(held_.front().until);
  hold_timer_.async_wait([this](const error_code& e) {
    if (e) return;
    hold_armed_ = false;
    while (!held_.empty() && held_.front().until <= Clock::now()) {
      Tunnel& t = *held_.front().direction->tunnel;
      t.gate->expired();
      close(t, Outcome::refused);
      bury(t);
    }
    arm_hold_timer();
  });
}

void Relay::stop() {
  idle_timer_.cancel();
  hold_timer_.cancel();
  idle_armed_ = hold_armed_ = false;
  while (!tunnels_.empty()) {
    Tunnel& t = tunnels_.front();
    close(t, Outcome::stopped);
    bury(t);
  }
}

std::string_view name(Relay::Outcome o) {
  switch (o) {
    case Relay::Outcome::closed: return "closed";
    case Relay::Outcome::reset_by_client: return "reset by client";
    case Relay::Outcome::reset_by_target: return "reset by target";
    case Relay::Outcome::idle: return "idle";
    case Relay::Outcome::stopped: return "stopped";
    case Relay::Outcome::refused: return "refused";
  }
  return "?";
}

}  // namespace cordon::egress
