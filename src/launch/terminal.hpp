// SPDX-License-Identifier: Apache-2.0
// The terminal of the run: whose process group is in its foreground.
#pragma once
#include <sys/types.h>

namespace cordon::launch {

/// Looks at the standard streams. All calls do nothing where none is our terminal, or we began in its background.
class Terminal {
 public:
  Terminal();
  /// The command was stopped: the foreground is ours again, so that our caller's shell sees the job stop.
  void take();
  /// It goes on: the group that was in the foreground has it again.
  void give_back();

 private:
  int fd_ = -1;
  pid_t own_ = 0, other_ = 0;
};

}  // namespace cordon::launch
