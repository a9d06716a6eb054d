// SPDX-License-Identifier: Apache-2.0
// The filter three times: its rules as text (seccomp_golden.txt), its program run over made-up calls here, and the kernel
// (tests/sandbox, tests/attack). After a change that was meant: CORDON_GOLDEN=1 launch_test writes the text anew.
#include "launch/seccomp.hpp"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "base/call_filter.hpp"
#include "base/run_filter.hpp"
#include "launch/compile_filter.hpp"
#include "launch/filter_rules.hpp"

namespace cordon::launch {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kForeign = AUDIT_ARCH_I386;
#else
constexpr std::uint32_t kForeign = AUDIT_ARCH_ARM;
#endif
constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW, kNotify = SECCOMP_RET_USER_NOTIF;

seccomp_data call(int nr, std::initializer_list<std::uint64_t> args = {}, std::uint32_t arch = kOwnArchitecture) {
  seccomp_data d{nr, arch, 0x400000, {}};
  std::copy(args.begin(), args.end(), d.args);
  return d;
}

Plan plan_of(Tier tier, NetMode net) {
  Plan p;
  p.tier = tier;
  p.net = net;
  return p;
}

std::vector<sock_filter> program_of(const Plan& p) {
  const auto program = filter_of(p);
  return {program.begin(), program.end()};
}

// What the rules say, said again without BPF. Where several hold, libseccomp chooses.
std::set<std::uint32_t> reference(const std::vector<FilterRule>& rules, const seccomp_data& d) {
  if (static_cast<std::uint32_t>(d.nr) > kLastReviewed) return {fails(ENOSYS)};
  const auto low = static_cast<std::uint32_t>(d.args[0]);
  if (d.nr == SYS_socket && std::ranges::find(kFamilies, low) == std::end(kFamilies)) return {fails(EAFNOSUPPORT)};
  if (d.nr == SYS_personality && low != 0xffffffff && (low & ~kPersonality) != 0) return {fails(EPERM)};
  if (d.arch != kOwnArchitecture) return {fails(ENOSYS)};
  std::set<std::uint32_t> actions;
  for (const FilterRule& r : rules) {
    bool all = r.nr == d.nr;
    for (const Match& m : r.matches) {
      const std::uint64_t seen = (m.wide ? d.args[m.argument] : static_cast<std::uint32_t>(d.args[m.argument])) & m.mask;
      all = all && (seen == m.value) != m.differs;
    }
    if (all) actions.insert(r.error == 0 ? kNotify : fails(r.error == kPretended ? 0 : r.error));
  }
  if (actions.empty()) actions.insert(kAllow);
  return actions;
}

const Plan kPlans[] = {plan_of(Tier::namespaces, NetMode::none), plan_of(Tier::namespaces, NetMode::host), plan_of(Tier::landlock, NetMode::none),
                       plan_of(Tier::landlock, NetMode::filtered)};

TEST(Seccomp, TheRulesAreThoseThatWereReviewed) {
#if !defined(__x86_64__)
  GTEST_SKIP() << "the golden text is x86_64's";
#endif
  std::string text;
  for (const Plan& p : kPlans)
    text += "# " + std::string(p.tier == Tier::namespaces ? "namespaces" : "landlock") + ", net " + std::to_string(static_cast<int>(p.net)) + "\n" +
            render(filter_rules(p));
  Plan nested = kPlans[0];
  nested.nested_namespaces = nested.restrict_exec = true;
  text += "# namespaces, nested, exec rules\n" + render(filter_rules(nested));
  const std::string path = std::string(CORDON_SOURCE_DIR) + "/src/launch/seccomp_golden.txt";
  if (std::getenv("CORDON_GOLDEN")) std::ofstream(path) << text;
  std::stringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(golden.str(), text);
}

TEST(Seccomp, TheProgramDoesWhatTheRulesSayOfAHundredThousandCalls) {
  std::mt19937_64 random(20240607);
  const std::uint64_t tempting[] = {
      0, 1, 2, 3, 10, 16, 17, 40, 44, 255, 256, 262, 0x5412, 0x5423, 0x541c, 0x541d, CLONE_NEWUSER, CLONE_NEWNS, 0x80, 0xffffffff, 0x0040000};
  for (const Plan& p : kPlans) {
    const auto program = program_of(p);
    const auto rules = filter_rules(p);
    for (int i = 0; i < 25000; ++i) {
      seccomp_data d = call(static_cast<int>(random() % 3 == 0 ? rules[random() % rules.size()].nr : static_cast<int>(random() % 500)));
      if (random() % 50 == 0) d.nr |= 0x40000000;
      if (random() % 50 == 0) d.arch = kForeign;
      for (auto& a : d.args) {
        a = random() % 4 == 0 ? random() : tempting[random() % std::size(tempting)];
        if (random() % 4 == 0) a |= random() << 32;
        if (random() % 8 == 0) a |= 02000000;
      }
      ASSERT_TRUE(reference(rules, d).contains(run_filter(program, d)))
          << run_filter(program, d) << " for call " << d.nr << " arch " << d.arch << " args " << d.args[0] << " " << d.args[1] << " " << d.args[2];
    }
  }
}

TEST(Seccomp, TheTableOfTheBuildIsWhatLibseccompMakesOfTheRules) {
  for (unsigned i = 0; i < FilterChoice::count; ++i) {
    const auto choice = FilterChoice::at(i);
    ASSERT_EQ(choice.index(), i);
    const auto made = compile_filter(choice);
    ASSERT_TRUE(made) << made.error().sentence();
    const auto built = filter_of(choice);
    ASSERT_TRUE(std::equal(made->begin(), made->end(), built.begin(), built.end(), [](const sock_filter& a, const sock_filter& b) {
      return std::memcmp(&a, &b, sizeof a) == 0;
    })) << i;
  }
}

TEST(Seccomp, UpperHalvesDoNotHideWhatTheKernelIgnores) {
  const auto program = program_of(kPlans[0]);
  constexpr std::uint64_t kUpper = 0x100000000;
  for (const std::uint64_t upper : {std::uint64_t{0}, kUpper, std::uint64_t{0xffffffff00000000}}) {
    for (const std::uint64_t request : {0x5412, 0x541c, 0x5423, 0x541d})
      EXPECT_EQ(run_filter(program, call(SYS_ioctl, {0, upper | request})), kNotify);
    EXPECT_EQ(run_filter(program, call(SYS_socket, {upper | 40, SOCK_STREAM, 0})), fails(EAFNOSUPPORT));
    EXPECT_EQ(run_filter(program, call(SYS_socket, {upper | AF_NETLINK, SOCK_RAW, upper | NETLINK_SOCK_DIAG})), fails(EAFNOSUPPORT));
    EXPECT_EQ(run_filter(program, call(SYS_socket, {upper | AF_INET, upper | SOCK_RAW | SOCK_CLOEXEC, 0})), fails(EPERM));
    EXPECT_EQ(run_filter(program, call(SYS_socket, {upper | AF_INET, SOCK_STREAM, upper | 262})), fails(EPROTONOSUPPORT));
    EXPECT_EQ(run_filter(program, call(SYS_personality, {upper | 0x0400000})), fails(EPERM));
  }
  EXPECT_EQ(run_filter(program, call(SYS_ioctl, {0, 0x5413})), kAllow);
  EXPECT_EQ(run_filter(program, call(SYS_sendto, {3, 1, 1, 0, kUpper, 0})), kNotify);  // a pointer whose lower half is zero
  EXPECT_EQ(run_filter(program, call(SYS_sendto, {3, 1, 1, 0, 0, 16})), kAllow);
  EXPECT_EQ(run_filter(program, call(SYS_sendto, {3, 1, 1, MSG_OOB | MSG_NOSIGNAL, 0, 0})), kNotify);
}

TEST(Seccomp, FamiliesTypesAndNamespaces) {
  const auto program = program_of(kPlans[0]);
  std::set<std::uint64_t> allowed;
  for (std::uint64_t family = 0; family < 4096; ++family)
    if (run_filter(program, call(SYS_socket, {family, SOCK_STREAM, 0})) == kAllow) allowed.insert(family);
  EXPECT_EQ(allowed, (std::set<std::uint64_t>{AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}));
  EXPECT_EQ(run_filter(program, call(SYS_socket, {AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0})), kAllow);
  EXPECT_EQ(run_filter(program, call(SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE})), kAllow);
  for (const std::uint64_t flag : {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP}) {
    EXPECT_EQ(run_filter(program, call(SYS_clone, {flag | 17})), kNotify);
    EXPECT_EQ(run_filter(program, call(SYS_unshare, {flag | CLONE_FILES})), kNotify);
  }
  EXPECT_EQ(run_filter(program, call(SYS_unshare, {CLONE_FILES | CLONE_FS})), kAllow);
  EXPECT_EQ(run_filter(program, call(SYS_clone, {CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES})), kAllow);
  EXPECT_EQ(run_filter(program, call(SYS_clone3)), fails(ENOSYS));
  Plan nested = kPlans[0];
  nested.nested_namespaces = true;
  const auto open = program_of(nested);
  EXPECT_EQ(run_filter(open, call(SYS_unshare, {CLONE_NEWUSER})), kAllow);
  EXPECT_EQ(run_filter(open, call(SYS_clone3)), kAllow);
  EXPECT_EQ(run_filter(open, call(SYS_mount)), kNotify);
}

