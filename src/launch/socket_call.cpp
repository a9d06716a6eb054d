// SPDX-License-Identifier: Apache-2.0
#include "launch/socket_call.hpp"

#include <sys/syscall.h>
#include <sys/time.h>

#include <cerrno>

namespace cordon::launch {

std::expected<std::unique_ptr<SocketCall>, int> begin_call(const seccomp_notif& request, const SocketRules& rules) {
  const Caller caller(static_cast<int>(request.pid));
  auto socket = caller.descriptor(static_cast<int>(request.data.args[0]));
  if (!socket) return std::unexpected(socket.error());
  int type = 0;
  socklen_t n = sizeof type;
  if (getsockopt(socket->get(), SOL_SOCKET, SO_TYPE, &type, &n) != 0) return std::unexpected(errno);  // EBADF, ENOTSOCK
  return request.data.nr == SYS_connect ? begin_connect(request.data, rules, caller, std::move(*socket))
                                        : begin_send(request.data, rules, caller, std::move(*socket));
}

SocketCall::Turn SocketCall::turn(std::vector<char>& scratch) {
  wait_on_ = -1;
  const Turn turn = attempt(scratch);
  if (turn != Turn::wait) return turn;
  if (!waited_) {
    waited_ = true;
    timeval limit{};
    socklen_t n = sizeof limit;
    if (getsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, &n) == 0 && (limit.tv_sec != 0 || limit.tv_usec != 0))
      deadline_ = Clock::now() + std::chrono::seconds(limit.tv_sec) + std::chrono::microseconds(limit.tv_usec);
  }
  if (overdue()) return finish(partial() > 0 ? partial() : timed_out());
  return turn;
}

bool SocketCall::interrupted() {
  constexpr long kRestart = 512;  // ERESTARTSYS: the kernel makes it EINTR or begins the call again, as SA_RESTART says
  const auto signal = caller_.signal();
  if (signal == Caller::Signal::none) return false;
  if (signal == Caller::Signal::shared && !std::exchange(seen_, true)) return false;  // another thread may take it
  result_ = partial() > 0 ? partial() : signal == Caller::Signal::own && !deadline_ ? -kRestart : -EINTR;
  return true;
}

std::optional<Destination> SocketCall::destination(const sockaddr_storage& bytes, socklen_t size) {
  auto d = check_destination(rules_, caller_, socket_, bytes, size);
  if (d) return std::move(*d);
  refused_ = std::move(d.error().object);
  finish(-d.error().error);
  return std::nullopt;
}

}  // namespace cordon::launch
