// SPDX-License-Identifier: Apache-2.0
#include "launch/descendants.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/fd.hpp"

namespace cordon::launch {

void kill_child(int pidfd, pid_t pid) {
  // Its number is its own until it is waited for.
  if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0) != 0 && errno != ESRCH) kill(pid, SIGKILL);
}

void kill_descendants() {
  for (;;) {
    char path[64], text[4096];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    const Fd list(open(path, O_RDONLY | O_CLOEXEC));
    const ssize_t n = list ? read(list.get(), text, sizeof text - 1) : 0;
    if (n <= 0) return;
    text[n] = 0;
    if (char* const end = std::strrchr(text, ' ')) end[1] = 0;  // a number may be cut: it comes with the next reading
    int used = 0, child = 0;
    for (const char* at = text; std::sscanf(at, "%d%n", &child, &used) == 1; at += used) {
      kill(child, SIGKILL);
      while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {}  // its own children are ours from now on: the next round's
    }
  }
}

}  // namespace cordon::launch
