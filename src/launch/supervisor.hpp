// SPDX-License-Identifier: Apache-2.0
// The trusted parent of a run: starts the sandbox, attends to it while the command runs, ends it.
#pragma once
#include <cordon/sandbox.hpp>
#include <signal.h>

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "base/fd.hpp"
#include "base/outlet.hpp"
#include "launch/cgroup.hpp"
#include "launch/egress.hpp"
#include "launch/janitor.hpp"
#include "launch/messages.hpp"
#include "launch/output.hpp"
#include "launch/placeholders.hpp"
#include "launch/prepare.hpp"
#include "launch/report.hpp"
#include "launch/spawn.hpp"
#include "launch/terminal.hpp"

namespace cordon::launch {

/// What is made beside the rest.
struct Beside {
  Nursery* nursery = nullptr;                                   ///< where most of the namespaces may be, or null
  std::function<Result<std::vector<LandlockRule>>()> landlock;  ///< the rules that the plan has not, or null; asked while PID 1 mounts
  Outlet* said = nullptr;                                       ///< standard error, for warnings
  Outlet* events = nullptr;                                     ///< where `on_event` writes, or null: what finds no room goes out in the loop
};

class Supervisor {
 public:
  Supervisor(const Plan& plan, const SuperviseOptions& options, const Beside& beside);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// From the plan to the go-signal. Whatever fails, nothing has run, and `finish` cleans up.
  Result<void> start();
  /// Until the command has ended or must end.
  void attend();
  /// Ends what is left, removes what was made on the host, and tells the outcome.
  Result<int> finish();
  /// The first cause is kept.
  void fail(Error error) {
    if (!failure_) failure_ = std::move(error);
  }

 private:
  using Clock = std::chrono::steady_clock;
  void emit(const Event& event) const {
    if (options_.on_event) options_.on_event(event);
  }
  void hear_init();
  void hear_egress(int flags);
  void egress_word(const EgressProcess::Word& word);
  void hear_signals();
  void check_deadline();
  void check_cpu();
  [[nodiscard]] int patience() const;
  void built();
  void stopped(int signal);
  void denied(const std::string& bytes);
  void limit_hit(const std::string& name);
  void send_signal(int number);
  void kill_init();
  void end_init();

  Plan plan_;  // egress on the host's loopback changes it
  const SuperviseOptions& options_;
  const Beside& beside_;
  sigset_t old_mask_{};
  Prepared prepared_;
  Placeholders placeholders_;
  EgressProcess egress_;
  Output output_;
  Cgroup cgroup_;
  Spawned init_;
  Janitor janitor_;
  Terminal terminal_;
  Fd control_, signals_;
  Clock::time_point started_;
  std::optional<Clock::time_point> deadline_;
  std::optional<Clock::time_point> look_at_;   // at the cgroup's processor time
  std::optional<Clock::time_point> shed_at_;   // see residence.hpp
  std::optional<Clock::time_point> swept_by_;  // the command is over, PID 1 takes its last look
  bool timed_out_ = false, built_ = false, over_ = false, gone_ = false, swept_ = false;
  std::optional<int> wait_status_;
  std::optional<Error> failure_;
  std::string limit_;  // the last one that was passed
  Usage usage_;
};

/// As cordon::supervise, of a plan that is not finished.
[[nodiscard]] Result<int> supervise(const Plan& plan, const SuperviseOptions& options, const Beside& beside);

}  // namespace cordon::launch
