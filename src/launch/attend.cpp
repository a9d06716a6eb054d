// SPDX-License-Identifier: Apache-2.0
// The supervisor's loop: what PID 1 tells, signals, the wall clock, the life of those on whom the sandbox depends.
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <utility>

#include "event/wire.hpp"
#include "launch/confine.hpp"
#include "launch/descendants.hpp"
#include "launch/residence.hpp"
#include "launch/supervisor.hpp"
#include "launch/wording.hpp"

namespace cordon::launch {
namespace {
constexpr auto kGrace = std::chrono::seconds(2);        // between SIGTERM and SIGKILL at the end of the wall time
constexpr auto kSweep = std::chrono::seconds(5);        // PID 1 has for its last look when somebody waits for the end,
constexpr auto kLastLook = std::chrono::seconds(25);    // and when nobody does; it gives up earlier (sweep_budget.hpp)
constexpr int kPatience = 3'000;                        // milliseconds for PID 1's next word, where it must be about to come
constexpr auto kLook = std::chrono::milliseconds(100);  // between two looks at the cgroup
}

int Supervisor::patience() const {
  auto next = deadline_;
  for (const auto& at : {look_at_, shed_at_, swept_by_})
    if (at && (!next || *at < *next)) next = at;
  if (!next) return -1;
  return static_cast<int>(std::max<long long>(0, std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count()));
}

void Supervisor::attend() {
  constexpr std::size_t kFixed = 7;
  const auto full = [](const Outlet* outlet) { return outlet ? outlet->waits_for() : -1; };
  std::vector<pollfd> fds;
  while (!over_ || output_.open()) {
    fds = {{over_ ? -1 : control_.get(), POLLIN, 0},    {signals_.get(), POLLIN, 0},
           {over_ ? -1 : janitor_.pidfd(), POLLIN, 0},  {options_.lifeline, POLLIN, 0},
           {over_ ? -1 : egress_.channel(), POLLIN, 0}, {full(beside_.said), POLLOUT, 0},
           {full(beside_.events), POLLOUT, 0}};
    output_.wait_for(fds);
    poll(fds.data(), fds.size(), patience());
    if (deadline_) check_deadline();
    if (look_at_) check_cpu();
    if (shed_at_ && Clock::now() >= *shed_at_) {
      shed_memory();
      shed_at_.reset();
    }
    if (swept_by_ && Clock::now() >= *swept_by_) {
      swept_by_.reset();
      end_init();
    }
    if (fds[5].revents != 0) beside_.said->flush();
    if (fds[6].revents != 0) beside_.events->flush();
    if (fds[3].revents != 0) return;
    if (fds[2].revents != 0)  // nobody would remove the placeholders if we were killed now
      return fail({ErrorKind::impossible, "the janitor of the sandbox was killed", "so the command was ended", 0, built_ ? 137 : 125});
    if (!output_.move(fds.data() + kFixed)) {
      limit_hit("output");
      // The command can be quicker than PID 1's word that it was started.
      for (pollfd p{control_.get(), POLLIN, 0}; !built_ && !over_ && poll(&p, 1, kPatience) > 0;) hear_init();
      return;
    }
    if (fds[1].revents != 0) hear_signals();
    if (fds[4].revents != 0) hear_egress(MSG_DONTWAIT);
    if (fds[0].revents != 0) hear_init();
  }
}

void Supervisor::check_cpu() {
  if (Clock::now() < *look_at_) return;
  look_at_ = Clock::now() + kLook;
  if (cgroup_.cpu().value_or(std::chrono::microseconds(0)) <= *plan_.by_cgroup.cpu) return;
  limit_hit("cpu");
  end_init();
  look_at_.reset();
}

// An event or a warning.
void Supervisor::egress_word(const EgressProcess::Word& word) {
  if (word.kind == 'E') {
    if (const auto e = decode(word.text); e && (e->kind == EventKind::net_connect || e->kind == EventKind::net_dns)) emit(*e);
  } else if (word.kind == 'U' && beside_.said) {
    beside_.said->say("cordon: " + printable(word.text) + "\n");
  }
}

void Supervisor::hear_egress(int flags) {
  const EgressProcess::Word word = egress_.hear(flags);
  switch (word.kind) {
    case 0: return;
    case 'K': return;
    case 'E':
    case 'U': egress_word(word); return;
    case 'F': fail({ErrorKind::impossible, printable(word.text), {}, 0, built_ ? 137 : 125}); break;
    default:
      fail(
          {ErrorKind::impossible, "the egress process ended", "so the command was ended: without it no host could be judged", 0, built_ ? 137 : 125});
  }
  over_ = true;
}

void Supervisor::check_deadline() {
  if (Clock::now() < *deadline_) return;
  if (timed_out_) {
    end_init();
    deadline_.reset();
    return;
  }
  timed_out_ = true;
  limit_hit("wall");
  send_signal(SIGTERM);
  send_signal(SIGCONT);
  deadline_ = Clock::now() + kGrace;
}

void Supervisor::hear_signals() {
  signalfd_siginfo s{};
  while (read(signals_.get(), &s, sizeof s) == sizeof s) {
    const int n = static_cast<int>(s.ssi_signo);
    if (n == SIGCHLD || n == SIGPIPE) continue;
    // What the terminal sends reaches its whole foreground group, the command too unless that has a session of its own. Whether
    // we stop follows from whether the command did.
    const bool from_terminal = s.ssi_code == SI_KERNEL && !plan_.new_session;
    if (!from_terminal || n == SIGHUP) send_signal(n);
    if (over_ && (n == SIGINT || n == SIGTERM || n == SIGHUP || n == SIGQUIT)) output_.close();  // nobody reads what is left
    if (n != SIGINT && n != SIGTERM && n != SIGHUP && n != SIGQUIT) continue;
    if (over_) output_ = {};                  // nobody reads what is left
    if (swept_by_) swept_by_ = Clock::now();  // nobody waits for the last look either
  }
}

// Our caller's shell sees us stop when the command does, by the same signal, as if it were the command.
void Supervisor::stopped(int number) {
  const auto since = Clock::now();
  constexpr long long kMost = std::numeric_limits<std::int32_t>::max();
  Message m{};
  m.kind = MessageKind::still;
  m.value = static_cast<std::int32_t>(
      deadline_ ? std::clamp<long long>(std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - since).count(), 0, kMost) : kMost);
  tell(control_.get(), m);
  terminal_.take();
  if (number != SIGTSTP && number != SIGTTIN && number != SIGTTOU) number = SIGSTOP;
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  signal(number, SIG_DFL);
  raise(number);  // blocked as yet: the same signal of the terminal may be pending, and we must not stop twice
  sigprocmask(SIG_UNBLOCK, &one, nullptr);
  sigprocmask(SIG_BLOCK, &one, nullptr);
  terminal_.give_back();
  if (deadline_) *deadline_ += Clock::now() - since;  // PID 1 says how much of it counts
  m.kind = MessageKind::resume;
  tell(control_.get(), m);
}

