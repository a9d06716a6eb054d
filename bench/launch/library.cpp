// SPDX-License-Identifier: Apache-2.0
// What a start costs a program that uses the library: the plan alone, and a start beside 256 MiB of memory against fork(2).
#include <cordon/sandbox.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

template <class F>
double median_ms(int rounds, F f) {
  std::vector<double> v;
  for (int i = 0; i < rounds; ++i) {
    const auto start = Clock::now();
    f();
    v.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

[[noreturn]] void give_up(const cordon::Error& e) {
  std::fprintf(stderr, "%s\n", e.sentence().c_str());
  std::exit(1);
}

}  // namespace

int main(int, char** argv) {
  using namespace cordon;
  Policy policy = preset("safe").value();
  const Request request = request_of({"true"});
  const auto facts = read_host_facts(request);
  if (!facts) give_up(facts.error());
  const auto plan = [&] {
    if (const auto p = make_plan(policy, request, *facts); !p) give_up(p.error());
  };
  std::printf("plan from the preset: %.3f ms\n", median_ms(200, plan));
  for (int i = 0; i < 100; ++i) policy.fs.deny_read.push_back({"~/private/" + std::to_string(i), {"bench", 0, 0}, false});
  std::printf("plan with 100 more rules: %.3f ms (aim 0.2)\n", median_ms(200, plan));

  policy = preset("safe").value();
  std::vector<char> memory(256U << 20, 1);
  const SandboxOptions options{Stream::null(), Stream::null(), Stream::null(), argv[1]};
  std::vector<double> calls;
  const double whole = median_ms(40, [&] {
    const auto begin = Clock::now();
    auto s = Sandbox::start(policy, request, options);
    calls.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    if (!s) give_up(s.error());
    if (const auto status = s->wait(); !status) give_up(status.error());
  });
  std::sort(calls.begin(), calls.end());
  const double forked = median_ms(40, [&] {
    const pid_t pid = fork();
    if (pid == 0) {
      execl(argv[1], "cordon", "run", "--quiet", "--", "true", static_cast<char*>(nullptr));
      _exit(127);
    }
    waitpid(pid, nullptr, 0);
  });
  std::printf("library start beside 256 MiB, to the end of `true`: %.2f ms; the call alone %.2f ms; fork and exec of the same: %.2f ms; ratio %.2f\n",
              whole, calls[calls.size() / 2], forked, whole / forked);
}
