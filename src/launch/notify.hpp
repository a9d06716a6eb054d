// SPDX-License-Identifier: Apache-2.0
// Seccomp user notification in PID 1: takes each notified call, answers it, tells what was denied.
//
//   Notifier notifier(listener, {.own_network = true}, [&](const Event& e) { tell(e); });
//   poll `listener` and notifier.fd() for POLLIN, then notifier.serve();
#pragma once
#include <linux/seccomp.h>

#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "base/fd.hpp"
#include "launch/exec_watch.hpp"
#include "launch/peers.hpp"
#include "launch/socket_call.hpp"
#include "launch/tally.hpp"

namespace cordon::launch {

struct NotifyOptions {
  bool own_network = true;                            ///< every unix socket of the network namespace was made inside
  bool scoped = false;                                ///< PID 1 has a Landlock domain of its own around the command's, which scopes abstract sockets
  bool ports = false;                                 ///< ... and limits TCP ports
  bool proxy = false;                                 ///< hosts are reached through it (net `filtered`)
  const std::vector<ExecRule>* exec_rules = nullptr;  ///< outlives the notifier
  bool restrict_exec = false;
};

class Notifier {
 public:
  /// `listener` is the seccomp notification descriptor, owned from here on.
  Notifier(int listener, const NotifyOptions& options, Tally::Tell tell);
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;
  /// Readable when a call that waited may go on.
  [[nodiscard]] int fd() const { return epoll_.get(); }
  /// Answers at most one new call and takes a turn of each that may go on. Does not block.
  void serve();
  /// Tells what was only counted. Before the end.
  void flush() { tally_.flush(); }

 private:
  // A call that is not answered yet. `call` is empty if it was put off: then it begins afresh.
  struct Waiting {
    seccomp_notif request{};
    std::unique_ptr<SocketCall> call;
    int process = 0, watched = -1;
    bool ready = false;
  };
  void receive();
  void socket_call(const seccomp_notif& request);
  void proceed(Waiting& waiting);
  void wait(Waiting& waiting);
  void forget(Waiting& waiting);
  void refuse(const seccomp_notif& request);
  void watch_bind(const seccomp_notif& request);
  void watch_exec(const seccomp_notif& request);
  void refused(const seccomp_notif& request, const SocketCall& call);
  void denied(const seccomp_notif& request, EventKind kind, std::string object, std::string rule, std::string hint = {});
  void answer(std::uint64_t id, long result, std::uint32_t flags = 0);
  [[nodiscard]] bool valid(std::uint64_t id) const;
  void arm(bool soon);

  Fd listener_, epoll_, timer_;
  Tally tally_;
  Peers peers_;
  SocketRules rules_;
  ExecWatch exec_;
  const bool proxy_;
  std::list<Waiting> waiting_;
  std::vector<char> scratch_;
  int armed_ = 0;
};

}  // namespace cordon::launch
