// SPDX-License-Identifier: Apache-2.0
// A socket call made by PID 1 on behalf of a thread of the command, on the thread's own socket. It never blocks PID 1: what
// would block is tried again.
#pragma once
#include <linux/seccomp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "launch/destination.hpp"

namespace cordon::launch {

class SocketCall {
  using Clock = std::chrono::steady_clock;

 public:
  enum class Turn { done, again, wait };
  virtual ~SocketCall() = default;
  SocketCall(const SocketCall&) = delete;
  SocketCall& operator=(const SocketCall&) = delete;
  /// Does a bounded piece of work. After `done`, `result` is what the call returns: a number or -errno.
  Turn turn(std::vector<char>& scratch);
  [[nodiscard]] long result() const { return result_; }
  /// What was refused, as an event's object; empty if nothing was.
  [[nodiscard]] const std::string& refused() const { return refused_; }
  /// It is a host, to be reached through the proxy if at all; not a socket of this one.
  [[nodiscard]] bool refused_host() const { return host_; }
  /// After `wait`: the descriptor whose EPOLLOUT says that it may go on; -1 if only time can tell.
  [[nodiscard]] int wait_on() const { return wait_on_; }
  /// Nothing was done yet: it may be dropped and begun afresh.
  [[nodiscard]] virtual bool untouched() const = 0;
  /// SO_SNDTIMEO is over: the next turn is the last.
  [[nodiscard]] bool overdue() const { return deadline_ && Clock::now() >= *deadline_; }
  /// True if a signal waits for the thread; then the call is over, as signal(7) says.
  [[nodiscard]] bool interrupted();

 protected:
  SocketCall(const SocketRules& rules, const Caller& caller, Fd socket) : rules_(rules), caller_(caller.tid()), socket_(std::move(socket)) {}
  virtual Turn attempt(std::vector<char>& scratch) = 0;
  virtual long timed_out() const = 0;                       ///< the result once SO_SNDTIMEO is over
  [[nodiscard]] virtual long partial() const { return 0; }  ///< what is done already
  Turn finish(long result) {
    result_ = result;
    return Turn::done;
  }
  Turn block(int fd) {
    wait_on_ = fd;
    return Turn::wait;
  }
  [[nodiscard]] std::optional<Destination> destination(const sockaddr_storage& bytes, socklen_t size);
  void refuse(std::string object) { refused_ = std::move(object); }
  void refuse_host(std::string object) {
    refused_ = std::move(object);
    host_ = true;
  }

  const SocketRules& rules_;
  Caller caller_;
  Fd socket_;
  long result_ = 0;

 private:
  std::string refused_;
  int wait_on_ = -1;
  std::optional<Clock::time_point> deadline_;
  bool waited_ = false, seen_ = false, host_ = false;
};

/// The call of a notification: connect, sendto, sendmsg, sendmmsg. Its errno if it cannot begin.
[[nodiscard]] std::expected<std::unique_ptr<SocketCall>, int> begin_call(const seccomp_notif& request, const SocketRules& rules);

[[nodiscard]] std::unique_ptr<SocketCall> begin_connect(const seccomp_data&, const SocketRules&, const Caller&, Fd socket);
[[nodiscard]] std::unique_ptr<SocketCall> begin_send(const seccomp_data&, const SocketRules&, const Caller&, Fd socket);

}  // namespace cordon::launch
