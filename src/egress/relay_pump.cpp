// SPDX-License-Identifier: Apache-2.0
// The bytes of a tunnel, on their way in one direction: taken, shown to the gate, given.
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "egress/relay_tunnel.hpp"

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
  ssize_t n = 0;
  int error = 0;
  d.copied.resize_and_overwrite(had + kCopy, [&](char* bytes, std::size_t) {
    n = recv(d.from->native_handle(), bytes + had, kCopy, MSG_DONTWAIT);
    error = errno;
    return had + static_cast<std::size_t>(std::max<ssize_t>(n, 0));
  });
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

}  // namespace cordon::egress
