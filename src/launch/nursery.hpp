// SPDX-License-Identifier: Apache-2.0
// The namespaces of the sandbox, made while the plan is: the network's alone takes the kernel half as long as all mounts.
//
//   Nursery n;
//   n.open(tty);      // a process that shares our memory makes them
//   n.bear(args, c);  // it clones PID 1 into them, as a child of ours, and is gone
//
// Nothing depends on it: whatever fails, spawn_init makes all namespaces at once, and words the failure.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/fd.hpp"
#include "launch/init.hpp"

namespace cordon::launch {

/// struct clone_args of clone3(2) as of Linux 5.7; linux/sched.h and sched.h do not go together.
struct CloneArgs {
  std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

struct Spawned {
  pid_t pid = 0;
  Fd pidfd;
};

class Nursery {
 public:
  ~Nursery() { close(); }
  Nursery() = default;
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;
  /// `tty`: what will be /dev/console, or empty.
  void open(const std::string& tty);
  /// PID 1, with new namespaces as `args` says and the nursery's besides; no process if it cannot be had here. Blocks until
  /// the nursery is gone: nothing else may change our memory while it is copied.
  [[nodiscard]] Spawned bear(const CloneArgs& args, InitConfig& config);
  void close();

 private:
  enum Word : std::uint32_t { wait, clone, leave };
  struct Job {
    std::uint32_t word = wait;  // futex(2)
    std::string uid_map, gid_map, tty;
    CloneArgs args{};
    InitConfig* config = nullptr;
    stage::Roots roots;
    int parent = 0, pid = 0, pidfd = -1;
    void* stack = nullptr;
  };
  static int work(void* job);
  void tell(Word word);
  Job job_;
  int pid_ = 0;
};

}  // namespace cordon::launch
