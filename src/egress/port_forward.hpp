// SPDX-License-Identifier: Apache-2.0
// `net.listen`: a server inside the sandbox, reachable on the same port of the host's loopback. Only init can make sockets in the
// sandbox's network namespace, so egress asks it for one over a channel: one byte, 4 or 6, out; one byte, 0 or an errno, back,
// with the socket (SCM_RIGHTS).
#pragma once
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <map>

#include "egress/listener.hpp"

namespace cordon::egress {

class PortForward {
 public:
  PortForward(asio::io_context& loop, Relay& relay) : loop_(loop), relay_(relay), channel_(loop), turn_(loop, Clock::time_point::max()) {}
  void set_channel(Fd channel);
  void add(std::uint16_t port, Acceptor acceptor);

 private:
  Task<void> accept(Acceptor& acceptor, std::uint16_t port);
  Task<void> serve(Stream client, std::uint16_t port);
  Task<std::optional<asio::basic_stream_socket<asio::ip::tcp, Executor>>> socket(bool v6);

  asio::io_context& loop_;
  Relay& relay_;
  asio::posix::basic_stream_descriptor<Executor> channel_;
  Timer turn_;  // answers carry no number: one question at a time
  bool asking_ = false;
  std::map<std::uint16_t, Acceptor> acceptors_;
  std::uint64_t pauses_ = 0;
};

}  // namespace cordon::egress
