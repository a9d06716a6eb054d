// SPDX-License-Identifier: Apache-2.0
#include "launch/nursery.hpp"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/sanitizer.hpp"
#include "base/sys.hpp"
#include "launch/network.hpp"

namespace cordon::launch {
namespace {

using sys::call;
using sys::ptr;
constexpr std::size_t kStack = 1 << 20;  // PID 1 stays on its copy

}  // namespace

// It shares memory and thread-local storage with the supervisor: raw calls only.
int Nursery::work(void* arg) {
  Job& job = *static_cast<Job*>(arg);
  const auto leave_now = [] {
    for (;;) call(SYS_exit_group, 0);
  };
  if (call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL) < 0 || call(SYS_getppid) != job.parent ||
      call(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
    leave_now();
  stage::Program names;
  names.uid_map = job.uid_map.c_str();
  names.gid_map = job.gid_map.c_str();
  names.tty = job.tty.empty() ? nullptr : job.tty.c_str();
  if (loopback_up() < 0 || stage::furnish(names, job.roots).step != stage::Step::none) leave_now();
  std::uint32_t word = wait;
  const timespec look{0, 50'000'000};  // should the wake not come
  while ((word = __atomic_load_n(&job.word, __ATOMIC_ACQUIRE)) == wait) call(SYS_futex, ptr(&job.word), FUTEX_WAIT_PRIVATE, wait, ptr(&look));
  if (word == clone) {
    job.args.flags |= CLONE_PARENT | CLONE_PARENT_SETTID;  // its number is known whatever becomes of us
    job.args.parent_tid = static_cast<std::uint64_t>(ptr(&job.pid));
    job.args.pidfd = static_cast<std::uint64_t>(ptr(&job.pidfd));
    job.args.exit_signal = 0;  // that of ours
    job.config->roots = job.roots;
    if (call(SYS_clone3, ptr(&job.args), sizeof job.args) == 0) {
      sanitizer::on_stack(job.stack, kStack);
      init_main(*job.config);
    }
  }
  leave_now();
  return 0;
}

void Nursery::open(const std::string& tty) {
  const std::string uid = std::to_string(geteuid()), gid = std::to_string(getegid());
  job_.uid_map = uid + " " + uid + " 1\n";
  job_.gid_map = gid + " " + gid + " 1\n";
  job_.tty = tty;
  job_.stack = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (job_.stack == MAP_FAILED) {
    job_.stack = nullptr;
    return;
  }
  job_.parent = getpid();
  sigset_t all, old;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &old);  // what the terminal sends is for the supervisor, which would wait for a stopped child
  pid_ = ::clone(&Nursery::work, static_cast<char*>(job_.stack) + kStack, CLONE_VM | CLONE_FILES | SIGCHLD, &job_);
  sigprocmask(SIG_SETMASK, &old, nullptr);
}

void Nursery::tell(Word word) {
  __atomic_store_n(&job_.word, word, __ATOMIC_RELEASE);
  call(SYS_futex, ptr(&job_.word), FUTEX_WAKE_PRIVATE, 1);
  while (waitpid(pid_, nullptr, 0) < 0 && errno != ECHILD) {}  // it is on our memory: whatever a wait may fail for, wait on
  pid_ = 0;
}

Spawned Nursery::bear(const CloneArgs& args, InitConfig& config) {
  if (pid_ <= 0) return {};
  job_.args = args;
  job_.config = &config;
  config.own_network = false;  // its loopback is up
  tell(clone);
  close();
  if (job_.pid > 0) return {job_.pid, Fd(job_.pidfd)};
  config.own_network = true;
  config.roots = {};
  return {};
}

void Nursery::close() {
  if (pid_ > 0) tell(leave);
  for (long* fd : {&job_.roots.old_root, &job_.roots.new_root, &job_.roots.masks})
    if (*fd >= 0) ::close(static_cast<int>(std::exchange(*fd, -1)));
  if (job_.stack) munmap(job_.stack, kStack);
  job_.stack = nullptr;
}

}  // namespace cordon::launch
