// SPDX-License-Identifier: Apache-2.0
#include "egress/route.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace cordon::egress {
namespace {

bool links_are_followed = true;

}  // namespace

void follow_no_links() { links_are_followed = false; }

std::expected<Fd, int> find_socket(const std::string& path) {
  Fd at;
  if (links_are_followed) {
    at = Fd(open(path.c_str(), O_PATH | O_CLOEXEC));
  } else {
    // Name by name, each in the directory before it: openat2(2) would be one call more within reach of a client's bytes.
    at = Fd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (std::size_t from = 1; at && from < path.size();) {
      const std::size_t end = std::min(path.find('/', from), path.size());
      at = Fd(openat(at.get(), path.substr(from, end - from).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      from = end + 1;
    }
  }
  struct stat s{};
  if (!at || fstat(at.get(), &s) != 0) return std::unexpected(errno);
  if (S_ISLNK(s.st_mode)) return std::unexpected(ELOOP);
  if (!S_ISSOCK(s.st_mode)) return std::unexpected(ENOTSOCK);
  return at;
}

}  // namespace cordon::egress
