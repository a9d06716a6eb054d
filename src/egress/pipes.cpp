// SPDX-License-Identifier: Apache-2.0
#include "egress/pipes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace cordon::egress {
namespace {
constexpr int kPipeBytes = 1 << 20;
}

Pipe PipePool::borrow() {
  if (!free_.empty()) {
    Pipe pipe = std::move(free_.back());
    free_.pop_back();
    return pipe;
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return {};
  fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);  // EPERM past the user's share: the default size serves
  return {Fd(ends[0]), Fd(ends[1])};
}

void PipePool::give_back(Pipe pipe) {
  if (free_.size() < keep_) free_.push_back(std::move(pipe));
}

}  // namespace cordon::egress
