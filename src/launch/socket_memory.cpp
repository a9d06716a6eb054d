// SPDX-License-Identifier: Apache-2.0
#include "launch/socket_memory.hpp"

#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/fd.hpp"

namespace cordon::launch {
namespace {

constexpr std::uint64_t kMostDatagrams = 11;  // that wait at a socket of a unix domain (net.unix.max_dgram_qlen and one)

struct Held {
  std::uint64_t sent = 0;      // what the senders are charged for, in the unix domain
  std::uint64_t received = 0;  // what lies at the receivers: more, where the senders are closed
  std::uint64_t wide = 0;      // of TCP and UDP, at both
};

// The attributes behind a record of one socket.
void add(Held& held, const char* at, std::size_t left, bool unix_domain, bool datagram) {
  while (left >= sizeof(rtattr)) {
    rtattr a{};
    std::memcpy(&a, at, sizeof a);
    if (a.rta_len < sizeof a || a.rta_len > left) return;
    const auto number = [&](std::size_t index) {
      std::uint32_t value = 0;
      const std::size_t from = RTA_LENGTH(index * sizeof value);
      if (from + sizeof value <= a.rta_len) std::memcpy(&value, at + from, sizeof value);
      return std::uint64_t{value};
    };
    if (unix_domain && a.rta_type == UNIX_DIAG_RQLEN) held.received += number(0) * (datagram ? kMostDatagrams : 1);
    if (unix_domain && a.rta_type == UNIX_DIAG_MEMINFO) held.sent += number(SK_MEMINFO_WMEM_ALLOC);
    if (!unix_domain && a.rta_type == INET_DIAG_SKMEMINFO)
      held.wide += number(SK_MEMINFO_RMEM_ALLOC) + std::max(number(SK_MEMINFO_WMEM_QUEUED), number(SK_MEMINFO_WMEM_ALLOC));
    const std::size_t step = std::min<std::size_t>(RTA_ALIGN(a.rta_len), left);
    at += step;
    left -= step;
  }
}

template <class Request>
void dump(Held& held, const Request& request, bool unix_domain) {
  const Fd diag(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  struct {
    nlmsghdr head;
    Request request;
  } ask{{sizeof ask, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, request};
  if (!diag || send(diag.get(), &ask, sizeof ask, 0) != static_cast<ssize_t>(sizeof ask)) return;
  alignas(nlmsghdr) char text[32768];
  for (ssize_t n; (n = recv(diag.get(), text, sizeof text, MSG_DONTWAIT)) > 0;) {
    auto left = static_cast<unsigned>(n);
    for (const auto* m = reinterpret_cast<const nlmsghdr*>(text); NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
      if (m->nlmsg_type != SOCK_DIAG_BY_FAMILY) return;  // the end, or an error
      const std::size_t fixed = NLMSG_ALIGN(unix_domain ? sizeof(unix_diag_msg) : sizeof(inet_diag_msg));
      if (m->nlmsg_len < NLMSG_LENGTH(fixed)) return;
      const char* record = static_cast<const char*>(NLMSG_DATA(m));
      const bool datagram = unix_domain && reinterpret_cast<const unix_diag_msg*>(record)->udiag_type == SOCK_DGRAM;
      add(held, record + fixed, m->nlmsg_len - NLMSG_LENGTH(fixed), unix_domain, datagram);
    }
  }
}

}  // namespace

std::uint64_t socket_memory() {
  Held held;
  unix_diag_req local{};
  local.sdiag_family = AF_UNIX;
  local.udiag_states = 0xffffffff;
  local.udiag_show = UDIAG_SHOW_RQLEN | UDIAG_SHOW_MEMINFO;
  dump(held, local, true);
  // The kernel goes through the tables of the whole machine to list TCP's and UDP's: only where there are any.
  constexpr struct {
    const char* file;
    const char* none;
    std::uint8_t family, protocol;
  } kProtocols[] = {{"/proc/net/sockstat", "TCP: inuse 0 ", AF_INET, IPPROTO_TCP},
                    {"/proc/net/sockstat", "UDP: inuse 0 ", AF_INET, IPPROTO_UDP},
                    {"/proc/net/sockstat6", "TCP6: inuse 0\n", AF_INET6, IPPROTO_TCP},
                    {"/proc/net/sockstat6", "UDP6: inuse 0\n", AF_INET6, IPPROTO_UDP}};
  for (const auto& p : kProtocols) {
    char text[1024];
    const Fd f(open(p.file, O_RDONLY | O_CLOEXEC));
    const ssize_t n = f ? read(f.get(), text, sizeof text - 1) : -1;
    if (n < 0) continue;  // no such family
    text[n] = 0;
    if (std::strstr(text, p.none)) continue;
    inet_diag_req_v2 wide{};
    wide.sdiag_family = p.family;
    wide.sdiag_protocol = p.protocol;
    wide.idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1);
    wide.idiag_states = 0xffffffff;
    dump(held, wide, false);
  }
  return std::max(held.sent, held.received) + held.wide;
}

}  // namespace cordon::launch
