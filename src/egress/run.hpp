// SPDX-License-Identifier: Apache-2.0
// The two ways in which the process cordon-egress runs. Each confines itself before the first accept and returns the exit status.
#pragma once
#include <string>
#include <vector>

#include "egress/service.hpp"

namespace cordon::egress {

/// Under a supervisor, which holds the other end of descriptor 3 (SOCK_SEQPACKET). The first byte of a packet is its kind.
/// To egress: 'C' the configuration (a memfd with JSON), first and once; 'L' and 'h', 's' or 'b': a listening socket for that front end;
/// 'R' and a port (2 bytes, big-endian): a listening socket on the host for `net.listen`; 'N': the channel to init for it.
/// To the supervisor: 'E' an event (event/wire.hpp); 'K' it serves; 'F' why it cannot; 'U' a warning; 'S' the totals, at the end.
/// The end of the channel is the end of the process.
int run_supervised(int channel);

struct ProxyOptions {
  std::string listen = "127.0.0.1:0", policy, token, metrics, events, resolver;
  std::vector<std::string> allow_host, deny_host;
};
/// `cordon proxy`: prints `ready http=ADDR:PORT socks5=ADDR:PORT`, serves until SIGTERM or SIGINT, then gives tunnels 5 s to end. SIGHUP
/// reads the policy, /etc/hosts and resolv.conf again; a bad policy leaves all as it was, and says so.
int run_proxy(const ProxyOptions& options);

/// One line on standard output: the upstream proxy that the environment names, credentials masked, and whether it can be reached.
/// 0: direct, or reachable. 1: not reachable, or not understood.
int probe_upstream();

/// The variables of this process by which an upstream proxy is named.
[[nodiscard]] Environment upstream_environment();

}  // namespace cordon::egress
