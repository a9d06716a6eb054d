// SPDX-License-Identifier: Apache-2.0
#include "launch/late_match.hpp"

#include <unordered_set>

#include "plan/glob.hpp"

namespace cordon::launch {
namespace {
constexpr int kMostEvents = 64;
}

void late_matches(const std::vector<Glob>& globs, SweepBudget& budget, const std::function<void(const Event&)>& tell) {
  const auto list = [&](const std::string& directory) {
    auto entries = budget.take() ? plan::real_host().list(directory) : std::vector<plan::Entry>();
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (!budget.take()) return std::vector<plan::Entry>();
    return entries;
  };
  int told = 0;
  for (const Glob& g : globs) {
    const std::unordered_set<std::string> known(g.known.begin(), g.known.end());
    plan::each_match(g.start, g.pattern, list, [&](const std::string& path) {
      if (known.contains(path) || told++ >= kMostEvents) return;
      tell({g.read ? EventKind::file_read : EventKind::file_write, Decision::allowed, path, g.rule, 0, "", "", {{"late", "true"}}, 0});
    });
  }
}

}  // namespace cordon::launch
