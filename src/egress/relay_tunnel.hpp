// SPDX-License-Identifier: Apache-2.0
// A tunnel as the relay keeps it: for relay.cpp, which knows when it begins and ends, and relay_pump.cpp, which moves its bytes.
#pragma once
#include "egress/relay.hpp"

namespace cordon::egress {

struct Relay::Direction {
  Tunnel* tunnel = nullptr;
  Stream* from = nullptr;
  Stream* to = nullptr;
  Pipe pipe;  // held only while it has bytes in it
  std::size_t in_pipe = 0;
  std::string copied;  // bytes that went through user space, to be sent before those in the pipe
  std::size_t copied_sent = 0;
  std::uint64_t bytes = 0;
  bool end_of_stream = false;
  bool done = false;                              // the end was passed on
  bool watched = false;                           // an operation waits for an error of `from`
  bool gated = false;                             // the gate wants to see what is read
  std::optional<std::list<Held>::iterator> held;  // by the gate: nothing goes on
};

struct Relay::Held {
  Direction* direction;
  Clock::time_point until;
};

struct Relay::Tunnel {
  Tunnel(Stream c, Stream t, Done d) : client(std::move(c)), target(std::move(t)), done(std::move(d)) {
    up.tunnel = down.tunnel = this;
    up.from = down.to = &client;
    up.to = down.from = &target;
  }
  Stream client, target;
  Direction up, down;
  Done done;
  std::unique_ptr<Gate> gate;  // of what goes up
  Clock::time_point active;
  Tunnels::iterator self;
  int operations = 0;  // that will still come back with a pointer to this
  bool open = true;
};

}  // namespace cordon::egress
