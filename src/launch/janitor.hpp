// SPDX-License-Identifier: Apache-2.0
// The process that removes placeholders and the cgroup when the supervisor and PID 1 are both gone.
//
// PID 1 cannot: in its mount namespace they are mount points, and rmdir(2) says EBUSY. Nor may anybody before PID 1 is
// gone with all of its namespace: a removed directory takes the mount on it along, and the command could make its own.
#pragma once
#include <cordon/error.hpp>

#include <vector>

#include "base/fd.hpp"
#include "launch/cgroup.hpp"
#include "launch/placeholders.hpp"

namespace cordon::launch {

class Janitor {
 public:
  ~Janitor() { stop(); }
  Janitor() = default;
  Janitor(const Janitor&) = delete;
  Janitor& operator=(const Janitor&) = delete;
  /// Nothing is started where there is nothing to remove. `places` and `cgroup` must outlive the janitor: it shares our memory, and
  /// keeps it when we are killed.
  Result<void> start(const std::vector<Place>& places, const Cgroup& cgroup, int init_pidfd);
  /// Readable once it is dead; -1 where none was needed.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  void stop();

 private:
  struct Job {
    const Place* places;
    std::size_t count;
    Place cgroup;
    int kill_fd, supervisor, init, ruleset;
  };
  static int work(void* job);
  Job job_{};
  Fd supervisor_, ruleset_, pidfd_;
  int pid_ = 0;
  void* stack_ = nullptr;
};

}  // namespace cordon::launch
