// SPDX-License-Identifier: Apache-2.0
#include "launch/egress_program.hpp"

#include <cordon/events.hpp>
#include <unistd.h>

#include <cerrno>

#include "plan/own_programs.hpp"

namespace cordon::launch {

Result<std::string> find_egress() {
  const auto places = plan::egress_places();
  if (places.empty()) return impossible("cannot find the own program", errno, "is /proc mounted?");
  for (const std::string& path : places)
    if (access(path.c_str(), X_OK) == 0) return path;
  return impossible("cordon-egress is missing, or cannot be executed: neither " + printable(places[0]) + " nor " + printable(places[1]), 0,
                    "install Cordon again");
}

}  // namespace cordon::launch
