// SPDX-License-Identifier: Apache-2.0
#include "launch/peers.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

namespace cordon::launch {
namespace {

constexpr std::size_t kMostCookies = 65536;

std::optional<std::uint64_t> cookie(int socket, int option) {
  std::uint64_t value = 0;
  socklen_t size = sizeof value;
  if (getsockopt(socket, SOL_SOCKET, option, &value, &size) != 0) return std::nullopt;
  return value;
}

// The kernel's own dev_t is 12:20 bits (MKDEV).
std::uint32_t kernel_device(unsigned major_number, unsigned minor_number) { return (major_number << 20) | minor_number; }

// What sock_diag calls device and inode: those of the superblock and the inode itself. stat(2) shows others on btrfs and overlayfs.
struct Identity {
  std::uint32_t device;
  std::uint64_t inode;
};
std::optional<Identity> raw_identity(int fd) {
  char path[64], text[1024];
  std::snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  const Fd info(open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t n = info ? read(info.get(), text, sizeof text - 1) : -1;
  if (n <= 0) return std::nullopt;
  text[n] = 0;
  const char* mount = std::strstr(text, "mnt_id:");
  const char* inode = std::strstr(text, "ino:");  // 5.14
  if (!mount || !inode) return std::nullopt;
  const int id = std::atoi(mount + 7);
  FILE* mounts = std::fopen("/proc/self/mountinfo", "re");
  if (!mounts) return std::nullopt;
  std::optional<Identity> found;
  char* line = nullptr;
  std::size_t size = 0;
  int mount_id = 0;
  unsigned major_number = 0, minor_number = 0;
  while (!found && getline(&line, &size, mounts) > 0)
    if (std::sscanf(line, "%d %*d %u:%u", &mount_id, &major_number, &minor_number) == 3 && mount_id == id)
      found = Identity{kernel_device(major_number, minor_number), std::strtoull(inode + 4, nullptr, 10)};
  std::free(line);
  std::fclose(mounts);
  return found;
}

}  // namespace

Peers::Peers(bool own_network) : own_network_(own_network), diag_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {
  if (!own_network) return;
  const Fd ours(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto here = cookie(ours.get(), SO_NETNS_COOKIE);
  for (int stream = 0; stream < 3; ++stream) {
    const auto there = cookie(stream, SO_NETNS_COOKIE);
    if (there && there != here) foreign_networks_.push_back(*there);
  }
}

bool Peers::foreign(const Fd& socket) const {
  if (foreign_networks_.empty()) return false;
  const auto network = cookie(socket.get(), SO_NETNS_COOKIE);
  return network && std::find(foreign_networks_.begin(), foreign_networks_.end(), *network) != foreign_networks_.end();
}

void Peers::watch_bind(const Fd& socket) {
  sockaddr_un name{};
  socklen_t size = sizeof name;
  // One that has a name already is another's: a stream that the user handed in bears the name of the listener it came from.
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0 || name.sun_family != AF_UNIX || size > sizeof(sa_family_t)) return;
  const auto id = cookie(socket.get(), SO_COOKIE);
  if (!id) return;
  if (cookies_.size() >= kMostCookies) {  // forget those that are gone
    std::set<std::uint64_t> alive;
    for (const Bound& b : bound())
      if (cookies_.contains(b.cookie)) alive.insert(b.cookie);
    cookies_ = std::move(alive);
  }
  if (cookies_.size() < kMostCookies) cookies_.insert(*id);
}

std::vector<Peers::Bound> Peers::bound() const {
  std::vector<Bound> all;
  struct {
    nlmsghdr head;
    unix_diag_req body;
  } request{};
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = ~0U;
  request.body.udiag_show = UDIAG_SHOW_VFS;
  if (send(diag_.get(), &request, sizeof request, 0) < 0) return all;
  alignas(nlmsghdr) static char buffer[32768];
  for (;;) {
    const ssize_t n = recv(diag_.get(), buffer, sizeof buffer, 0);
    if (n <= 0) return all;
    auto left = static_cast<std::uint32_t>(n);
    for (const auto* h = reinterpret_cast<const nlmsghdr*>(buffer); NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
      if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) return all;
      const auto* m = static_cast<const unix_diag_msg*>(NLMSG_DATA(h));
      const char* at = reinterpret_cast<const char*>(m) + NLMSG_ALIGN(sizeof *m);
      const char* end = reinterpret_cast<const char*>(h) + h->nlmsg_len;
      for (nlattr a{}; at + sizeof a <= end; at += NLA_ALIGN(a.nla_len)) {
        std::memcpy(&a, at, sizeof a);
        if (a.nla_len < sizeof a || at + a.nla_len > end) break;
        if (a.nla_type != UNIX_DIAG_VFS || a.nla_len < NLA_HDRLEN + sizeof(unix_diag_vfs)) continue;
        unix_diag_vfs vfs{};
        std::memcpy(&vfs, at + NLA_HDRLEN, sizeof vfs);
        all.push_back({vfs.udiag_vfs_ino, vfs.udiag_vfs_dev, (static_cast<std::uint64_t>(m->udiag_cookie[1]) << 32) | m->udiag_cookie[0]});
      }
    }
  }
}

bool Peers::made_inside(const Fd& file) const {
  struct stat s{};
  if (fstat(file.get(), &s) != 0 || !S_ISSOCK(s.st_mode)) return false;
  const std::vector<Bound> all = bound();
  const auto known = [&](std::uint32_t device, std::uint64_t inode) {
    // sock_diag cuts inode numbers to 32 bits: one that does not fit could be taken for another.
    return inode <= UINT32_MAX && std::any_of(all.begin(), all.end(), [&](const Bound& b) {
             return b.inode == inode && b.device == device && (own_network_ || cookies_.contains(b.cookie));
           });
  };
  if (known(kernel_device(major(s.st_dev), minor(s.st_dev)), s.st_ino)) return true;
  const auto raw = raw_identity(file.get());
  return raw && known(raw->device, raw->inode);
}

}  // namespace cordon::launch