void Supervisor::built() {
  if (auto r = confine_supervisor(placeholders_.places(), cgroup_); !r) {
    fail(r.error());
    over_ = true;
    return;
  }
  built_ = true;
  emit(start_event(plan_, options_.policy_digest, init_.pid));
  shed_at_ = Clock::now() + std::chrono::milliseconds(kUntilShed);
}

void Supervisor::hear_init() {
  Message m{};
  Fd descriptors[2];
  std::string bytes;
  const int got = hear(control_.get(), m, descriptors, MSG_DONTWAIT, &bytes);
  if (got < 0) return;
  if (got == 0) {
    if (errno == EMFILE && !built_) fail(impossible("cannot take the listeners of the sandbox's network", EMFILE, {}).error());
    over_ = gone_ = true;
    swept_by_.reset();
    return;
  }
  m.text[sizeof m.text - 1] = 0;
  switch (m.kind) {
    case MessageKind::listeners:
      if (auto r = egress_.give_listeners(std::move(descriptors[0]), std::move(descriptors[1])); !r) {
        fail(r.error());
        over_ = true;
      }
      break;
    case MessageKind::built: built(); break;
    case MessageKind::failed: fail(worded(m.failure, plan_)); break;
    case MessageKind::ended:
      wait_status_ = m.value;
      swept_by_ = Clock::now() + kLastLook;
      break;
    case MessageKind::stopped: stopped(m.value); break;
    case MessageKind::ran:
      if (deadline_) *deadline_ -= std::chrono::milliseconds(m.value);
      break;
    case MessageKind::limit:
      if (std::string_view(m.text) != "wall") limit_hit(m.text);
      else if (!std::exchange(timed_out_, true)) limit_hit("wall");  // it passed while we were stopped
      swept_by_ = Clock::now() + kLastLook;
      break;
    case MessageKind::event: denied(bytes); break;
    case MessageKind::swept: swept_ = true; break;
    case MessageKind::go:
    case MessageKind::hold:
    case MessageKind::signal:
    case MessageKind::still:
    case MessageKind::resume: break;
  }
}

void Supervisor::denied(const std::string& bytes) {
  const auto event = decode(bytes);
  if (!event) return;
  if (event->decision != Decision::denied) {  // PID 1 tells of nothing else but of files: traps in their place, late matches of a pattern
    if (event->kind == EventKind::file_write || event->kind == EventKind::file_read) emit(*event);
    return;
  }
  ++usage_.refused;
  for (const auto& [key, value] : event->extra)
    if (key == "repeated") usage_.refused += std::strtoull(value.c_str(), nullptr, 10) - 1;
  emit(*event);
}

void Supervisor::limit_hit(const std::string& name) {
  ++usage_.limits;
  limit_ = name;
  emit(limit_event(name));
}

void Supervisor::send_signal(int number) {
  Message m{};
  m.kind = MessageKind::signal;
  m.value = number;
  tell(control_.get(), m, {}, MSG_DONTWAIT);
}

void Supervisor::kill_init() { kill_child(init_.pidfd.get(), init_.pid); }

// PID 1 ends the sandbox and looks at what it left, in its time; if it does not, it is killed.
void Supervisor::end_init() {
  if (built_ && !swept_ && !gone_) {
    shutdown(control_.get(), SHUT_WR);
    for (const auto until = Clock::now() + kSweep; !gone_;) {
      pollfd p{control_.get(), POLLIN, 0};
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
      if (left <= 0 || poll(&p, 1, static_cast<int>(left)) == 0) break;
      hear_init();
    }
  }
  kill_init();
}

}  // namespace cordon::launch
