// SPDX-License-Identifier: Apache-2.0
// PID 1 of the sandbox: builds it, starts the command, reaps, answers seccomp notifications, ends everything.
#pragma once
#include <cordon/plan.hpp>

#include "launch/meter.hpp"
#include "launch/notify.hpp"
#include "launch/sweep.hpp"
#include "stage/stage.hpp"

namespace cordon::launch {

struct InitConfig {
  stage::Program program;
  stage::Roots roots;
  int control = -1;  ///< to the supervisor; end of file means die
  bool job = false;  ///< a job of the caller's terminal: it stops when the command stops
  bool own_network = true, new_session = false;
  NotifyOptions notify;
  int acting_ruleset = -1;   ///< Landlock for PID 1 itself (acting.hpp), or -1
  int output[2] = {-1, -1};  ///< what becomes standard output and error; -1: as it is
  bool listeners = false;    ///< make those of egress
  int dial = -1;             ///< channel on which egress asks for sockets
  MeterOptions limits;
  SweepOptions traps;
  std::vector<Glob> globs;  ///< looked for once more at the end
};

[[noreturn]] void init_main(InitConfig& config);

}  // namespace cordon::launch
