// SPDX-License-Identifier: Apache-2.0
#include "egress/peer.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace cordon::egress {
namespace {
constexpr int kTurns = 8;  // of reading what is there, before the loop has its turn
}

// Shared with the timer's handler, which may come after the peer is gone. The timer stays where it is when the limit moves to later,
// as it does several times for each connection, and moves when it fires: each move is a system call and a turn of the loop.
struct Peer::Limit {
  explicit Limit(Stream& s) : stream(&s), timer(s.get_executor()) {}
  Stream* stream;
  Timer timer;
  Clock::time_point until = Clock::time_point::max();
  bool expired = false;
  bool armed = false;

  static void wait(const std::shared_ptr<Limit>& self) {
    self->armed = true;
    self->timer.expires_at(self->until);
    self->timer.async_wait([self](const error_code& e) {
      if (e) return;  // the peer is gone, or another wait has begun
      self->armed = false;
      if (!self->stream || self->until == Clock::time_point::max()) return;
      if (self->until > Clock::now()) return wait(self);
      self->expired = true;
      error_code ignored;
      self->stream->cancel(ignored);
    });
  }
};

Peer::Peer(Stream stream) : stream_(std::make_unique<Stream>(std::move(stream))), limit_(std::make_shared<Limit>(*stream_)) {}

Peer::~Peer() {
  if (!limit_) return;
  limit_->stream = nullptr;
  limit_->timer.cancel();
}

void Peer::expires_after(std::chrono::milliseconds limit) {
  limit_->expired = false;
  limit_->until = Clock::now() + limit;
  if (!limit_->armed || limit_->until < limit_->timer.expiry()) Limit::wait(limit_);
}

void Peer::never_expires() {
  limit_->expired = false;
  limit_->until = Clock::time_point::max();
}

bool Peer::expired() const { return limit_->expired; }

void Peer::use(std::size_t n) {
  used_ += n;
  if (used_ < buffer_.size()) return;
  buffer_.clear();
  used_ = 0;
}

std::string Peer::take_bytes() {
  std::string left(bytes());  // a copy of its own size: the buffer's capacity would stay with the tunnel
  std::string().swap(buffer_);
  used_ = 0;
  return left;
}

Task<bool> Peer::more(std::size_t most) {
  if (limit_->expired) co_return false;
  if (used_ > 0) {
    buffer_.erase(0, used_);
    used_ = 0;
  }
  error_code e;
  while (true) {
    const long n = take(most);
    if (n >= 0) co_return n > 0;
    if (errno != EAGAIN && errno != EINTR) co_return false;
    co_await stream_->async_wait(Stream::wait_read, asio::redirect_error(use_task, e));
    turns_ = 0;
    if (e) co_return false;
  }
}

// What is there, as recv(2); after some turns nothing, so that other connections have theirs.
long Peer::take(std::size_t most) {
  if (++turns_ > kTurns) {
    errno = EAGAIN;
    return -1;
  }
  const std::size_t had = buffer_.size();
  long got = 0;
  int error = 0;
  buffer_.resize_and_overwrite(had + most, [&](char* bytes, std::size_t) {
    got = recv(stream_->native_handle(), bytes + had, most, MSG_DONTWAIT);
    error = errno;
    return had + static_cast<std::size_t>(std::max(got, 0L));
  });
  errno = error;
  return got;
}

Task<bool> Peer::readable() {
  if (limit_->expired) co_return false;
  std::string().swap(buffer_);
  used_ = 0;
  error_code e;
  co_await stream_->async_wait(Stream::wait_read, asio::redirect_error(use_task, e));
  co_return !e;
}

Task<bool> Peer::write(std::string_view bytes) {
  if (limit_->expired) co_return false;
  // Mostly there is room at once: no turn of the loop for that.
  const ssize_t sent = send(stream_->native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  if (bytes.empty()) co_return true;
  error_code e;
  co_await asio::async_write(*stream_, asio::buffer(bytes.data(), bytes.size()), asio::redirect_error(use_task, e));
  co_return !e;
}

Task<void> Peer::farewell() {
  error_code e;
  stream_->shutdown(Stream::shutdown_send, e);
  expires_after(std::chrono::seconds(2));
  for (std::size_t read = 0; read < (1 << 20);) {
    use(bytes().size());
    if (!co_await more()) break;
    read += bytes().size();
  }
  stream_->close(e);
}

Stream Peer::release() {
  limit_->stream = nullptr;
  limit_->timer.cancel();
  limit_.reset();
  return std::move(*stream_);
}

}  // namespace cordon::egress
