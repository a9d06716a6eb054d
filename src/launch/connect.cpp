// SPDX-License-Identifier: Apache-2.0
// connect(2).
#include <fcntl.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "launch/socket_call.hpp"

namespace cordon::launch {
namespace {

class Connect final : public SocketCall {
 public:
  Connect(const seccomp_data& data, const SocketRules& rules, const Caller& caller, Fd socket)
      : SocketCall(rules, caller, std::move(socket)), address_(data.args[1]), size_(static_cast<std::uint32_t>(data.args[2])) {}
  [[nodiscard]] bool untouched() const override { return !in_progress_; }

 private:
  Turn attempt(std::vector<char>&) override {
    if (!destination_) {
      sockaddr_storage bytes{};
      if (size_ > sizeof bytes) return finish(-EINVAL);
      if (!caller_.read(address_, &bytes, size_)) return finish(-EFAULT);
      destination_ = destination(bytes, size_);
      if (!destination_) return Turn::done;
    }
    // There is no flag for one call: the file's own flag is set for the time of it, a few microseconds.
    const int flags = fcntl(socket_.get(), F_GETFL);
    const bool blocking = (flags & O_NONBLOCK) == 0;
    if (blocking) fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK);
    const int error = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&destination_->address), destination_->size) == 0 ? 0 : errno;
    if (blocking) fcntl(socket_.get(), F_SETFL, flags);
    const bool local = destination_->inode || !destination_->name.empty();
    if (blocking && local && error == EAGAIN) return block(-1);  // a full backlog of a unix socket: poll(2) has no word for it
    if (blocking && (error == EINPROGRESS || error == EALREADY)) {
      in_progress_ = true;
      return block(socket_.get());
    }
    // PID 1's own Landlock rules, which hold what the command's own hold.
    if (error == EPERM && !destination_->name.empty()) refuse("unix:" + destination_->name);
    // Of datagram sockets nothing is told: resolvers connect them to many an address, only to learn their own.
    if (!local && ((error == EACCES && rules_.ports) || (error == ENETUNREACH && rules_.apart)) && is_stream())
      refuse_host(numeric(destination_->address));
    return finish(-error);
  }
  [[nodiscard]] bool is_stream() const {
    int type = 0;
    socklen_t n = sizeof type;
    return getsockopt(socket_.get(), SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM;
  }
  [[nodiscard]] long timed_out() const override { return in_progress_ ? -EINPROGRESS : -EAGAIN; }

  std::uint64_t address_;
  socklen_t size_;
  std::optional<Destination> destination_;
  bool in_progress_ = false;
};

}  // namespace

std::unique_ptr<SocketCall> begin_connect(const seccomp_data& data, const SocketRules& rules, const Caller& caller, Fd socket) {
  return std::make_unique<Connect>(data, rules, caller, std::move(socket));
}

}  // namespace cordon::launch
