// SPDX-License-Identifier: Apache-2.0
#include "launch/egress_program.hpp"

#include <cordon/events.hpp>
#include <unistd.h>

#include <cerrno>

namespace cordon::launch {

std::vector<std::string> egress_places() {
  char self[4096];
  const ssize_t n = readlink("/proc/self/exe", self, sizeof self);
  if (n <= 0 || n == static_cast<ssize_t>(sizeof self)) return {};
  const std::string directory(self, std::string_view(self, static_cast<std::size_t>(n)).rfind('/'));
  return {directory + "/cordon-egress", directory + "/../libexec/cordon/cordon-egress"};
}

Result<std::string> find_egress() {
  const auto places = egress_places();
  if (places.empty()) return impossible("cannot find the own program", errno, "is /proc mounted?");
  for (const std::string& path : places)
    if (access(path.c_str(), X_OK) == 0) return path;
  return impossible("cordon-egress is missing, or cannot be executed: neither " + printable(places[0]) + " nor " + printable(places[1]), 0,
                    "install Cordon again");
}

}  // namespace cordon::launch
