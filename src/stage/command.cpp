// SPDX-License-Identifier: Apache-2.0
// The last steps, in the command's own process: the walls that it cannot leave, then execve(2).
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/syscall.h>

#include "stage/steps.hpp"

namespace cordon::stage {
using sys::call;
using sys::ptr;

Outcome add_landlock_rules(const Program& p) {
  std::uint32_t index = 0;
  for (const StageRule& rule : p.landlock_rules) {
    const long fd = open_at(AT_FDCWD, rule.path, O_PATH | O_CLOEXEC);
    if (fd < 0) return outcome(fd, index);
    landlock_path_beneath_attr a{};
    a.allowed_access = rule.access;
    a.parent_fd = static_cast<int>(fd);
    const long r = call(SYS_landlock_add_rule, p.landlock_ruleset, LANDLOCK_RULE_PATH_BENEATH, ptr(&a), 0);
    call(SYS_close, fd);
    if (r < 0) return outcome(r, index);
    ++index;
  }
  return {};
}

Outcome change_directory(const Program& p) {
  const long fd = open_at(AT_FDCWD, p.cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return outcome(fd < 0 ? fd : call(SYS_fchdir, fd));
}

Outcome default_signals() {
  struct KernelAction {
    void* handler;
    unsigned long flags;
    void* restorer;
    std::uint64_t mask;
  };
  const KernelAction standard{};
  for (int s = 1; s <= 64; ++s)
    if (s != SIGKILL && s != SIGSTOP) call(SYS_rt_sigaction, s, ptr(&standard), 0, sizeof(std::uint64_t));
  const std::uint64_t none = 0;
  return outcome(call(SYS_rt_sigprocmask, SIG_SETMASK, ptr(&none), 0, sizeof none));
}

Outcome restrict_self(const Program& p) {
  if (!p.landlock) return {};
  return outcome(call(SYS_landlock_restrict_self, p.landlock_ruleset, 0));
}

Outcome load_filter(const Program& p, Shared& s) {
  // Once PID 1 has taken a call, a signal that does not kill waits: what was sent on the caller's behalf is not sent again. 5.19
  constexpr long kKillable = 1L << 5;  // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
  long fd = call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | kKillable, ptr(&p.filter));
  if (fd == -22) fd = call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, ptr(&p.filter));
  if (fd < 0) return outcome(fd);
  s.listener = static_cast<int>(fd);
  const std::uint64_t one = 1;
  return outcome(call(SYS_write, s.ready_fd, ptr(&one), sizeof one));
}

// Leaves the table shared with PID 1 (which keeps the listener) and keeps 0, 1 and 2 alone.
Outcome close_descriptors() {
  if (const long r = call(SYS_close_range, 3, ~0U, CLOSE_RANGE_UNSHARE); r < 0) return outcome(r);
  for (int fd = 3; fd < 64; ++fd)  // the state, not the return code; what the supervisor had open lies here
    if (call(SYS_close, fd) != -9) return {1, static_cast<std::uint32_t>(fd)};  // EBADF
  return {};
}

Outcome execute(const Program& p) { return outcome(call(SYS_execve, ptr(p.executable), ptr(p.argv), ptr(p.envp))); }

void fail(Shared& s, Failure f) {
  s.failure.step = f.step;
  s.failure.index = f.index;
  s.failure.error = f.error;
  for (;;) call(SYS_exit_group, 127);
}

}  // namespace cordon::stage
