// SPDX-License-Identifier: Apache-2.0
// An address that the command named, checked: a path was resolved once, and the descriptor of the inode that was checked is
// what the kernel gets, so that nothing can be swapped between check and use.
#pragma once
#include <sys/socket.h>

#include <expected>
#include <string>

#include "base/fd.hpp"
#include "launch/caller.hpp"
#include "launch/peers.hpp"

namespace cordon::launch {

/// Where the command's sockets may go beyond what the kernel's walls hold for PID 1 as well.
struct SocketRules {
  const Peers& peers;
  bool abstract = true;  ///< abstract names lead to sockets made inside only: by the namespace or by PID 1's own Landlock scope
  bool ports = false;    ///< Landlock limits the TCP ports
  bool apart = false;    ///< the network is the command's own, and no route leads out
};

struct Destination {
  sockaddr_storage address{};
  socklen_t size = 0;
  Fd inode;          ///< of a path; `address` names /proc/self/fd/N
  std::string name;  ///< of an abstract socket, "@name", else empty
};

struct NoDestination {
  int error = 0;
  std::string object;  ///< not empty: refused by us; "unix:/path" or an address
};

/// `bytes` is our copy of the caller's address.
[[nodiscard]] std::expected<Destination, NoDestination> check_destination(const SocketRules& rules, const Caller& caller, const Fd& socket,
                                                                          const sockaddr_storage& bytes, socklen_t size);

/// "192.0.2.1:80", "[2001:db8::1]:80".
[[nodiscard]] std::string numeric(const sockaddr_storage& address);

}  // namespace cordon::launch
