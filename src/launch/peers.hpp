// SPDX-License-Identifier: Apache-2.0
// Which unix sockets were made inside: those, and no other, the command may reach. unix(7), sock_diag(7).
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <set>
#include <vector>

#include "base/fd.hpp"

namespace cordon::launch {

class Caller;

class Peers {
 public:
  /// `own_network`: every socket of our network namespace was made inside. Otherwise only those whose bind(2) `watch_bind` saw.
  explicit Peers(bool own_network);
  /// Notes the socket that is about to be bound. The walls decide whether it may be.
  void watch_bind(const Fd& socket);
  /// Is a socket that was made inside bound to this inode (an O_PATH descriptor)?
  [[nodiscard]] bool made_inside(const Fd& file) const;
  /// The socket was handed in by the user and lives in another network namespace: it may not choose a new peer there.
  [[nodiscard]] bool foreign(const Fd& socket) const;

 private:
  struct Bound {
    std::uint32_t inode, device;
    std::uint64_t cookie;
  };
  [[nodiscard]] std::vector<Bound> bound() const;
  bool own_network_;
  Fd diag_;
  std::set<std::uint64_t> cookies_;              // of sockets that were bound inside
  std::vector<std::uint64_t> foreign_networks_;  // of the inherited standard streams
};

}  // namespace cordon::launch
