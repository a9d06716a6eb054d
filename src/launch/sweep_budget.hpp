// SPDX-License-Identifier: Apache-2.0
// What the last look may cost. The command laid out what is looked at, so it must not decide how long that takes.
#pragma once
#include <chrono>
#include <cstddef>

namespace cordon::launch {

/// Once it is spent nothing is read any more, and what was not read is taken for a trap. Soon after that all is over.
/// Both come earlier when the supervisor waits for the end, and earlier still when it is gone.
class SweepBudget {
 public:
  explicit SweepBudget(int control) : control_(control) {}
  SweepBudget(const SweepBudget&) = delete;
  SweepBudget& operator=(const SweepBudget&) = delete;

  /// One more name or file, and what is read of it. False: not any more.
  bool take(std::size_t bytes = 0);
  [[nodiscard]] bool spent() const { return spent_; }
  [[nodiscard]] bool over();  ///< not even what is quick

 private:
  using Clock = std::chrono::steady_clock;
  void look_up();

  int control_;
  std::size_t steps_ = 200'000;
  std::size_t bytes_ = std::size_t{64} << 20;
  Clock::time_point end_ = Clock::now() + std::chrono::seconds(20), heard_{};
  bool spent_ = false, over_ = false;
};

}  // namespace cordon::launch
