// SPDX-License-Identifier: Apache-2.0
// sendto(2), sendmsg(2), sendmmsg(2).
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "launch/socket_call.hpp"

namespace cordon::launch {
namespace {

constexpr std::size_t kChunk = 256 * 1024;       // of a stream, in one turn
constexpr std::size_t kMostControl = 64 * 1024;  // above net.core.optmem_max's default
constexpr std::size_t kMostVectors = 1024;       // UIO_MAXIOV
constexpr std::size_t kMostDescriptors = 253;    // SCM_MAX_FD
constexpr unsigned kMessagesPerTurn = 32;
constexpr int kInternalFlags = 0x8000000 | 0x10000 | 0x100000;  // MSG_SPLICE_PAGES and its like: sendto(2) drops them, sendmsg(2) refuses

int option(const Fd& socket, int name) {
  int value = 0;
  socklen_t n = sizeof value;
  return getsockopt(socket.get(), SOL_SOCKET, name, &value, &n) == 0 ? value : 0;
}

class Send final : public SocketCall {
 public:
  Send(const seccomp_data& data, const SocketRules& rules, const Caller& caller, Fd socket)
      : SocketCall(rules, caller, std::move(socket)), nr_(data.nr), type_(option(socket_, SO_TYPE)), domain_(option(socket_, SO_DOMAIN)) {
    if (nr_ == SYS_sendto) {
      flags_ = static_cast<int>(data.args[3]) & ~kInternalFlags;
      to_ = {data.args[1], data.args[2], data.args[4], static_cast<std::uint32_t>(data.args[5])};
    } else {
      messages_ = data.args[1];
      count_ = nr_ == SYS_sendmmsg ? std::min<std::uint64_t>(static_cast<std::uint32_t>(data.args[2]), kMostVectors) : 1;
      flags_ = static_cast<int>(data.args[nr_ == SYS_sendmmsg ? 3 : 2]);
    }
  }
  [[nodiscard]] bool untouched() const override { return index_ == 0 && sent_ == 0; }

 private:
  struct To {
    std::uint64_t data, size, address, address_size;
  };

  Turn attempt(std::vector<char>& scratch) override {
    if (count_ == 0) return finish(0);
    if ((flags_ & MSG_OOB) != 0 && domain_ == AF_UNIX) return finish(-EOPNOTSUPP);  // CVE-2025-38236; nobody needs it
    if ((flags_ & MSG_FASTOPEN) != 0) return finish(-EOPNOTSUPP);                   // a connect(2) that Landlock does not see; clients fall back
    for (unsigned n = 0; n < kMessagesPerTurn; ++n) {
      if (!loaded_ && !load()) return stop();
      const Turn turn = send_some(scratch);
      if (turn == Turn::done && result_ < 0) return stop();
      if (turn != Turn::done) return turn;
      if (nr_ != SYS_sendmmsg) return turn;
      const auto length = static_cast<unsigned>(result_);
      if (!caller_.write(messages_ + index_ * sizeof(mmsghdr) + offsetof(mmsghdr, msg_len), &length, sizeof length)) return finish(-EFAULT), stop();
      loaded_ = false;
      sent_ = 0;
      if (++index_ == count_) return finish(static_cast<long>(count_));
    }
    return Turn::again;
  }

  // An error after some messages is told by their number alone, as the kernel does.
  Turn stop() { return index_ > 0 ? finish(static_cast<long>(index_)) : Turn::done; }
  [[nodiscard]] long partial() const override { return nr_ == SYS_sendmmsg ? static_cast<long>(index_) : static_cast<long>(sent_); }
  [[nodiscard]] long timed_out() const override { return -EAGAIN; }

