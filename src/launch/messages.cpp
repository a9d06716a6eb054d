// SPDX-License-Identifier: Apache-2.0
#include "launch/messages.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "event/wire.hpp"

namespace cordon::launch {
namespace {
constexpr std::size_t kMostDescriptors = 2;
}

bool tell(int control, const Message& message, std::initializer_list<int> descriptors, int flags) {
  iovec data{const_cast<Message*>(&message), sizeof message};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof(int) * kMostDescriptors)]{};
  msghdr h{};
  h.msg_iov = &data;
  h.msg_iovlen = 1;
  if (descriptors.size() != 0) {
    h.msg_control = ancillary;
    h.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* c = CMSG_FIRSTHDR(&h);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(c), descriptors.begin(), sizeof(int) * descriptors.size());
  }
  for (;;) {
    if (sendmsg(control, &h, MSG_NOSIGNAL | flags) == static_cast<ssize_t>(sizeof message)) return true;
    if (errno != EINTR) return false;
  }
}

bool tell_event(int control, const Event& event) {
  Message message{};
  message.kind = MessageKind::event;
  std::string bytes = encode(event);
  iovec parts[] = {{&message, sizeof message}, {bytes.data(), bytes.size()}};
  msghdr h{};
  h.msg_iov = parts;
  h.msg_iovlen = 2;
  return sendmsg(control, &h, MSG_NOSIGNAL) > 0;
}

int hear(int control, Message& message, Fd (&descriptors)[2], int flags, std::string* event) {
  // Not on the stack, where each of its pages would be touched (-fstack-clash-protection): most messages have no event.
  const auto rest = event ? std::make_unique_for_overwrite<char[]>(kMostEventBytes) : nullptr;
  iovec parts[] = {{&message, sizeof message}, {rest.get(), event ? kMostEventBytes : 0}};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof(int) * kMostDescriptors)];
  msghdr h{};
  h.msg_iov = parts;
  h.msg_iovlen = 2;
  h.msg_control = ancillary;
  h.msg_controllen = sizeof ancillary;
  ssize_t n = 0;
  // ECONNRESET, once: the peer is gone and has not read all that we said. What it said is still there.
  do n = recvmsg(control, &h, MSG_CMSG_CLOEXEC | flags);
  while (n < 0 && (errno == EINTR || errno == ECONNRESET));
  if (n < 0) return errno == EAGAIN ? -1 : 0;
  for (const cmsghdr* c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, const_cast<cmsghdr*>(c))) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      if (i < kMostDescriptors) descriptors[i] = Fd(fd);
    }
  }
  errno = (h.msg_flags & MSG_CTRUNC) != 0 ? EMFILE : 0;  // cut: a descriptor found no room
  if (n < static_cast<ssize_t>(sizeof message) || errno != 0) return 0;
  if (event) event->assign(rest.get(), static_cast<std::size_t>(n) - sizeof message);
  return 1;
}

}  // namespace cordon::launch
