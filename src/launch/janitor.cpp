// SPDX-License-Identifier: Apache-2.0
#include "launch/janitor.hpp"

#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>

#include "base/sys.hpp"
#include "launch/confine.hpp"
#include "launch/descendants.hpp"
#include "launch/descriptors.hpp"

namespace cordon::launch {
namespace {

using sys::call;
using sys::ptr;
constexpr std::size_t kStack = 32768;

void wait_for_end(int pidfd) {
  pollfd p{pidfd, POLLIN, 0};
  while (call(SYS_ppoll, ptr(&p), 1, 0, 0, 0) != 1) {}
}

}  // namespace

// It shares memory and thread-local storage with the supervisor: raw calls only. All signals are blocked, as there.
int Janitor::work(void* arg) {
  const Job& job = *static_cast<const Job*>(arg);
  call(SYS_prctl, PR_SET_NAME, ptr("cordon-janitor"));
  call(SYS_setsid);  // what the terminal sends is not for it
  close_all_but([&](auto keep) {
    keep(job.supervisor);
    keep(job.init);
    keep(job.ruleset);
    keep(job.kill_fd);
    keep(job.cgroup.parent);
    for (std::size_t i = 0; i < job.count; ++i) keep(job.places[i].parent);
  });
  if (call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || call(SYS_landlock_restrict_self, job.ruleset, 0) < 0 ||
      call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, ptr(&janitor_filter())) < 0)
    for (;;) call(SYS_exit_group, 1);  // which ends the sandbox
  wait_for_end(job.supervisor);
  wait_for_end(job.init);
  for (std::size_t i = 0; i < job.count; ++i) remove_marker(job.places[i]);
  if (job.cgroup.parent >= 0) remove_cgroup(job.cgroup, job.kill_fd);
  for (;;) call(SYS_exit_group, 0);
}

Result<void> Janitor::start(const std::vector<Place>& places, const Cgroup& cgroup, int init_pidfd) {
  if (places.empty() && !cgroup) return {};
  constexpr const char* kRemedy = "end some processes, or free some memory";
  auto ruleset = keeper_ruleset(places, cgroup);
  if (!ruleset) return std::unexpected(ruleset.error());
  ruleset_ = std::move(*ruleset);
  supervisor_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!supervisor_) return impossible("cannot watch the supervisor", errno, kRemedy);
  stack_ = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack_ == MAP_FAILED) return stack_ = nullptr, impossible("cannot start the janitor", errno, "free some memory");
  (void)janitor_filter();
  job_ = {places.data(), places.size(), cgroup ? cgroup.place() : Place{-1, nullptr}, cgroup.kill_fd(), supervisor_.get(),
          init_pidfd,    ruleset_.get()};
  int pidfd = -1;
  pid_ = clone(&Janitor::work, static_cast<char*>(stack_) + kStack, CLONE_VM | CLONE_PIDFD, &job_, &pidfd);
  if (pid_ < 0) return pid_ = 0, impossible("cannot start the janitor", errno, kRemedy);
  pidfd_ = Fd(pidfd);
  return {};
}

void Janitor::stop() {
  if (pid_ > 0) {
    kill_child(pidfd_.get(), pid_);
    while (waitpid(pid_, nullptr, __WALL) < 0 && errno != ECHILD) {}  // it is on our memory: whatever a wait may fail for, wait on
    pid_ = 0;
  }
  if (stack_) munmap(stack_, kStack);
  stack_ = nullptr;
  pidfd_.reset();
}

}  // namespace cordon::launch