  // Copies the header of the message and checks its address, once.
  bool load() {
    head_ = {};
    std::uint64_t name = to_.address;
    std::int64_t name_size = static_cast<std::int32_t>(to_.address_size);
    if (nr_ != SYS_sendto) {
      if (!caller_.read(messages_ + index_ * (nr_ == SYS_sendmmsg ? sizeof(mmsghdr) : 0), &head_, sizeof head_)) return finish(-EFAULT), false;
      name = reinterpret_cast<std::uint64_t>(head_.msg_name);
      name_size = static_cast<std::int32_t>(head_.msg_namelen);
      if (name_size > static_cast<std::int64_t>(sizeof(sockaddr_storage))) name_size = sizeof(sockaddr_storage);  // __copy_msghdr()
    }
    if (name == 0) name_size = 0;
    if (name_size < 0 || name_size > static_cast<std::int64_t>(sizeof(sockaddr_storage))) return finish(-EINVAL), false;
    if (head_.msg_iovlen > kMostVectors) return finish(-EMSGSIZE), false;
    if (head_.msg_controllen > kMostControl) return finish(-ENOBUFS), false;
    destination_.reset();
    probe_.reset();
    if (name_size > 0) {
      sockaddr_storage bytes{};
      if (!caller_.read(name, &bytes, static_cast<std::size_t>(name_size))) return finish(-EFAULT), false;
      destination_ = destination(bytes, static_cast<socklen_t>(name_size));
      if (!destination_) return false;
    }
    return loaded_ = true;
  }

  // The caller's vectors without the first `sent_` bytes and with at most `most` in all.
  bool vectors(std::vector<iovec>& v, std::size_t& total, std::size_t most) {
    v.resize(nr_ == SYS_sendto ? 1 : head_.msg_iovlen);
    if (nr_ == SYS_sendto) v[0] = {reinterpret_cast<void*>(to_.data), to_.size};
    else if (!caller_.read(reinterpret_cast<std::uint64_t>(head_.msg_iov), v.data(), v.size() * sizeof(iovec))) return finish(-EFAULT), false;
    total = 0;
    std::size_t skip = sent_;
    for (iovec& i : v) {
      if (static_cast<std::int64_t>(i.iov_len) < 0) return finish(-EINVAL), false;
      const std::size_t skipped = std::min(skip, i.iov_len);
      skip -= skipped;
      i.iov_base = static_cast<char*>(i.iov_base) + skipped;
      const std::size_t take = std::min(i.iov_len - skipped, most - std::min(most, total));
      if (take < i.iov_len - skipped) more_ = true;
      i.iov_len = take;
      total += take;
    }
    return true;
  }

  // Ancillary data with the caller's descriptors and identity replaced by ours of the same.
  bool control(std::vector<char>& bytes, std::vector<Fd>& passed) {
    bytes.resize(head_.msg_controllen);
    if (!caller_.read(reinterpret_cast<std::uint64_t>(head_.msg_control), bytes.data(), bytes.size())) return finish(-EFAULT), false;
    for (std::size_t at = 0; at + sizeof(cmsghdr) <= bytes.size();) {
      cmsghdr c{};
      std::memcpy(&c, bytes.data() + at, sizeof c);
      if (c.cmsg_len < sizeof c || c.cmsg_len > bytes.size() - at) return finish(-EINVAL), false;
      char* data = bytes.data() + at + CMSG_LEN(0);
      const std::size_t size = c.cmsg_len - CMSG_LEN(0);
      if (c.cmsg_level == SOL_SOCKET && c.cmsg_type == SCM_RIGHTS && domain_ == AF_UNIX) {
        if (passed.size() + size / sizeof(int) > kMostDescriptors) return finish(-EINVAL), false;
        for (std::size_t i = 0; i + sizeof(int) <= size; i += sizeof(int)) {
          int fd = -1;
          std::memcpy(&fd, data + i, sizeof fd);
          auto copy = caller_.descriptor(fd);
          if (!copy) return finish(-copy.error()), false;
          fd = copy->get();
          std::memcpy(data + i, &fd, sizeof fd);
          passed.push_back(std::move(*copy));
        }
      } else if (c.cmsg_level == SOL_SOCKET && c.cmsg_type == SCM_CREDENTIALS && size == sizeof(ucred)) {
        ucred who{};
        std::memcpy(&who, data, sizeof who);
        if (who.pid != caller_.process()) return finish(-EPERM), false;
        who.pid = getpid();  // the kernel takes no other's; user and group it compares with ours, which are the command's
        std::memcpy(data, &who, sizeof who);
      }
      at += CMSG_ALIGN(c.cmsg_len);
    }
    return true;
  }

