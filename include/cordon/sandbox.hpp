// SPDX-License-Identifier: Apache-2.0
// Running a command under a policy, from a program of any kind.
//
//   auto policy = cordon::preset("safe").value();
//   auto sandbox = cordon::Sandbox::start(policy, cordon::request_of({"make", "test"}));
//   if (!sandbox) return std::cerr << sandbox.error().sentence() << '\n', void();
//   while (auto event = sandbox->next_event()) std::cerr << cordon::to_json(*event) << '\n';
//   int status = sandbox->wait().value_or(125);
//   std::cout << "status " << status << '\n';
//
// The caller may be large and threaded: its memory is not copied (a start costs the same beside 10 MiB or 10 GiB), no thread,
// signal handler or global state is made, every descriptor is close-on-exec, and the caller is not confined. The supervisor is
// a process of the `cordon` program; when the Sandbox is destroyed or the caller dies, the command and all its children end.
// One Sandbox belongs to one thread at a time; different ones are independent.
#pragma once
#include <cordon/events.hpp>
#include <cordon/plan.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cordon [[gnu::visibility("default")]] {

/// What one of the command's standard streams is.
struct Stream {
  enum class Kind { null, inherit, descriptor, pipe };
  Kind kind = Kind::inherit;
  int descriptor = -1;
  static Stream null() { return {Kind::null, -1}; }            ///< /dev/null
  static Stream inherit() { return {Kind::inherit, -1}; }      ///< the caller's own
  static Stream of(int fd) { return {Kind::descriptor, fd}; }  ///< a copy of `fd`, which stays the caller's
  static Stream pipe() { return {Kind::pipe, -1}; }            ///< a new pipe; the caller's end: Sandbox::take
};

struct SandboxOptions {
  Stream input{}, output{}, error{};
  /// The `cordon` program. Empty: the one installed with this library, or beside the running program.
  std::string program{};
};

/// A request with the working directory and the environment (environ(7)) of the caller. The policy decides what of it passes.
[[nodiscard]] Request request_of(std::vector<std::string> argv);

class Sandbox {
 public:
  /// Starts the command and returns at once. Errors: the `cordon` program is missing or cannot be started, no descriptor or
  /// process is free. What goes wrong later (a policy that does not fit this host, a command that is not found) is told by `wait`.
  [[nodiscard]] static Result<Sandbox> start(const Policy& policy, const Request& request, const SandboxOptions& options = {});

  Sandbox(Sandbox&&) noexcept;
  Sandbox& operator=(Sandbox&&) noexcept;
  /// Ends the command if it still runs, and waits until nothing of it is left.
  ~Sandbox();

  /// The next event, or nothing once the command has ended and all were read, or after `timeout` (negative: no time-out).
  [[nodiscard]] std::optional<Event> next_event(std::chrono::milliseconds timeout = std::chrono::milliseconds(-1));
  /// Readable (poll(2)) when `next_event` or `wait_for` has something to do. It stays this object's.
  [[nodiscard]] int event_fd() const;
  /// Events that were dropped because they were not read while more than about 200 waited. Known once the command has ended.
  [[nodiscard]] std::uint64_t events_lost() const;

  /// Waits for the end, as `cordon run` exits: the command's own status, 128+N after signal N, 124 after the wall time.
  /// Errors: the command did not start; `exit_status` of the error is 125, 126 or 127. May be called again. A pipe that
  /// nobody reads can keep the command from ending.
  [[nodiscard]] Result<int> wait();
  /// The same for at most `timeout`: no value if the command still runs.
  [[nodiscard]] Result<std::optional<int>> wait_for(std::chrono::milliseconds timeout);

  /// Sends a signal to the command; SIGKILL ends all of its processes in good order. Errors: it has ended (ESRCH); SIGSTOP, which
  /// nobody can pass on: send SIGTSTP.
  Result<void> kill(int signal);

  /// The caller's end of a standard stream that is a Stream::pipe(): 0 to write to, 1 and 2 to read from. The caller closes it.
  /// -1 if there is none, or it was taken.
  [[nodiscard]] int take(int stream);

  /// The supervisor, for display; signals are better sent by `kill`, which cannot hit a stranger.
  [[nodiscard]] std::int64_t pid() const;

 private:
  struct State;
  explicit Sandbox(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

struct SuperviseOptions {
  std::string policy_digest;                   ///< for the start event
  std::function<void(const Event&)> on_event;  ///< called in the supervisor's loop
  int lifeline = -1;                           ///< the peer's silent end of a socket or pipe: when that closes, the command is ended
};

/// Runs a plan in this process, which becomes the supervisor and CONFINES ITSELF for good: for programs that do nothing else,
/// as `cordon run`. All others use Sandbox.
/// The exit status as `cordon run` gives it: the command's own, 128+N after signal N, 124 after the wall time, 126 or 127.
/// Errors (125): the sandbox could not be built; the command did not start.
/// An error of a missing user namespace has kind `impossible` and errno EPERM, ENOSPC or EINVAL.
[[nodiscard]] Result<int> supervise(const Plan& plan, const SuperviseOptions& options);

}  // namespace cordon
