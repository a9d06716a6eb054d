// SPDX-License-Identifier: Apache-2.0
#include "launch/notify.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "launch/seccomp.hpp"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace cordon::launch {
namespace {

// Calls that hold descriptors of ours while they wait. Those above it are put off: they hold only their notification, which is
// bounded by the command's threads.
constexpr std::ptrdiff_t kMostHeld = 256, kMostHeldEach = 64;
constexpr int kMostBegunAgain = 32;
constexpr std::size_t kKeptScratch = 1 << 20;
constexpr long kTick = 10'000'000;  // ns: until a signal or a death is seen, and until what poll(2) cannot tell is tried again

}  // namespace

Notifier::Notifier(int listener, const NotifyOptions& options, Tally::Tell tell)
    : listener_(listener),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      tally_(std::move(tell)),
      peers_(options.own_network),
      rules_{peers_, options.own_network || options.scoped, options.ports, options.own_network},
      exec_(*options.exec_rules, options.restrict_exec),
      proxy_(options.proxy) {
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);  // 6.6; slower without
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  epoll_event e{EPOLLIN, {.fd = timer_.get()}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, timer_.get(), &e);
}

void Notifier::serve() {
  pollfd fds[] = {{listener_.get(), POLLIN, 0}, {epoll_.get(), POLLIN, 0}};
  if (poll(fds, 2, 0) <= 0) return;
  if ((fds[0].revents & POLLIN) != 0) receive();
  if (fds[1].revents == 0) return;
  bool tick = false;
  epoll_event events[64];
  const int n = epoll_wait(epoll_.get(), events, 64, 0);
  for (int i = 0; i < n; ++i) {
    if (events[i].data.fd == timer_.get()) tick = true;
    for (Waiting& w : waiting_)
      if (w.watched == events[i].data.fd) w.ready = true;
  }
  std::uint64_t count = 0;
  if (tick && read(timer_.get(), &count, sizeof count) > 0) armed_ = 0;
  bool soon = false;
  int begun = 0;
  for (std::size_t left = waiting_.size(); left > 0; --left) {  // each in its turn, to the end of the queue
    Waiting& w = waiting_.front();
    if (w.ready || (tick && (w.call || ++begun <= kMostBegunAgain))) proceed(w);
    soon = soon || w.ready;
    if (w.request.id == 0) waiting_.pop_front();
    else waiting_.splice(waiting_.end(), waiting_, waiting_.begin());
  }
  if (!waiting_.empty()) arm(soon);
}

void Notifier::receive() {
  seccomp_notif request{};
  if (ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) return;
  switch (request.data.nr) {
    case SYS_connect:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg: return socket_call(request);
    case SYS_bind: return watch_bind(request);
    case SYS_execve:
    case SYS_execveat: return watch_exec(request);
    default: return refuse(request);
  }
}

void Notifier::socket_call(const seccomp_notif& request) {
  Waiting w{request, nullptr, 0, -1, true};
  proceed(w);
  if (w.request.id == 0) return;
  waiting_.push_back(std::move(w));
  arm(waiting_.back().ready);
}

// A turn of one call; its request's id is 0 once it is over.
void Notifier::proceed(Waiting& w) {
  const bool fresh = !w.call;
  if (fresh) {
    auto call = begin_call(w.request, rules_);
    if (!call) {
      if (valid(w.request.id)) answer(w.request.id, -call.error());
      return forget(w);
    }
    w.call = std::move(*call);
  }
  // Asked after the descriptor was taken: neither it nor the memory is that of a process with a reused id.
  if (!valid(w.request.id)) return forget(w);
  const bool waited = w.process != 0, watched = w.watched >= 0 && !fresh && !w.ready && !w.call->overdue();
  w.ready = false;
  auto turn = watched ? SocketCall::Turn::wait : w.call->turn(scratch_);
  if (turn == SocketCall::Turn::wait && waited && w.call->interrupted()) turn = SocketCall::Turn::done;
  if (scratch_.size() > kKeptScratch) scratch_ = {};
  if (turn == SocketCall::Turn::again) {
    w.ready = true;
  } else if (turn == SocketCall::Turn::wait) {
    if (!watched) wait(w);
  } else {
    if (!w.call->refused().empty()) refused(w.request, *w.call);
    answer(w.request.id, w.call->result());
    forget(w);
  }
}

