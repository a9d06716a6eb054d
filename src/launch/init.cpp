// SPDX-License-Identifier: Apache-2.0
#include "launch/init.hpp"

#include <cordon/plan.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <optional>

#include "launch/confine.hpp"
#include "launch/descendants.hpp"
#include "launch/descriptors.hpp"
#include "launch/late_match.hpp"
#include "launch/messages.hpp"
#include "launch/network.hpp"
#include "launch/notify.hpp"
#include "launch/residence.hpp"
#include "launch/standstill.hpp"

namespace cordon::launch {
namespace {

using Clock = std::chrono::steady_clock;

// Nothing survives the command: in a pid namespace our exit would kill the rest, outside of one we must.
void end_all() {
  if (getpid() == 1) {
    kill(-1, SIGKILL);
    while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {}  // so that what they used is counted
  } else {
    kill_descendants();
  }
}

[[noreturn]] void finish() {
  end_all();
  _exit(0);
}

// As `finish`, once the command has run: what it left is looked at, by nobody who could do more than the command could.
[[noreturn]] void finish(const InitConfig& config, const Since& since) {
  end_all();
  if (config.program.landlock_ruleset >= 0 && syscall(SYS_landlock_restrict_self, config.program.landlock_ruleset, 0) != 0) _exit(0);
  SweepBudget budget(config.control);
  sweep(config.traps, since, budget, [&](const Event& event) { tell_event(config.control, event); });
  late_matches(config.globs, budget, [&](const Event& event) { tell_event(config.control, event); });
  Message m{};
  m.kind = MessageKind::swept;
  tell(config.control, m);
  _exit(0);
}

}  // namespace

void init_main(InitConfig& config) {
  Message m{};
  const auto report = [&](const stage::Failure& f) {
    m = {};
    m.kind = MessageKind::failed;
    m.failure = f;
    tell(config.control, m);
  };
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (const int stream : {1, 2})
    if (config.output[stream - 1] >= 0) dup2(config.output[stream - 1], stream);
  // What else the supervisor has is not ours; its end of the control socket above all, or its death would not be seen.
  close_all_but([&](auto keep) {
    for (const int fd : {0, 1, 2, config.control, config.dial, config.acting_ruleset}) keep(fd);
    for (const long fd : {config.roots.old_root, config.roots.new_root, config.roots.masks}) keep(static_cast<int>(fd));
  });
  const auto stand = [&](const stage::Failure& f) {
    if (f.step == stage::Step::none) return;
    report(f);
    finish();
  };
  if (config.own_network)
    if (const long r = loopback_up(); r < 0) stand({stage::Step::loopback, 0, static_cast<std::int32_t>(-r)});
  if (config.new_session && setsid() < 0 && errno != EPERM) stand({stage::Step::session, 0, errno});  // EPERM: it leads a group of its own already
  stand(stage::begin(config.program, config.roots));
  config.traps.before = GitPlaces(config.traps.roots);  // while the supervisor does its part
  Fd descriptors[2];
  int heard = 0;
  while ((heard = hear(config.control, m, descriptors, 0)) == 1 && m.kind == MessageKind::hold)
    for (Fd& fd : descriptors) (void)fd.release();
  if (heard != 1 || m.kind != MessageKind::go) finish();
  config.program.landlock_ruleset = descriptors[0].release();
  stand(stage::complete(config.program, config.roots));
  prctl(PR_SET_NAME, "cordon-init");
  if (config.listeners) {
    const Fd http = listen_inside(Egress::http_port), socks5 = listen_inside(Egress::socks5_port);
    if (!http || !socks5) {
      report({stage::Step::listeners, 0, errno});
      finish();
    }
    m = {};
    m.kind = MessageKind::listeners;
    tell(config.control, m, {http.get(), socks5.get()});
  }
  if (config.acting_ruleset >= 0 && syscall(SYS_landlock_restrict_self, config.acting_ruleset, 0) != 0) {
    report({stage::Step::landlock, 0, errno});
    finish();
  }

  stage::Shared shared{&config.program, eventfd(0, EFD_CLOEXEC), -1, {}};
  constexpr std::size_t kStack = 65536;
  void* stack = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  const int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  const Since since;
  const int command = shared.ready_fd < 0 || stack == MAP_FAILED || signals < 0
                          ? -1
                          : clone(stage::become_command, static_cast<char*>(stack) + kStack, CLONE_VM | CLONE_FILES | SIGCHLD, &shared);
  if (command < 0) {
    report({stage::Step::exec, 0, errno});
    finish();
  }
  const auto end_by_limit = [&](const char* name) {
    end_all();  // first: nobody may be there to hear it
    m = {};
    m.kind = MessageKind::limit;
    std::snprintf(m.text, sizeof m.text, "%s", name);
    tell(config.control, m);
    finish(config, since);
  };
  std::optional<Standstill> standstill;
  const auto obey = [&] {
    const int got = hear(config.control, m, descriptors, MSG_DONTWAIT);
    if (got == 0) finish(config, since);
    if (got != 1) return;
    if (m.kind == MessageKind::signal) kill(command, m.value);
    if (m.kind == MessageKind::still && standstill) standstill->only(std::chrono::milliseconds(m.value));
    if (m.kind != MessageKind::resume) return;
    kill(getpid() == 1 ? -1 : command, SIGCONT);
    m.kind = MessageKind::ran;
    m.value = standstill ? static_cast<std::int32_t>(standstill->ran().count()) : 0;
    standstill.reset();
    tell(config.control, m);
  };
  const auto denied = [&](const Event& event) {
    // While the supervisor is stopped nobody reads what we say, and what we have said may be all that there is room for.
    for (pollfd p{config.control, POLLOUT, 0}; standstill && poll(&p, 1, Standstill::kLook) == 0; obey())
      if (!standstill->look()) end_by_limit("wall");
    tell_event(config.control, event);
  };
  std::optional<Notifier> notifier;
  Meter meter(config.limits);
  auto look_at = Clock::now();
  bool shed = false;
  int listener = -1;
  for (int dial = config.dial;;) {
    pollfd fds[] = {{config.control, POLLIN, 0},
                    {signals, POLLIN, 0},
                    {notifier ? listener : shared.ready_fd, POLLIN, 0},
                    {notifier ? notifier->fd() : -1, POLLIN, 0},
                    {dial, POLLIN, 0}};
    const bool will_shed = notifier && !shed;
    int look = meter.interval();
    if (standstill && (look < 0 || look > Standstill::kLook)) look = Standstill::kLook;
    const int ready = poll(fds, std::size(fds), will_shed && (look < 0 || look > kUntilShed) ? kUntilShed : look);
    if (ready < 0 && errno != EINTR) finish(config, since);
    if (ready == 0 && will_shed) {
      shed_memory();
      shed = true;
    }
    if (meter.interval() >= 0 && Clock::now() >= look_at) {
      if (const char* name = meter.look()) end_by_limit(name);
      look_at = Clock::now() + std::chrono::milliseconds(meter.interval());
    }
    if (standstill && !standstill->look()) end_by_limit("wall");
    if (fds[4].revents != 0 && !serve_dial(dial)) dial = -1;
    if (fds[0].revents != 0) obey();
    if (notifier) {
      if ((fds[2].revents | fds[3].revents) != 0) notifier->serve();
      if (fds[2].revents == POLLHUP) listener = -1;  // nobody is left who could call; the command's death is seen a while later
    } else if (fds[2].revents != 0) {
      prctl(PR_SET_DUMPABLE, 0);  // the command has our uid: not its to trace
      listener = shared.listener;
      notifier.emplace(listener, config.notify, denied);
      close(shared.ready_fd);
      m = {};
      m.kind = MessageKind::built;
      tell(config.control, m);
      if (confine_init() != 0) finish();  // the command may have run already: it was ended, not kept from starting
    }
    signalfd_siginfo s;
    while (read(signals, &s, sizeof s) == sizeof s) {}
    int status = 0;
    for (int pid; (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;) {
      if (pid != command) continue;
      if (WIFSTOPPED(status)) {
        if (!config.job || standstill) continue;
        if (getpid() == 1) kill(-1, SIGSTOP);  // the whole job
        standstill.emplace();
        m = {};
        m.kind = MessageKind::stopped;
        m.value = WSTOPSIG(status);
        tell(config.control, m);
        continue;
      }
      if (notifier) notifier->flush();
      m = {};
      m.kind = MessageKind::ended;
      m.value = status;
      if (shared.failure.step != stage::Step::none) {
        m.kind = MessageKind::failed;
        m.failure.step = shared.failure.step;
        m.failure.index = shared.failure.index;
        m.failure.error = shared.failure.error;
      }
      tell(config.control, m);
      if (m.kind == MessageKind::failed) finish();
      finish(config, since);
    }
  }
}

}  // namespace cordon::launch
