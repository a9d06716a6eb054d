// SPDX-License-Identifier: Apache-2.0
// Established tunnels: bytes go from socket to socket by splice(2), never through user space.
//
//   Relay relay(loop, {.idle = std::chrono::minutes(5)});
//   relay.start(std::move(client), std::move(target), first_bytes, {}, [](Relay::Ended e) { log(e.up, e.down); });
//
// What a peer does reaches the other one: end of stream as a half-close, in both directions; a reset as a reset; a
// reader that is slow as back-pressure. An idle tunnel costs two descriptors and this object: no coroutine frame, buffer or pipe.
#pragma once
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "egress/net.hpp"
#include "egress/pipes.hpp"

namespace cordon::egress {

class Relay {
 public:
  struct Options {
    /// Silence in BOTH directions after which a tunnel is closed. There is no limit on its whole life.
    std::chrono::milliseconds idle = std::chrono::minutes(5);
    std::chrono::milliseconds hold = std::chrono::seconds(10);  ///< of the first bytes, at a gate
  };
  enum class Outcome { closed, reset_by_client, reset_by_target, idle, stopped, refused };
  struct Ended {
    Outcome outcome = Outcome::closed;
    std::uint64_t up = 0, down = 0;  ///< bytes that client and target gave to the other one
    std::optional<Stream> client;    ///< still open if the gate refused: it may be told why
  };
  using Done = std::move_only_function<void(Ended)>;

  /// Looks at what the client says first, on its way; until it says `open`.
  class Gate {
   public:
    enum class Answer {
      hold,    ///< they wait for more, at most Options::hold
      pass,    ///< what has come goes on; what comes next is shown, too
      open,    ///< they go on, and all others
      refuse,  ///< not one of those that are held goes on, and the tunnel ends
    };
    virtual ~Gate() = default;
    /// Once at the start, perhaps with nothing; then with what is new.
    virtual Answer look(std::string_view bytes) = 0;
    /// The end of the client's stream: `open` or `refuse`.
    virtual Answer end() = 0;
    /// They were held too long: refused.
    virtual void expired() = 0;
  };

  Relay(asio::io_context& loop, Options options);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay();

  /// Both streams are non-blocking: splice(2) would wait for a socket that is not. `to_target` and `to_client` were read from the
  /// other side before the tunnel stood, and go first. `done` is called once; the gate lives as long.
  void start(Stream client, Stream target, std::string to_target, std::string to_client, Done done, std::unique_ptr<Gate> gate = nullptr);
  /// Ends all tunnels; each calls its `done` before this returns.
  void stop();

 private:
  struct Direction;
  struct Tunnel;
  struct Held;
  struct Wake;
  using Tunnels = std::list<Tunnel>;

  void pump(Direction& d);
  bool obey(Direction& d, Gate::Answer answer);
  bool flush(Direction& d);
  long fill(Direction& d);
  void wait(Direction& d, Stream& on, asio::socket_base::wait_type what);
  void watch(Direction& d);
  void woken(Direction& d, asio::socket_base::wait_type what);
  void ended_reading(Direction& d);
  void reset(Direction& d, bool writing);
  void close(Tunnel& t, Outcome outcome);
  void bury(Tunnel& t);
  void touch(Tunnel& t);
  void arm_idle_timer();
  void arm_hold_timer();

  Options options_;
  PipePool pipes_;
  Timer idle_timer_, hold_timer_;
  bool idle_armed_ = false, hold_armed_ = false;
  Tunnels tunnels_;       // the least recently active first
  Tunnels closed_;        // their last operations still come back
  std::list<Held> held_;  // in the order of their deadlines
};

[[nodiscard]] std::string_view name(Relay::Outcome);  ///< "closed", "reset by client", …

}  // namespace cordon::egress
