// SPDX-License-Identifier: Apache-2.0
#include <cordon/sandbox.hpp>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>

#include "base/sanitizer.hpp"
#include "launch/acting.hpp"
#include "launch/descendants.hpp"
#include "launch/supervisor.hpp"

namespace cordon {
namespace launch {
namespace {

constexpr int kEgressPatience = 10'000;  // milliseconds

// What PID 1 must watch because neither a cgroup nor the kernel does.
MeterOptions metered(const Plan& plan) {
  MeterOptions m{plan.by_meter.cpu, plan.by_meter.memory, plan.by_meter.processes, {}, plan.net != NetMode::host};
  for (const Mount& mount : plan.mounts)
    if (mount.kind == MountKind::tmpfs) m.trees.push_back(mount.target);
  m.trees.push_back("/dev/shm");
  return m;
}

}  // namespace

Supervisor::Supervisor(const Plan& plan, const SuperviseOptions& options, const Beside& beside) : plan_(plan), options_(options), beside_(beside) {
  sanitizer::give_up_the_host();
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &old_mask_);
}

Supervisor::~Supervisor() { sigprocmask(SIG_SETMASK, &old_mask_, nullptr); }

Result<void> Supervisor::start() {
  if (plan_.egress.enabled)  // first: it starts beside the rest
    if (auto r = egress_.start(plan_); !r) return r;
  if (auto r = prepare(plan_, prepared_); !r) return r;
  if (plan_.limits.output)
    if (auto r = output_.open(*plan_.limits.output); !r) return r;
  if (!plan_.cgroup_dir.empty())
    if (auto r = cgroup_.make(plan_.cgroup_dir, plan_.by_cgroup); !r) return r;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return impossible("cannot make a socket pair", errno, "free some memory");
  control_ = Fd(pair[0]);
  Fd inner(pair[1]);
  sigset_t all;
  sigfillset(&all);
  signals_ = Fd(signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return impossible("cannot make a signal descriptor", errno, "free some memory");
  if (auto r = placeholders_.open(plan_); !r) return r;
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // without a pid namespace what PID 1 leaves comes to us

  InitConfig config;
  config.program = prepared_.program;
  config.control = inner.get();
  config.job = !plan_.new_session;
  config.notify = notify_options(plan_);
  config.acting_ruleset = prepared_.acting_ruleset.get();
  for (const int stream : {1, 2}) config.output[stream - 1] = output_.command_end(stream);
  config.own_network = plan_.tier == Tier::namespaces && plan_.net != NetMode::host;
  config.new_session = plan_.new_session;
  config.listeners = plan_.egress.enabled && !plan_.egress.on_host;
  config.dial = egress_.dial_end();
  config.limits = metered(plan_);
  config.traps = {plan_.traps, plan_.trap_roots, plan_.trap_spared, {}};
  config.globs = plan_.globs;
  started_ = Clock::now();
  auto init = spawn_init(plan_, config, cgroup_ ? cgroup_.fd() : -1, beside_.nursery);
  if (!init) return std::unexpected(init.error());
  init_ = std::move(*init);
  inner.reset();
  output_.close_command_ends();
  prctl(PR_SET_DUMPABLE, 0);  // not before: PID 1 could not write its id maps

  // The janitor before the placeholders, so that at no time nobody would remove them.
  if (auto r = janitor_.start(placeholders_.places(), cgroup_, init_.pidfd.get()); !r) return r;
  if (auto r = placeholders_.make(); !r) return r;
  if (beside_.landlock) {
    auto rules = beside_.landlock();
    if (!rules) return std::unexpected(rules.error());
    plan_.landlock.insert(plan_.landlock.end(), rules->begin(), rules->end());
  }
  auto ruleset = landlock_ruleset(plan_);
  if (!ruleset) return std::unexpected(ruleset.error());
  if (plan_.limits.wall) deadline_ = started_ + *plan_.limits.wall;
  if (plan_.by_cgroup.cpu) look_at_ = started_;
  if (plan_.egress.required) {
    // Without its upstream the command must not run at all; else nobody waits for egress: what connects is queued.
    while (!egress_.serves() && !failure_) {
      pollfd fds[] = {{egress_.channel(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
      if (poll(fds, std::size(fds), kEgressPatience) == 0)
        fail({ErrorKind::impossible, "the egress process does not answer", "try again", ETIMEDOUT, 125});
      if (fds[0].revents != 0) hear_egress(MSG_DONTWAIT);
      signalfd_siginfo s{};
      while (read(signals_.get(), &s, sizeof s) == sizeof s)
        if (s.ssi_signo == SIGINT || s.ssi_signo == SIGTERM || s.ssi_signo == SIGHUP || s.ssi_signo == SIGQUIT)
          fail({ErrorKind::refused, "ended before the command started", {}, EINTR, 125});
    }
    if (failure_) return std::unexpected(*failure_);
  }
  Message hold{}, go{};
  hold.kind = MessageKind::hold;
  bool told = true;
  for (const Fd& lock : placeholders_.locks()) told = told && tell(control_.get(), hold, {lock.get()});
  go.kind = MessageKind::go;
  if (told) told = *ruleset ? tell(control_.get(), go, {ruleset->get()}) : tell(control_.get(), go);
  if (!told) {
    if (errno != EPIPE) return impossible("cannot tell PID 1 to begin", errno, "free some memory");  // else it has told why
  }
  return {};
}

Result<int> Supervisor::finish() {
  // A limit that PID 1 keeps ends it, too, and has been told.
  if (built_ && gone_ && !wait_status_ && usage_.limits == 0)
    fail({ErrorKind::impossible, "PID 1 of the sandbox ended", "so the command was ended: was it killed, or memory short?", 0, 137});
  rusage usage{};
  if (init_.pid > 0) {
    end_init();
    while (wait4(init_.pid, nullptr, __WALL, &usage) < 0 && errno == EINTR) {}
    if (plan_.tier != Tier::namespaces) kill_descendants();
  }
  const bool ran = built_ && (!failure_ || failure_->exit_status == 137);
  if (ran && !swept_) emit(unswept_event(plan_.project, "nothing was looked at: PID 1 of the sandbox was killed"));
  usage_.network = egress_.stop([this](const EgressProcess::Word& word) { egress_word(word); });
  placeholders_.remove();
  const auto cgroup_cpu = cgroup_.cpu();
  const auto cgroup_peak = cgroup_.peak_memory();
  for (const char* name : cgroup_.limits_hit()) limit_hit(name);
  cgroup_.remove();
  janitor_.stop();
  terminal_.take();
  if (failure_ && failure_->exit_status == 126 && (failure_->errno_value == EACCES || failure_->errno_value == EPERM)) emit(exec_denied_event(plan_));
  if (failure_ && !ran) return std::unexpected(*failure_);
  if (!built_ && !wait_status_ && !limit_.empty())
    return refused("the limit " + limit_ + " is too small: it was passed while the sandbox was built", "raise it: --limit " + limit_ + "=...");
  if (!built_ && !wait_status_) return impossible("the sandbox was killed while it was built", 0, "was memory short?");
  usage_.status = 137;
  if (wait_status_ && WIFSIGNALED(*wait_status_)) {
    if (WTERMSIG(*wait_status_) == SIGXCPU) limit_hit("cpu");
    if (WTERMSIG(*wait_status_) == SIGXFSZ) limit_hit("file-size");
  }
  if (wait_status_) usage_.status = WIFSIGNALED(*wait_status_) ? 128 + WTERMSIG(*wait_status_) : WEXITSTATUS(*wait_status_);
  if (limit_ == "output") usage_.status = 137;  // what it wrote is not all there, though it may have ended by itself
  if (timed_out_) usage_.status = 124;
  if (failure_) usage_.status = failure_->exit_status;
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  usage_.wall = std::chrono::duration<double>(Clock::now() - started_).count();
  usage_.cpu_user = seconds(usage.ru_utime);
  usage_.cpu_system = seconds(usage.ru_stime);
  usage_.peak_memory = cgroup_peak.value_or(static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
  usage_.output = output_.passed();
  usage_.cpu = cgroup_cpu ? std::chrono::duration<double>(*cgroup_cpu).count() : usage_.cpu_user + usage_.cpu_system;
  emit(exit_event(plan_, usage_, init_.pid));
  if (failure_) return std::unexpected(*failure_);
  return usage_.status;
}

Result<int> supervise(const Plan& plan, const SuperviseOptions& options, const Beside& beside) {
  Supervisor supervisor(plan, options, beside);
  if (auto r = supervisor.start(); r) supervisor.attend();
  else supervisor.fail(r.error());
  return supervisor.finish();
}

}  // namespace launch

Result<int> supervise(const Plan& plan, const SuperviseOptions& options) {
  Outlet said(2);
  return launch::supervise(plan, options, launch::Beside{nullptr, nullptr, &said, nullptr});
}

}  // namespace cordon
