// SPDX-License-Identifier: Apache-2.0
#include "plan/own_programs.hpp"

#include <unistd.h>

namespace cordon::plan {

std::string own_program() {
  char self[4096];
  const ssize_t n = ::readlink("/proc/self/exe", self, sizeof self);
  return n <= 0 || n == static_cast<ssize_t>(sizeof self) ? std::string() : std::string(self, static_cast<std::size_t>(n));
}

std::vector<std::string> egress_places() {
  const std::string self = own_program();
  if (self.empty()) return {};
  const std::string directory = self.substr(0, self.rfind('/'));
  return {directory + "/cordon-egress", directory + "/../libexec/cordon/cordon-egress"};
}

}  // namespace cordon::plan
