// SPDX-License-Identifier: Apache-2.0
#include "egress/relay.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace cordon::egress {
namespace {

using asio::socket_base;

constexpr std::size_t kMost = 1 << 20;       // of one splice: what a pipe of the pool holds
constexpr std::size_t kDrained = 64 * 1024;  // a shorter read took all there was: waiting costs less than asking again
constexpr std::size_t kCopy = 16 * 1024;     // at a time, when there is no descriptor left for a pipe
constexpr int kTurns = 8;                    // then other tunnels have theirs

bool would_block() { return errno == EAGAIN || errno == EINTR; }

// Closing then sends a reset: the peer must not take what it got for a whole stream.
void reset_on_close(Stream& s) {
  const linger now{1, 0};
  setsockopt(s.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace

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

// The handler of every wait: two words, so that Asio's operation stays small.
struct Relay::Wake {
  Relay* relay;
  Direction* direction;
  socket_base::wait_type what;
  void operator()(const error_code&) const {
    Tunnel& t = *direction->tunnel;
    --t.operations;
    if (t.open) relay->woken(*direction, what);
    if (!t.open) relay->bury(t);
  }
};

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
  const auto begin = [this](Direction& d) { d.copied.empty() || d.held ? wait(d, *d.from, socket_base::wait_read) : pump(d); };
  begin(t.up);
  if (t.open) begin(t.down);
  if (!t.open) bury(t);
}

void Relay::pump(Direction& d) {
  for (int turn = 0; turn < kTurns; ++turn) {
    if (!d.held && !flush(d)) return;
    if (d.end_of_stream) return ended_reading(d);
    const long n = fill(d);
    if (n < 0) return would_block() ? wait(d, *d.from, socket_base::wait_read) : reset(d, false);
    if (n == 0) d.end_of_stream = true;
    d.bytes += static_cast<std::uint64_t>(n);
    touch(*d.tunnel);
    if (d.gated) {
      Gate& gate = *d.tunnel->gate;
      const auto fresh = static_cast<std::size_t>(n);
      if (!obey(d, n == 0 ? gate.end() : gate.look(std::string_view(d.copied).substr(d.copied.size() - fresh)))) return;
    }
    if (n > 0 && static_cast<std::size_t>(n) < kDrained) break;
  }
  if (d.held || flush(d)) wait(d, *d.from, socket_base::wait_read);
}

// False: the tunnel is closed.
bool Relay::obey(Direction& d, Gate::Answer answer) {
  if (answer == Gate::Answer::hold) {
    if (!d.held) d.held = held_.insert(held_.end(), {&d, Clock::now() + options_.hold});
    arm_hold_timer();
    return true;
  }
  if (answer == Gate::Answer::refuse) {
    close(*d.tunnel, Outcome::refused);
    return false;
  }
  if (d.held) held_.erase(*std::exchange(d.held, std::nullopt));
  d.gated = answer != Gate::Answer::open;
  if (!d.gated) d.tunnel->gate.reset();
  return true;
}

// Takes what `from` has; a result as of read(2).
long Relay::fill(Direction& d) {
  if (!d.pipe && !d.gated) d.pipe = pipes_.borrow();
  if (d.pipe) {
    const ssize_t n = splice(d.from->native_handle(), nullptr, d.pipe.write_end.get(), nullptr, kMost, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n > 0) d.in_pipe = static_cast<std::size_t>(n);
    else pipes_.give_back(std::exchange(d.pipe, {}));
    return n;
  }
  const std::size_t had = d.copied.size();  // what is held
  d.copied.resize(had + kCopy);
  const ssize_t n = recv(d.from->native_handle(), d.copied.data() + had, kCopy, MSG_DONTWAIT);
  const int error = errno;
  d.copied.resize(had + (n > 0 ? static_cast<std::size_t>(n) : 0));
  if (d.copied.empty()) d.copied = std::string();
  errno = error;
  return n;
}

// Gives `to` what was taken. False if that is not done: then an operation waits, or the tunnel is closed.
bool Relay::flush(Direction& d) {
  const auto blocked = [&] {
    if (!would_block()) {
      reset(d, true);
      return false;
    }
    wait(d, *d.to, socket_base::wait_write);
    watch(d);
    return false;
  };
  while (d.copied_sent < d.copied.size()) {
    const ssize_t n = send(d.to->native_handle(), d.copied.data() + d.copied_sent, d.copied.size() - d.copied_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return blocked();
    d.copied_sent += static_cast<std::size_t>(n);
    touch(*d.tunnel);
  }
  if (!d.copied.empty()) d.copied = std::string();
  d.copied_sent = 0;
  while (d.in_pipe > 0) {
    const ssize_t n = splice(d.pipe.read_end.get(), nullptr, d.to->native_handle(), nullptr, d.in_pipe, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n < 0) return blocked();
    d.in_pipe -= static_cast<std::size_t>(n);
    touch(*d.tunnel);
  }
  if (d.pipe) pipes_.give_back(std::exchange(d.pipe, {}));
  return true;
}

void Relay::ended_reading(Direction& d) {
  if (d.done) return;
  d.done = true;
  Tunnel& t = *d.tunnel;
  if (t.up.done && t.down.done) return close(t, Outcome::closed);
  shutdown(d.to->native_handle(), SHUT_WR);
  watch(d);
}

void Relay::wait(Direction& d, Stream& on, socket_base::wait_type what) {
  ++d.tunnel->operations;
  on.async_wait(what, Wake{this, &d, what});
}

// Nobody reads from `from` for now; its reset must be seen all the same.
void Relay::watch(Direction& d) {
  if (d.watched || !d.tunnel->open) return;
  d.watched = true;
  wait(d, *d.from, socket_base::wait_error);
}

void Relay::woken(Direction& d, socket_base::wait_type what) {
  if (what != socket_base::wait_error) return pump(d);
  d.watched = false;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(d.from->native_handle(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) reset(d, false);
}

// One side broke the connection: while reading from it, or while writing to it. What it still gave goes on first.
void Relay::reset(Direction& d, bool writing) {
  Tunnel& t = *d.tunnel;
  Direction& other = &d == &t.up ? t.down : t.up;
  Stream& alive = writing ? *d.from : *d.to;
  if (writing && !other.done && other.in_pipe == 0 && other.copied.empty()) {
    const long n = fill(other);
    if (n > 0) other.bytes += static_cast<std::uint64_t>(n);
    if (other.in_pipe > 0)
      (void)splice(other.pipe.read_end.get(), nullptr, other.to->native_handle(), nullptr, other.in_pipe, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  }
  reset_on_close(alive);
  close(t, &alive == &t.target ? Outcome::reset_by_client : Outcome::reset_by_target);
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
