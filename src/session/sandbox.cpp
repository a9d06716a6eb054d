// SPDX-License-Identifier: Apache-2.0
#include <cordon/sandbox.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <utility>

#include "event/wire.hpp"
#include "session/control.hpp"
#include "session/program.hpp"
#include "session/spawn.hpp"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

extern char** environ;

namespace cordon {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
constexpr std::size_t kMostWaiting = 10'000;  // events kept while the caller waits for the end

Result<Fd> memory_file(const std::string& text) {
  Fd fd(static_cast<int>(memfd_create("cordon-policy", MFD_CLOEXEC | MFD_NOEXEC_SEAL)));
  if (!fd && errno == EINVAL) fd = Fd(memfd_create("cordon-policy", MFD_CLOEXEC));  // before Linux 6.3
  if (!fd) return impossible("cannot make a memory file for the policy", errno, "close descriptors");
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = write(fd.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno != EINTR) return impossible("cannot hand over the policy", errno, "free some memory");
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

struct Ends {
  Fd child, caller;
};

Result<Ends> open_stream(const Stream& stream, int number) {
  Ends ends;
  const auto copy = [&](int fd) { ends.child = Fd(fcntl(fd, F_DUPFD_CLOEXEC, 5)); };
  switch (stream.kind) {
    case Stream::Kind::null: ends.child = Fd(open("/dev/null", (number == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC)); break;
    case Stream::Kind::descriptor: copy(stream.descriptor); break;
    case Stream::Kind::inherit:
      copy(number);
      if (!ends.child && errno == EBADF) return open_stream(Stream::null(), number);
      break;
    case Stream::Kind::pipe: {
      int pair[2];
      if (pipe2(pair, O_CLOEXEC) != 0) break;
      ends.child = Fd(pair[number == 0 ? 0 : 1]);
      ends.caller = Fd(pair[number == 0 ? 1 : 0]);
    }
  }
  if (!ends.child)
    return impossible("standard stream " + std::to_string(number) + " cannot be passed to the command", errno, "give an open descriptor");
  return ends;
}

}  // namespace

struct Sandbox::State {
  session::Process process;
  Fd control;
  std::array<Fd, 3> streams;
  std::deque<Event> events;
  std::optional<session::Outcome> outcome;
  std::optional<Result<int>> result;
  bool closed = false;

  // Takes one packet if there is one within `timeout` (negative: for ever). False: nothing came, or nothing will.
  bool receive(milliseconds timeout) {
    if (closed) return false;
    const auto until = Clock::now() + timeout;
    for (;;) {
      const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
      pollfd p[] = {{control.get(), POLLIN, 0}, {process.pidfd.get(), POLLIN, 0}};
      const int n = poll(p, 2, timeout.count() < 0 ? -1 : static_cast<int>(std::max<long>(left, 0)));
      if (n == 0) return false;
      if (n > 0) break;
    }
    std::string packet(kMostEventBytes + 64, '\0');
    const ssize_t n = recv(control.get(), packet.data(), packet.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) return true;
    if (n <= 0) {  // the end of the stream, or the supervisor is dead while a child of its still holds the stream open
      closed = true;
      return false;
    }
    packet.resize(static_cast<std::size_t>(n));
    auto message = session::decode_packet(packet);
    if (!message) outcome = session::Outcome{std::unexpected(message.error()), 0};
    else if (auto* end = std::get_if<session::Outcome>(&*message)) outcome = std::move(*end);
    else if (events.size() < kMostWaiting) events.push_back(std::move(std::get<Event>(*message)));
    return true;
  }

  // The control socket is closed: the supervisor ends. What it said counts; else how it died.
  void reap() {
    siginfo_t info{};
    while (waitid(P_PIDFD, static_cast<id_t>(process.pidfd.get()), &info, WEXITED) < 0) {
      if (errno == EINTR) continue;
      info.si_code = CLD_EXITED;  // ECHILD: the caller reaps every child, or ignores SIGCHLD
      info.si_status = 137;
      break;
    }
    if (outcome) result = std::move(outcome->status);
    else if (info.si_code == CLD_EXITED && info.si_status != 137)
      result =
          refused("`cordon` ended with status " + std::to_string(info.si_status) + " before it began", "is it of the same version as this library?");
    else result = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  }
};

Request request_of(std::vector<std::string> argv) {
  Request r;
  r.argv = std::move(argv);
  for (char** e = environ; e && *e; ++e) r.environment.emplace_back(*e);
  return r;
}

Result<Sandbox> Sandbox::start(const Policy& policy, const Request& request, const SandboxOptions& options) {
  if (request.argv.empty()) return refused("no command was given", "fill argv of the request");
  const auto program = session::find_program(options.program);
  if (!program) return std::unexpected(program.error());
  auto state = std::make_unique<State>();
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return impossible("cannot make a socket pair", errno, "close descriptors");
  state->control = Fd(pair[0]);
  const Fd theirs(pair[1]);
  const auto text = memory_file(to_json(policy));
  if (!text) return std::unexpected(text.error());
  session::Program p{*program, {"cordon", "run", "--served"}, request.environment, request.cwd, {}};
  if (!request.project.empty()) p.argv.push_back("--project=" + request.project);
  // The floor is no part of a policy's text; which files this policy was read from is known to this process alone.
  for (const Rule& r : policy.fs.deny_write)
    if (r.floor && r.text.starts_with('/')) p.argv.push_back("--deny-write=" + r.text);
  p.argv.push_back("--");
  p.argv.insert(p.argv.end(), request.argv.begin(), request.argv.end());
  std::array<Ends, 3> streams;
  const Stream* wanted[] = {&options.input, &options.output, &options.error};
  for (std::size_t i = 0; i < 3; ++i) {
    auto ends = open_stream(*wanted[i], static_cast<int>(i));
    if (!ends) return std::unexpected(ends.error());
    streams[i] = std::move(*ends);
    state->streams[i] = std::move(streams[i].caller);
  }
  p.descriptors = {streams[0].child.get(), streams[1].child.get(), streams[2].child.get(), theirs.get(), text->get()};
  auto process = session::spawn(p);
  if (!process) return std::unexpected(process.error());
  state->process = std::move(*process);
  return Sandbox(std::move(state));
}

Sandbox::Sandbox(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sandbox::Sandbox(Sandbox&&) noexcept = default;
Sandbox& Sandbox::operator=(Sandbox&& other) noexcept {
  std::swap(state_, other.state_);  // the other one ends ours
  return *this;
}
Sandbox::~Sandbox() {
  if (!state_ || state_->result) return;
  (void)kill(SIGKILL);
  // A supervisor that is stopped cannot end anything; its own end does.
  if (const auto r = wait_for(milliseconds(5000)); r && !*r) syscall(SYS_pidfd_send_signal, state_->process.pidfd.get(), SIGKILL, nullptr, 0);
  (void)wait();
}

std::optional<Event> Sandbox::next_event(milliseconds timeout) {
  const auto until = Clock::now() + timeout;
  while (state_->events.empty()) {
    const auto left = std::max(std::chrono::ceil<milliseconds>(until - Clock::now()), milliseconds(0));
    if (!state_->receive(timeout.count() < 0 ? timeout : left)) return std::nullopt;
  }
  Event e = std::move(state_->events.front());
  state_->events.pop_front();
  return e;
}

int Sandbox::event_fd() const { return state_->control.get(); }
std::uint64_t Sandbox::events_lost() const { return state_->outcome ? state_->outcome->events_lost : 0; }

Result<int> Sandbox::wait() {
  auto r = wait_for(milliseconds(-1));
  return r ? Result<int>(r->value()) : std::unexpected(r.error());
}

Result<std::optional<int>> Sandbox::wait_for(milliseconds timeout) {
  const auto until = Clock::now() + timeout;
  while (!state_->closed) {
    const auto left = std::max(std::chrono::ceil<milliseconds>(until - Clock::now()), milliseconds(0));
    if (!state_->receive(timeout.count() < 0 ? timeout : left) && !state_->closed) return std::optional<int>();
  }
  if (!state_->result) state_->reap();
  if (!*state_->result) return std::unexpected(state_->result->error());
  return std::optional<int>(**state_->result);
}

Result<void> Sandbox::kill(int signal) {
  if (signal == SIGSTOP)  // no process can pass it on: it would stop who watches the command, and not the command
    return refused("SIGSTOP cannot be sent to the command", "send SIGTSTP, or SIGSTOP from inside");
  // Our end of the control socket closes its sending side: the supervisor ends everything, cleans up and still can report.
  const int sent = signal == SIGKILL ? 0 : signal;
  if (syscall(SYS_pidfd_send_signal, state_->process.pidfd.get(), sent, nullptr, 0) == 0) {
    if (signal == SIGKILL) shutdown(state_->control.get(), SHUT_WR);
    return {};
  }
  return impossible("cannot send signal " + std::to_string(signal), errno, errno == ESRCH ? "the command has ended" : "");
}

int Sandbox::take(int stream) { return stream < 0 || stream > 2 ? -1 : state_->streams[static_cast<std::size_t>(stream)].release(); }
std::int64_t Sandbox::pid() const { return state_->process.pid; }

}  // namespace cordon
