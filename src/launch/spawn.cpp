// SPDX-License-Identifier: Apache-2.0
#include "launch/spawn.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cerrno>

#include "base/sys.hpp"

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

namespace cordon::launch {
namespace {

std::unexpected<Error> worded(int error) {
  if (error == EAGAIN) return impossible("cannot start a process", error, "end some processes or raise `ulimit -u`");
  if (error == ENOMEM) return impossible("cannot start a process", error, "free some memory");
  if (error == ENOSPC)
    return impossible("cannot make the namespaces: there are too many", error,
                      "raise user.max_user_namespaces, or accept less with --require landlock");
  return impossible("cannot make the namespaces", error, "see `cordon doctor`, or accept less with --require landlock");
}

}  // namespace

Result<Spawned> spawn_init(const Plan& plan, InitConfig& config, int cgroup, Nursery* nursery) {
  int pidfd = -1;
  CloneArgs args{};
  args.flags = CLONE_PIDFD;
  if (cgroup >= 0) {  // a write to cgroup.procs would cost 7 ms
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(cgroup);
  }
  if (plan.tier == Tier::namespaces) {
    args.flags |= CLONE_NEWPID | CLONE_NEWCGROUP;
    if (nursery && plan.net != NetMode::host)
      if (Spawned born = nursery->bear(args, config); born.pid > 0) return born;
    args.flags |= CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
    if (plan.net != NetMode::host) args.flags |= CLONE_NEWNET;
  }
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  const long child = sys::call(SYS_clone3, sys::ptr(&args), sizeof args);
  if (child == 0) init_main(config);
  if (child < 0) return worded(static_cast<int>(-child));
  return Spawned{static_cast<pid_t>(child), Fd(pidfd)};
}

}  // namespace cordon::launch
