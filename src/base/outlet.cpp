// SPDX-License-Identifier: Apache-2.0
#include "base/outlet.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits.h>

namespace cordon {
namespace {

constexpr std::size_t kMostKept = 1U << 20;

bool has_room(int fd) {
  pollfd p{fd, POLLOUT, 0};
  return poll(&p, 1, 0) > 0;
}

}  // namespace

Outlet::Outlet(int fd) : fd_(fd) {
  struct stat s{};
  if (fstat(fd, &s) != 0 || S_ISREG(s.st_mode)) return;  // a regular file never blocks for long
  socket_ = S_ISSOCK(s.st_mode);
  if (!S_ISFIFO(s.st_mode) && isatty(fd) == 0) return;
  own_ = Fd(open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (own_) fd_ = own_.get();
}

// Where no description of our own could be had (the pipe of another user) a page finds room whenever poll(2) says so, but for a
// writer that is quicker.
long Outlet::put(std::string_view bytes) const {
  if (socket_) return send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (!own_ && !has_room(fd_)) return errno = EAGAIN, -1;
  return write(fd_, bytes.data(), own_ ? bytes.size() : std::min<std::size_t>(bytes.size(), PIPE_BUF));
}

void Outlet::say(std::string_view line) {
  if (fd_ < 0) return;
  if (kept_.size() + line.size() > kMostKept) {
    if (lost_ == 0) lost_ = EAGAIN;
    return;
  }
  kept_ += line;
  flush();
}

void Outlet::flush() {
  std::size_t done = 0;
  while (done < kept_.size()) {
    const long n = put(std::string_view(kept_).substr(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {  // nobody will ever read it
      if (lost_ == 0) lost_ = n < 0 ? errno : ENOSPC;
      done = kept_.size();
      break;
    }
    done += static_cast<std::size_t>(n);
  }
  kept_.erase(0, done);
}

void Outlet::drain(std::optional<std::chrono::milliseconds> most) {
  flush();
  if (kept_.empty()) return;
  sigset_t rest;
  sigprocmask(SIG_SETMASK, nullptr, &rest);
  struct sigaction act{};
  act.sa_handler = [](int) {};
  for (const int n : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    sigaction(n, &act, nullptr);
    sigdelset(&rest, n);
  }
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + most.value_or(std::chrono::milliseconds(0));
  for (;;) {
    timespec left{};
    if (most) {
      const auto rest_of_time = std::max(until - Clock::now(), Clock::duration::zero());
      left = {std::chrono::duration_cast<std::chrono::seconds>(rest_of_time).count(), (rest_of_time % std::chrono::seconds(1)).count()};
    }
    pollfd p{fd_, POLLOUT, 0};
    if (ppoll(&p, 1, most ? &left : nullptr, &rest) <= 0) break;
    flush();
    if (kept_.empty()) return;
  }
  if (lost_ == 0) lost_ = EAGAIN;
  kept_.clear();
}

}  // namespace cordon
