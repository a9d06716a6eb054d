// SPDX-License-Identifier: Apache-2.0
// Commands against each other: interleaved, so that both meet the same machine; medians, so that one hiccup does not count.
//
//   race ROUNDS AT_ONCE -- A ARG... -- B ARG...     (the separator is "--" alone; inside a command write "-\-")
//
// Prints the median wall time of a round in ms for each, and the ratio A/B.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

extern char** environ;

namespace {

using Clock = std::chrono::steady_clock;

double round_ms(std::vector<char*>& command, int at_once) {
  const auto start = Clock::now();
  for (int i = 0; i < at_once; ++i) {
    pid_t pid = 0;
    if (posix_spawnp(&pid, command[0], nullptr, nullptr, command.data(), environ) != 0) {
      std::fprintf(stderr, "race: cannot start %s\n", command[0]);
      std::exit(1);
    }
  }
  int status = 0;
  while (wait(&status) > 0)
    if (status != 0) {
      std::fprintf(stderr, "race: %s ended with status %d\n", command[0], status);
      std::exit(1);
    }
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::vector<char*>> commands;
  for (int i = 3; i < argc; ++i) {
    if (std::strcmp(argv[i], "--") == 0) commands.emplace_back();
    else if (!commands.empty()) commands.back().push_back(std::strcmp(argv[i], "-\\-") == 0 ? const_cast<char*>("--") : argv[i]);
  }
  if (commands.size() != 2) return std::fprintf(stderr, "usage: race ROUNDS AT_ONCE -- A ARG... -- B ARG...\n"), 2;
  const int rounds = std::atoi(argv[1]), at_once = std::atoi(argv[2]);
  std::vector<double> times[2];
  for (auto& c : commands) c.push_back(nullptr);
  for (auto& c : commands) round_ms(c, at_once);  // warm
  for (int i = 0; i < rounds; ++i)
    for (int k = 0; k < 2; ++k) times[(i + k) % 2].push_back(round_ms(commands[static_cast<std::size_t>((i + k) % 2)], at_once));
  const double a = median(times[0]), b = median(times[1]);
  std::printf("%.2f ms against %.2f ms: ratio %.2f\n", a, b, a / b);
}
