// SPDX-License-Identifier: Apache-2.0
// The time in which the sandbox's job is stopped, and its supervisor with it: it does not count, unless something inside goes on.
//
// A timer whose signal is SIGCONT wakes a stopped process, and nobody but PID 1 is there to see it. What ran is seen by the context
// switches of all threads; it is stopped again, and the time since the last look counts as if nothing had been stopped.
#pragma once
#include <chrono>
#include <cstdint>

namespace cordon::launch {

class Standstill {
 public:
  static constexpr int kLook = 100;  ///< milliseconds between two looks

  /// So much of the wall time is left; all time that there is until this is called.
  void only(std::chrono::milliseconds left) { left_ = left; }
  /// Stops again what runs. False: the wall time is over.
  [[nodiscard]] bool look();
  /// What counts of the time so far.
  [[nodiscard]] std::chrono::milliseconds ran() const { return std::chrono::duration_cast<std::chrono::milliseconds>(ran_); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::duration left_ = Clock::duration::max();
  Clock::duration ran_{};
  Clock::time_point looked_ = Clock::now();
  std::uint64_t switches_ = 0;  // none yet: what is just being stopped switches a last time
};

}  // namespace cordon::launch
