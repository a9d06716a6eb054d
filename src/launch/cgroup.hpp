// SPDX-License-Identifier: Apache-2.0
// A cgroup v2 of the run's own, below a directory that was delegated to us: limits and counts for all processes together.
#pragma once
#include <cordon/plan.hpp>

#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "launch/placeholders.hpp"

namespace cordon::launch {

class Cgroup {
 public:
  ~Cgroup() { remove(); }
  Cgroup() = default;
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;
  /// Makes it and sets memory.max and pids.max as far as `limits` has them. Opens all that is read later: the supervisor will
  /// open nothing. Errors: the directory is not ours, a controller is missing.
  Result<void> make(const std::string& directory, const Limits& limits);
  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// For who removes it when we are gone.
  [[nodiscard]] Place place() const { return {directory_.get(), name_.c_str()}; }
  [[nodiscard]] int kill_fd() const { return kill_.get(); }
  [[nodiscard]] std::optional<std::chrono::microseconds> cpu() const;
  [[nodiscard]] std::optional<std::uint64_t> peak_memory() const;
  /// The limits at which the kernel ended or refused something.
  [[nodiscard]] std::vector<const char*> limits_hit() const;
  /// Ends all of its processes.
  void kill();
  /// All of its processes must have ended.
  void remove();

 private:
  Fd directory_, fd_, kill_, cpu_, memory_peak_, memory_events_, pids_events_;
  std::string name_;
};

/// Kills what is in a cgroup and removes it, for at most a second. By raw calls: it also runs where memory is shared.
void remove_cgroup(const Place& place, int kill_fd);

}  // namespace cordon::launch
