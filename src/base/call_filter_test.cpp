// SPDX-License-Identifier: Apache-2.0
#include "base/call_filter.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/run_filter.hpp"

namespace cordon {
namespace {

std::uint32_t ask(std::span<const sock_filter> filter, int nr, std::uint64_t second = 0, std::uint32_t arch = kOwnArchitecture) {
  return run_filter(filter, {nr, arch, 0x400000, {0, second}});
}

// Every number below 600 and some far ones: allowed if it is in the list, of our architecture, and no other. Of one call the second argument
// counts, by its lower half.
template <std::size_t N>
void expect_allows_the_list(std::mt19937& random) {
  std::array<std::uint32_t, N> calls;
  std::set<std::uint32_t> list;
  while (list.size() < N) list.insert(static_cast<std::uint32_t>(random() % 480));
  std::ranges::copy(list, calls.begin());
  std::ranges::shuffle(calls, random);
  const std::uint32_t judged = calls[0];
  const CallFilter<N> made(calls, fails(EPERM), [&](auto& f, std::uint32_t nr) { return nr == judged && f.require(1, 0xff, {3, 7}, fails(ENOTTY)); });
  const std::span<const sock_filter> filter(made.begin(), made.end());
  std::vector<int> numbers{0x40000000, 0x7fffffff, -1};
  for (int nr = 0; nr < 600; ++nr) numbers.push_back(nr);
  for (const int nr : numbers) {
    const bool in = list.contains(static_cast<std::uint32_t>(nr));
    EXPECT_EQ(ask(filter, nr, 0xff00000007), in ? SECCOMP_RET_ALLOW : fails(EPERM)) << N << " calls, " << nr;
    EXPECT_EQ(ask(filter, nr, 3, AUDIT_ARCH_I386), SECCOMP_RET_KILL_PROCESS) << nr;
    if (static_cast<std::uint32_t>(nr) != judged) continue;
    EXPECT_EQ(ask(filter, nr, 0x103), SECCOMP_RET_ALLOW);
    EXPECT_EQ(ask(filter, nr, 0x704), fails(ENOTTY));
  }
}

TEST(CallFilter, AllowsItsCallsAndNoOther) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  expect_allows_the_list<1>(random);
  expect_allows_the_list<3>(random);
  expect_allows_the_list<4>(random);
  expect_allows_the_list<9>(random);
  for (int i = 0; i < 20; ++i) expect_allows_the_list<52>(random);
}

}  // namespace
}  // namespace cordon
