// SPDX-License-Identifier: Apache-2.0
#include "launch/standstill.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "base/fd.hpp"

namespace cordon::launch {
namespace {

template <class Act>
void each_number(const std::string& directory, Act act) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
  while (const dirent* e = entries ? readdir(entries.get()) : nullptr)
    if (const int number = std::atoi(e->d_name); number > 0) act(number);
}

// proc_pid_status(5): the last two lines, voluntary_ctxt_switches and nonvoluntary_ctxt_switches.
std::uint64_t switches_of(const std::string& task) {
  const Fd f(open((task + "/status").c_str(), O_RDONLY | O_CLOEXEC));
  char text[4096];
  const ssize_t n = f ? read(f.get(), text, sizeof text - 1) : 0;
  text[n > 0 ? n : 0] = 0;
  const char* at = std::strstr(text, "\nvoluntary_ctxt_switches:");
  unsigned long long voluntary = 0, other = 0;
  if (!at || std::sscanf(at, " voluntary_ctxt_switches: %llu nonvoluntary_ctxt_switches: %llu", &voluntary, &other) != 2) return 0;
  return voluntary + other;
}

// Changes when anything but PID 1 ran, was born or reaped.
std::uint64_t all_switches() {
  std::uint64_t sum = 1;
  each_number("/proc", [&](int pid) {
    if (pid == 1) return;
    const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
    each_number(tasks, [&](int tid) { sum += static_cast<std::uint64_t>(tid) << 32 | switches_of(tasks + "/" + std::to_string(tid)); });
  });
  return sum;
}

}  // namespace

bool Standstill::look() {
  const auto now = Clock::now();
  if (now - looked_ < std::chrono::milliseconds(kLook)) return true;
  const bool alone = getpid() == 1;  // without a pid namespace only the command was stopped, and whatever it started may go on
  const std::uint64_t switches = alone ? all_switches() : 0;
  if (!alone || (switches_ != 0 && switches != switches_)) {
    ran_ += now - looked_;
    if (alone) kill(-1, SIGSTOP);
  }
  switches_ = switches;
  looked_ = now;
  return ran_ < left_;
}

}  // namespace cordon::launch
