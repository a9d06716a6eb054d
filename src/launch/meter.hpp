// SPDX-License-Identifier: Apache-2.0
// What all processes of the sandbox use together, looked at by PID 1 a few times a second where no cgroup counts it.
//
// Memory is what they have in common only once (PSS), with the private tmpfs trees, System V segments and, where the network is
// their own, what lies in sockets. Processor time is that of the living and of those who were waited for; or, if it is more, what was
// seen of each. What escapes: a process that nobody waits for and that ends between two looks (cpu), bytes in pipes and memory files
// that nobody maps (memory). The plan says so in `weaker`.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cordon::launch {

struct MeterOptions {
  std::optional<std::chrono::milliseconds> cpu;
  std::optional<std::uint64_t> memory;     ///< bytes
  std::optional<std::uint64_t> processes;  ///< with threads
  std::vector<std::string> trees;          ///< private tmpfs mounts, as the sandbox sees them
  bool sockets = false;                    ///< those of the network namespace are the sandbox's own
};

class Meter {
 public:
  explicit Meter(MeterOptions options) : options_(std::move(options)) {}
  /// Milliseconds between two looks; -1: there is no limit to watch.
  [[nodiscard]] int interval() const;
  /// The name of a limit that is passed, or null. Must be PID 1 of a pid namespace with its own /proc.
  [[nodiscard]] const char* look();

 private:
  struct Seen {
    std::uint64_t started, ticks;
  };
  [[nodiscard]] std::uint64_t kept_by_kernel() const;
  MeterOptions options_;
  std::map<int, Seen> seen_;
  std::uint64_t gone_ticks_ = 0;
  bool near_ = false;  // memory is past the half of its limit
};

}  // namespace cordon::launch