TEST(Seccomp, WithoutANetworkNamespaceOnlyWhatLandlockHoldsIsLeft) {
  const auto none = program_of(kPlans[2]), filtered = program_of(kPlans[3]);
  for (const std::uint64_t family : {AF_INET, AF_INET6})
    for (std::uint64_t type = 1; type < 16; ++type) {
      EXPECT_EQ(run_filter(none, call(SYS_socket, {family, type, 0})), fails(EACCES));
      if (type <= SOCK_PACKET && type != 7 && type != 8 && type != 9) {
        EXPECT_EQ(run_filter(filtered, call(SYS_socket, {family, type | SOCK_CLOEXEC, 0})) == kAllow, type == SOCK_STREAM) << type;
      }
    }
  EXPECT_EQ(run_filter(none, call(SYS_bind)), kNotify);
  EXPECT_EQ(run_filter(program_of(kPlans[0]), call(SYS_bind)), kAllow);
}

TEST(Seccomp, WhatIsNewOrForeignDoesNotExist) {
  const auto program = program_of(kPlans[0]);
  for (std::uint32_t nr = kLastReviewed + 1; nr < 2000; ++nr) EXPECT_EQ(run_filter(program, call(static_cast<int>(nr))), fails(ENOSYS));
  for (int nr = 0; nr < 600; ++nr) {
    EXPECT_EQ(run_filter(program, call(nr | 0x40000000)), fails(ENOSYS));
    const std::uint32_t foreign = run_filter(program, call(nr, {}, kForeign));
    EXPECT_EQ(foreign, fails(ENOSYS)) << nr;
  }
}

