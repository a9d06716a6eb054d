// SPDX-License-Identifier: Apache-2.0
#include "launch/tally.hpp"

#include <utility>

namespace cordon::launch {
namespace {
constexpr unsigned kToldEach = 3;
constexpr std::size_t kMostKinds = 1000;
}  // namespace

void Tally::add(Event event, const std::function<void(Event&)>& complete) {
  std::string key = std::to_string(static_cast<int>(event.kind)) + event.object;
  const auto found = counts_.find(key);
  if (found == counts_.end() && counts_.size() >= kMostKinds) {
    ++others_;
    return;
  }
  Count& count = found != counts_.end() ? found->second : counts_[std::move(key)];
  if (count.told == kToldEach) {
    ++count.more;
    return;
  }
  ++count.told;
  complete(event);
  tell_(event);
  count.event = std::move(event);
}

void Tally::flush() {
  for (auto& [key, count] : counts_) {
    if (count.more == 0) continue;
    count.event.extra = {{"repeated", std::to_string(std::exchange(count.more, 0))}};
    count.event.time_ns = 0;
    tell_(count.event);
  }
  if (others_ == 0) return;
  Event e{EventKind::syscall, Decision::denied, "others", "more kinds of denials than are told apart", 0, "", "", {}, 0};
  e.extra = {{"repeated", std::to_string(std::exchange(others_, 0))}};
  tell_(e);
}

}  // namespace cordon::launch
