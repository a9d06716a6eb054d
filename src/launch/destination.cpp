// SPDX-License-Identifier: Apache-2.0
#include "launch/destination.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

namespace cordon::launch {
namespace {

constexpr std::size_t kPath = offsetof(sockaddr_un, sun_path);
constexpr long kTmpfs = 0x01021994;

// A socket file that nobody holds any more, in a place that only the command can have made it in.
bool stale(const Fd& file) {
  struct statfs fs{};
  return getpid() == 1 && fstatfs(file.get(), &fs) == 0 && fs.f_type == kTmpfs;
}

}  // namespace

std::string numeric(const sockaddr_storage& a) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (a.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(a);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(in.sin_port));
  }
  if (a.ss_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(a);
    inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(in.sin6_port));
  }
  return "an inherited socket";
}

std::expected<Destination, NoDestination> check_destination(const SocketRules& rules, const Caller& caller, const Fd& socket,
                                                            const sockaddr_storage& bytes, socklen_t size) {
  Destination d;
  d.address = bytes;
  d.size = size;
  const bool local = size > kPath && bytes.ss_family == AF_UNIX;
  if (!local) {
    if (size > 0 && rules.peers.foreign(socket)) return std::unexpected(NoDestination{EACCES, numeric(bytes)});
    return d;
  }
  if (size > sizeof(sockaddr_un)) return std::unexpected(NoDestination{EINVAL, {}});
  const char* path = reinterpret_cast<const sockaddr_un&>(bytes).sun_path;
  const std::string name(path, path[0] == 0 ? size - kPath : strnlen(path, size - kPath));
  if (path[0] == 0) {
    d.name = "@" + name.substr(1);
    if (!rules.abstract || rules.peers.foreign(socket)) return std::unexpected(NoDestination{EACCES, "unix:" + d.name});
    return d;
  }
  int domain = 0;
  socklen_t n = sizeof domain;
  // The kernel's own order of errors: a socket of another family does not look at the path.
  if (getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 && domain != AF_UNIX) return d;
  auto inode = resolve(caller, AT_FDCWD, name);
  if (!inode) return std::unexpected(NoDestination{inode.error(), {}});
  if (!rules.peers.made_inside(*inode)) {
    struct stat s{};
    if (fstat(inode->get(), &s) != 0 || !S_ISSOCK(s.st_mode) || stale(*inode)) return std::unexpected(NoDestination{ECONNREFUSED, {}});
    return std::unexpected(NoDestination{EACCES, "unix:" + name});
  }
  d.inode = std::move(*inode);
  d.address = {};
  auto& a = reinterpret_cast<sockaddr_un&>(d.address);
  a.sun_family = AF_UNIX;
  std::snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d", d.inode.get());
  d.size = sizeof a;
  return d;
}

}  // namespace cordon::launch