TEST(Seccomp, OrdinaryCallsStayInTheKernel) {
  for (const Plan& p : kPlans) {
    const auto program = program_of(p);
    for (const int nr : {SYS_read,
                         SYS_write,
                         SYS_openat,
                         SYS_close,
                         SYS_mmap,
                         SYS_execve,
                         SYS_execveat,
                         SYS_ptrace,
                         SYS_process_vm_readv,
                         SYS_prctl,
                         SYS_seccomp,
                         SYS_landlock_create_ruleset,
                         SYS_recvmsg,
                         SYS_socketpair,
                         SYS_accept4,
                         SYS_futex,
                         SYS_mbind,
                         452 /* fchmodat2 */,
                         462 /* mseal */,
                         463,
                         464,
                         465,
                         466 /* *xattrat */,
                         468,
                         469 /* file_getattr, file_setattr */})
      EXPECT_EQ(run_filter(program, call(nr)), kAllow) << nr;
    for (const std::uint64_t persona : {0ULL, 0xffffffffULL, 0x0040000ULL, 8ULL})
      EXPECT_EQ(run_filter(program, call(SYS_personality, {persona})), kAllow);
  }
  Plan watched = kPlans[0];
  watched.exec_rules.push_back({"/usr/bin/id", "/usr/bin/id", true});
  EXPECT_EQ(run_filter(program_of(watched), call(SYS_execve)), kNotify);
}

TEST(Seccomp, EveryNotifiedRefusalHasANameAndAnError) {
  for (const FilterRule& r : filter_rules(kPlans[1])) {
    const std::set<int> answered{SYS_connect, SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_bind};
    if (r.error == 0 && !answered.contains(r.nr)) {
      EXPECT_STREQ(refusal(r.nr).name, r.name);
      EXPECT_GT(refusal(r.nr).error, 0);
    }
  }
}

}  // namespace
}  // namespace cordon::launch
