// SPDX-License-Identifier: Apache-2.0
#include "launch/network.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "base/sys.hpp"

namespace cordon::launch {

long loopback_up() {
  const long s = sys::call(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (s < 0) return s;
  ifreq r{};
  r.ifr_name[0] = 'l';
  r.ifr_name[1] = 'o';
  r.ifr_flags = IFF_UP | IFF_RUNNING;
  const long e = sys::call(SYS_ioctl, s, SIOCSIFFLAGS, sys::ptr(&r));
  sys::call(SYS_close, s);
  return e;
}

Fd listen_inside(std::uint16_t port) {
  Fd s(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!s) return s;
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(s.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) != 0 || listen(s.get(), 1024) != 0) s.reset();
  return s;
}

bool serve_dial(int channel) {
  char family = 0;
  const ssize_t n = recv(channel, &family, 1, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (n != 1) return false;
  const Fd s(socket(family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  char answer = s ? 0 : static_cast<char>(errno);
  iovec data{&answer, 1};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof(int))]{};
  msghdr h{};
  h.msg_iov = &data;
  h.msg_iovlen = 1;
  if (s) {
    h.msg_control = ancillary;
    h.msg_controllen = sizeof ancillary;
    cmsghdr* c = CMSG_FIRSTHDR(&h);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = s.get();
    std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
  }
  return sendmsg(channel, &h, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

}  // namespace cordon::launch
