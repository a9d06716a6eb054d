// SPDX-License-Identifier: Apache-2.0
// What is kept of a configuration reads as the same settings again, and holds no trap.
#include <algorithm>

#include "check.hpp"
#include "launch/git_config.hpp"

using namespace cordon::launch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto settings = read_git_config(text(data, size));
  CHECK(read_git_config(write_git_config(settings)) == settings);
  std::erase_if(settings, is_trap);
  const auto kept = read_git_config(write_git_config(settings));
  CHECK(std::none_of(kept.begin(), kept.end(), is_trap));
  return 0;
}
