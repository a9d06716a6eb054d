// SPDX-License-Identifier: Apache-2.0
#include "launch/sweep_budget.hpp"

#include <poll.h>

#include <algorithm>

namespace cordon::launch {
namespace {
using std::chrono::milliseconds;
constexpr milliseconds kBetween(20);  // two looks at the socket
constexpr milliseconds kHurried(2000), kAlone(400);
constexpr milliseconds kQuick(400);  // for what is done when nothing is read any more
}  // namespace

void SweepBudget::look_up() {
  const auto now = Clock::now();
  if (now - heard_ < kBetween) return;
  heard_ = now;
  pollfd p{control_, POLLRDHUP, 0};
  if (poll(&p, 1, 0) > 0) end_ = std::min(end_, now + ((p.revents & (POLLHUP | POLLERR)) != 0 ? kAlone : kHurried));
  if (now >= end_) spent_ = true;
  if (now >= end_ + kQuick) over_ = true;
}

bool SweepBudget::take(std::size_t bytes) {
  look_up();
  if (steps_ == 0 || bytes > bytes_) spent_ = true;
  if (spent_) return false;
  --steps_;
  bytes_ -= bytes;
  return true;
}

bool SweepBudget::over() {
  look_up();
  return over_;
}

}  // namespace cordon::launch
