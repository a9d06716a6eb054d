// SPDX-License-Identifier: Apache-2.0
#include "session/spawn.hpp"

#include <cordon/events.hpp>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>

#include "base/sys.hpp"

namespace cordon::session {
namespace {

using sys::call;
using sys::ptr;

struct Child {
  const char *path, *directory;
  char *const *argv, *const *envp;
  int descriptors[5];
  volatile int error = 0;
  volatile bool in_directory = false;
};

// Shares the caller's memory: system calls alone, nothing of libc, and only the child's own tables change.
int become(void* arg) {
  auto& c = *static_cast<Child*>(arg);
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
  call(SYS_rt_sigprocmask, SIG_SETMASK, ptr(&none), 0, sizeof none);
  const auto stop = [&](long r) {
    c.error = static_cast<int>(-r);
    for (;;) call(SYS_exit, 127);
  };
  // First out of the way of 0 to 4, then into place; dup3(2) leaves close-on-exec off.
  constexpr int kCount = 5;
  for (int& fd : c.descriptors) {
    const long up = call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, kCount);
    if (up < 0) stop(up);
    fd = static_cast<int>(up);
  }
  for (int i = 0; i < kCount; ++i)
    if (const long r = call(SYS_dup3, c.descriptors[i], i, 0); r < 0) stop(r);
  if (const long r = call(SYS_close_range, kCount, ~0U, 0); r < 0) stop(r);
  if (c.directory) {
    c.in_directory = true;
    if (const long r = call(SYS_chdir, ptr(c.directory)); r < 0) stop(r);
    c.in_directory = false;
  }
  stop(call(SYS_execve, ptr(c.path), ptr(c.argv), ptr(c.envp)));
  return 0;
}

std::vector<char*> pointers(const std::vector<std::string>& list) {
  std::vector<char*> p;
  for (const std::string& s : list) p.push_back(const_cast<char*>(s.c_str()));
  p.push_back(nullptr);
  return p;
}

}  // namespace

Result<Process> spawn(const Program& program) {
  const auto argv = pointers(program.argv), envp = pointers(program.environment);
  Child child{program.path.c_str(), program.directory.empty() ? nullptr : program.directory.c_str(), argv.data(), envp.data(), {}};
  for (std::size_t i = 0; i < program.descriptors.size(); ++i) child.descriptors[i] = program.descriptors[i];
  constexpr std::size_t kStack = 64 * 1024;
  void* stack = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return impossible("cannot start " + printable(program.path), errno, "free some memory");
  // A handler of the caller must not run in the child while it shares the caller's memory.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &old);
  int pidfd = -1;
  const int pid = clone(become, static_cast<char*>(stack) + kStack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &child, &pidfd);
  const int error = pid < 0 ? errno : child.error;
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  munmap(stack, kStack);
  Process process{Fd(pidfd), pid};
  if (pid < 0) return impossible("cannot start a process for " + printable(program.path), error, "end some processes or raise `ulimit -u`");
  if (error == 0) return process;
  siginfo_t ignored{};
  while (waitid(P_PIDFD, static_cast<id_t>(pidfd), &ignored, WEXITED) < 0 && errno == EINTR) {}
  return impossible(
      child.in_directory ? "cannot enter the working directory " + printable(program.directory) : "cannot execute " + printable(program.path), error,
      child.in_directory ? "name a directory that you may enter" : "install `cordon`, or name it in the options");
}

}  // namespace cordon::session