  Turn send_some(std::vector<char>& scratch) {
    const bool stream = type_ == SOCK_STREAM;
    // A message goes as a whole or not at all; above the send buffer it cannot go.
    const std::size_t most = stream ? kChunk : std::max<std::size_t>(65536, static_cast<std::size_t>(option(socket_, SO_SNDBUF)));
    const bool blocking = (flags_ & MSG_DONTWAIT) == 0 && (fcntl(socket_.get(), F_GETFL) & O_NONBLOCK) == 0;
    std::vector<iovec> remote;
    std::vector<char> ancillary;
    std::vector<Fd> passed;
    std::size_t total = 0;
    more_ = false;
    if (!vectors(remote, total, most)) return Turn::done;
    if (more_ && !stream) return finish(-EMSGSIZE);
    if (head_.msg_controllen > 0 && sent_ == 0 && !control(ancillary, passed)) return Turn::done;
    if (scratch.size() < total) scratch.resize(total);
    iovec local{scratch.data(), total};
    if (total > 0) {
      const ssize_t n = process_vm_readv(caller_.tid(), &local, 1, remote.data(), remote.size(), 0);
      if (n <= 0 || (!stream && static_cast<std::size_t>(n) != total)) return finish(sent_ > 0 ? static_cast<long>(sent_) : -EFAULT);
      more_ = more_ && static_cast<std::size_t>(n) == total;
      local.iov_len = static_cast<std::size_t>(n);
    }
    msghdr m{};
    m.msg_iov = &local;
    m.msg_iovlen = 1;
    if (destination_) {
      m.msg_name = &destination_->address;
      m.msg_namelen = destination_->size;
    }
    if (!ancillary.empty()) {
      m.msg_control = ancillary.data();
      m.msg_controllen = ancillary.size();
    }
    const ssize_t n = ::sendmsg(socket_.get(), &m, flags_ | MSG_DONTWAIT | MSG_NOSIGNAL);
    const int error = n < 0 ? errno : 0;
    if (error == EAGAIN && blocking) return block(wait_descriptor());
    if (error == EPERM && destination_ && !destination_->name.empty()) refuse("unix:" + destination_->name);
    if (error != 0) {
      if (sent_ > 0) return finish(static_cast<long>(sent_));
      if (error == EPIPE && stream && (flags_ & MSG_NOSIGNAL) == 0) syscall(SYS_tkill, caller_.tid(), SIGPIPE);
      return finish(-error);
    }
    sent_ += static_cast<std::size_t>(n);
    const bool rest = more_ || static_cast<std::size_t>(n) < local.iov_len;
    if (!stream || !rest) return finish(static_cast<long>(sent_));
    return Turn::again;
  }

  // The room that is awaited is the receiver's: a socket connected to it learns of it, one that only names it does not.
  int wait_descriptor() {
    if (!destination_ || domain_ != AF_UNIX) return socket_.get();
    if (!probe_) {
      probe_ = Fd(::socket(AF_UNIX, type_ | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (probe_ && ::connect(probe_.get(), reinterpret_cast<const sockaddr*>(&destination_->address), destination_->size) != 0) probe_.reset();
    }
    return probe_.get();
  }

  int nr_, flags_ = 0, type_, domain_;
  To to_{};
  std::uint64_t messages_ = 0, count_ = 1, index_ = 0;
  msghdr head_{};
  bool loaded_ = false, more_ = false;
  std::size_t sent_ = 0;
  std::optional<Destination> destination_;
  Fd probe_;
};

}  // namespace

std::unique_ptr<SocketCall> begin_send(const seccomp_data& data, const SocketRules& rules, const Caller& caller, Fd socket) {
  return std::make_unique<Send>(data, rules, caller, std::move(socket));
}

}  // namespace cordon::launch