void Notifier::wait(Waiting& w) {
  if (w.process == 0) w.process = Caller(static_cast<int>(w.request.pid)).process();
  const auto held = [&](int process) {
    return std::count_if(waiting_.begin(), waiting_.end(),
                         [&](const Waiting& o) { return &o != &w && o.call && (process == 0 || o.process == process); });
  };
  if (w.call->untouched() && (held(0) >= kMostHeld || held(w.process) >= kMostHeldEach)) {
    if (w.watched >= 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, std::exchange(w.watched, -1), nullptr);
    w.call.reset();
    return;
  }
  const int fd = w.call->wait_on();
  if (w.watched >= 0 && w.watched != fd) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, std::exchange(w.watched, -1), nullptr);
  if (fd < 0) return;
  epoll_event e{EPOLLOUT | EPOLLONESHOT, {.fd = fd}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &e) == 0 || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &e) == 0) w.watched = fd;
}

void Notifier::forget(Waiting& w) {
  // The command holds the same open file: closing ours does not take it out of the epoll set.
  if (w.watched >= 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, std::exchange(w.watched, -1), nullptr);
  w.call.reset();
  w.ready = false;
  w.request.id = 0;
}

void Notifier::arm(bool soon) {
  if (armed_ == 2 || (armed_ == 1 && !soon)) return;
  armed_ = soon ? 2 : 1;
  const long tick = kTick * static_cast<long>(1 + std::min<std::size_t>(waiting_.size(), 512) / 16);
  const itimerspec when{{}, {0, soon ? 1 : tick}};
  timerfd_settime(timer_.get(), 0, &when, nullptr);
}

void Notifier::refuse(const seccomp_notif& request) {
  const Refusal refused = refusal(request.data.nr);
  denied(request, EventKind::syscall, refused.name ? refused.name : std::to_string(request.data.nr), "seccomp", refused.hint);
  answer(request.id, -(refused.name ? refused.error : EPERM));
}

void Notifier::watch_bind(const seccomp_notif& request) {
  if (const auto socket = Caller(static_cast<int>(request.pid)).descriptor(static_cast<int>(request.data.args[0])); socket && valid(request.id))
    peers_.watch_bind(*socket);
  // Not a decision: mounts and Landlock hold bind(2). Another socket bound in the meantime is not noted, so not reachable.
  answer(request.id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

void Notifier::watch_exec(const seccomp_notif& request) {
  const auto refused = exec_.check(Caller(static_cast<int>(request.pid)), request.data);
  if (!valid(request.id)) return;
  if (!refused) return answer(request.id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);  // not a decision: the walls hold
  denied(request, EventKind::exec, refused->path, refused->rule, refused->hint);
  answer(request.id, -EACCES);
}

void Notifier::refused(const seccomp_notif& request, const SocketCall& call) {
  if (!call.refused_host()) return denied(request, EventKind::net_connect, call.refused(), "sockets of the host are out of reach");
  const std::string hint = "--allow-host " + call.refused();
  if (proxy_) denied(request, EventKind::net_connect, call.refused(), "hosts are reached through the proxy of HTTPS_PROXY alone", hint);
  else denied(request, EventKind::net_connect, call.refused(), "net.mode = none", "--net filtered " + hint);
}

void Notifier::denied(const seccomp_notif& request, EventKind kind, std::string object, std::string rule, std::string hint) {
  tally_.add(Event{kind, Decision::denied, std::move(object), std::move(rule), 0, "", std::move(hint), {}, 0}, [&](Event& e) {
    const Caller caller(static_cast<int>(request.pid));
    e.pid = caller.process();
    e.exe = caller.executable();
  });
}

void Notifier::answer(std::uint64_t id, long result, std::uint32_t flags) {
  seccomp_notif_resp r{};
  r.id = id;
  r.flags = flags;
  if (result < 0) r.error = static_cast<std::int32_t>(result);
  else r.val = result;
  // ENOENT: the caller died. Whatever else it is, a caller without an answer would wait for ever.
  for (int tries = 0; ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &r) != 0 && errno != ENOENT; ++tries)
    if (tries == 3) _exit(1);
}

bool Notifier::valid(std::uint64_t id) const { return ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0; }

}  // namespace cordon::launch
