// SPDX-License-Identifier: Apache-2.0
#include "cli/hold.hpp"

#include <filesystem>

#include "cli/cli.hpp"
#include "launch/egress_program.hpp"

namespace cordon::cli {

void hold_file(Policy& policy, const std::string& path, const char* what) {
  std::error_code e;
  const auto place = std::filesystem::absolute(path, e);
  if (!e && std::filesystem::exists(place, e)) policy.fs.deny_write.push_back({place.string(), {what, 0, 0}, true});
}

void hold_programs(Policy& policy) {
  std::error_code unknown;
  hold_file(policy, std::filesystem::read_symlink("/proc/self/exe", unknown), "Cordon's own");
  for (const std::string& place : launch::egress_places()) hold_file(policy, place, "Cordon's own");
}

}  // namespace cordon::cli
