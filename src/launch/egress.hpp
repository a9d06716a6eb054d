// SPDX-License-Identifier: Apache-2.0
// The egress process as its parent sees it: started beside the stage, fed with listeners, heard until it ends.
//
// It gets one end of a SOCK_SEQPACKET pair as descriptor 3 and nothing else. Packets to it, by their first byte: 'C' the
// configuration (a memfd), 'L' + 'h' | 's' | 'b' a listener in the sandbox's network, 'R' + port a listener on the host's loopback
// for net.listen, 'N' the channel on which PID 1 makes sockets in the sandbox's network. From it: 'K' it serves, 'E' an event, 'U' a warning,
// 'F' why it cannot serve, 'S' its totals as JSON. The end of the channel ends it.
#pragma once
#include <cordon/plan.hpp>
#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"

namespace cordon::launch {

class EgressProcess {
 public:
  ~EgressProcess();
  EgressProcess() = default;
  EgressProcess(const EgressProcess&) = delete;
  EgressProcess& operator=(const EgressProcess&) = delete;

  /// Starts the process and sends it the configuration. Opens the host's listeners of net.listen, and, in the tier landlock, the
  /// one of the proxy itself, whose port and token go into `plan`. Errors: a port is in use; the program is missing.
  Result<void> start(Plan& plan);
  /// The other end of the channel 'N', for PID 1; closed here by `give_listeners`.
  [[nodiscard]] int dial_end() const { return dial_inner_.get(); }
  /// The listeners that PID 1 made: HTTP and SOCKS5.
  Result<void> give_listeners(Fd http, Fd socks5);

  [[nodiscard]] bool running() const { return pid_ > 0; }
  /// Readable when it told something, or ended.
  [[nodiscard]] int channel() const { return channel_.get(); }
  struct Word {
    char kind = 0;
    std::string_view text;
  };  ///< kind 0: nothing there now; 1: it has ended
  /// The text is valid until the next call. `flags` as for recv(2).
  [[nodiscard]] Word hear(int flags);
  /// It said that it serves.
  [[nodiscard]] bool serves() const { return serves_; }
  /// Asks it to end, at most a second; what it still says goes to `each`. Returns its totals as JSON, or nothing if it never ran.
  std::string stop(const std::function<void(const Word&)>& each = {});

 private:
  bool send(std::string_view text, int descriptor);
  Fd channel_, pidfd_, dial_outer_, dial_inner_;
  std::vector<std::pair<std::uint16_t, Fd>> served_;
  pid_t pid_ = 0;
  bool serves_ = false;
  std::string packet_;
};

}  // namespace cordon::launch
