// SPDX-License-Identifier: Apache-2.0
#include "launch/terminal.hpp"

#include <unistd.h>

namespace cordon::launch {

Terminal::Terminal() : own_(getpgrp()) {
  for (int fd = 0; fd < 3 && fd_ < 0; ++fd)
    if (tcgetpgrp(fd) == own_) fd_ = fd;
}

// tcsetpgrp(3) from the background wants SIGTTOU blocked; the supervisor blocks everything.
void Terminal::take() {
  if (fd_ < 0) return;
  other_ = tcgetpgrp(fd_);
  if (other_ != own_) tcsetpgrp(fd_, own_);
}

void Terminal::give_back() {
  if (fd_ < 0 || other_ <= 0 || other_ == own_ || tcgetpgrp(fd_) != own_) return;
  tcsetpgrp(fd_, other_);  // fails where that group is gone: then the foreground is ours
}

}  // namespace cordon::launch
