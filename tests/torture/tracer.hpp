// SPDX-License-Identifier: Apache-2.0
// Runs a program under ptrace(2) and meddles at one system call of one process.
//
// A tracer and not a seam in our wrappers, because it tries the binary that ships, with no test code in it; because it
// reaches the calls of libc, libseccomp and the standard library, which no wrapper of ours sees; and because it needs no
// privilege, so that the same holds for an ordinary user.
//
// A process is named by its descent: "0" is the program, "0.1" its second child. Calls are counted in each process from
// its start (or its own execve) until it executes the command.
#pragma once
#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace cordon::torture {

struct Point {
  std::string process;
  unsigned index = 0;  ///< of the system call in that process, from 0
  long call = -1;      ///< its number, -1: not known
  auto operator<=>(const Point&) const = default;
};

struct Meddling {
  Point at;               ///< an empty process: shortly after the command has started
  int error = 0;          ///< the call is not made and gives this errno; 0: do not
  std::string kill = {};  ///< the process that gets SIGKILL when the call is about to be made; empty: none
};

struct Report {
  std::vector<Point> calls;                         ///< in the order in which they were entered
  std::vector<std::string> processes;               ///< all of ours
  std::map<Point, std::vector<std::string>> alive;  ///< ours that lived when the call was entered
  bool reached = false;                             ///< the point of the meddling
  bool hung = false;                                ///< had to be ended after the time
  int status = -1;                                  ///< of wait(2)
  std::string out, err;
  unsigned left = 0;  ///< processes that lived a second after the program's end
};

/// Follows what it starts until it executes something that is not Cordon; ends what is left `most` after the meddling. x86-64.
Report run(const std::vector<std::string>& argv, const Meddling* meddling, std::chrono::milliseconds most);

}  // namespace cordon::torture
