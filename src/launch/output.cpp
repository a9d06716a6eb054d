// SPDX-License-Identifier: Apache-2.0
#include "launch/output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace cordon::launch {
namespace {

bool same_file(int a, int b) {
  struct stat x{}, y{};
  return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

}  // namespace

Result<void> Output::open(std::uint64_t limit) {
  limit_ = left_ = limit;
  for (const int target : {1, 2}) {
    struct stat s{};
    if (isatty(target) || fstat(target, &s) != 0) continue;
    if (target == 2 && !streams_.empty() && same_file(1, 2)) {  // one pipe keeps their order
      streams_.back().both = true;
      continue;
    }
    int pipe[2];
    if (pipe2(pipe, O_CLOEXEC) != 0) return impossible("cannot make a pipe for the output", errno, "free some memory");
    fcntl(pipe[0], F_SETFL, O_NONBLOCK);
    // A regular file never blocks for long; a socket takes 4 KiB once poll(2) says that it is writable.
    streams_.push_back({target, false, Fd(pipe[0]), Fd(pipe[1]), false, S_ISSOCK(s.st_mode) ? 4096U : 65536U});
  }
  return {};
}

int Output::command_end(int stream) const {
  for (const Stream& s : streams_)
    if (s.target == stream || (s.both && stream == 2)) return s.command_end.get();
  return -1;
}

void Output::close_command_ends() {
  for (Stream& s : streams_) s.command_end.reset();
}

void Output::wait_for(std::vector<pollfd>& fds) {
  for (const Stream& s : streams_) fds.push_back(s.writable ? pollfd{s.target, POLLOUT, 0} : pollfd{s.source.get(), POLLIN, 0});
}

Output::Moved Output::move(Stream& s) {
  ssize_t n = splice(s.source.get(), nullptr, s.target, nullptr, std::min<std::uint64_t>(s.chunk, left_), SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  if (n < 0 && errno == EINVAL) {  // a file that is open for appending, or one that splice(2) does not know
    char bytes[4096];
    n = read(s.source.get(), bytes, std::min<std::uint64_t>(sizeof bytes, left_));
    for (ssize_t done = 0, w = 0; n > 0 && done < n; done += w) {
      w = write(s.target, bytes + done, static_cast<std::size_t>(n - done));
      if (w < 0 && errno == EAGAIN) w = 0;
      if (w < 0) return Moved::end;
    }
  }
  if (n > 0) {
    left_ -= static_cast<std::uint64_t>(n);
    return Moved::some;
  }
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Moved::all;
  return Moved::end;  // no writer is left; or nobody reads, and our closing tells the command by SIGPIPE
}

bool Output::move(const pollfd* fds) {
  std::size_t i = 0;
  for (auto s = streams_.begin(); s != streams_.end(); ++i) {
    if (fds[i].revents == 0) {
      ++s;
      continue;
    }
    if (!s->writable) {  // bytes or the end have come; wait until they can go on
      if ((fds[i].revents & POLLIN) == 0) {
        s = streams_.erase(s);
        continue;
      }
      s->writable = true;
      ++s;
      continue;
    }
    if (left_ == 0) return false;
    const Moved moved = move(*s);
    s->writable = moved == Moved::some && left_ > 0;  // at the limit: is there more?
    if (moved == Moved::end) s = streams_.erase(s);
    else ++s;
  }
  return true;
}

}  // namespace cordon::launch
