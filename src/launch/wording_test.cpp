// SPDX-License-Identifier: Apache-2.0
#include "launch/wording.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace cordon::launch {
namespace {

using stage::Step;
using testing::HasSubstr;
using testing::StartsWith;

Plan plan() {
  Plan p;
  p.mounts.resize(2);
  p.mounts[0].target = "/home/me/.ssh";
  p.mounts[0].why = "~/.ssh (floor)";
  p.mounts[1].target = "/t\x1bmp";
  p.rlimits = {{7, 64, "open_files"}};
  p.cwd = "/p\n";
  p.executable = "/p/a\x1b.out";
  return p;
}
std::string sentence(Step step, std::uint32_t index, int error) { return worded({step, index, error}, plan()).sentence(); }

TEST(Wording, EachStepHasASentenceAndARemedyAndNoneIsABug) {
  for (const Step s : {Step::id_maps, Step::host_name,    Step::loopback,     Step::old_root,        Step::clone_root, Step::attach_root,
                       Step::mount,   Step::listeners,    Step::pivot,        Step::detach_old_root, Step::keyring,    Step::session,
                       Step::rlimit,  Step::capabilities, Step::no_new_privs, Step::landlock_rule,   Step::landlock,   Step::working_directory,
                       Step::seccomp, Step::exec}) {
    const Error e = worded({s, 0, EPERM}, plan());
    EXPECT_THAT(e.what, StartsWith("cannot ")) << static_cast<int>(s);
    EXPECT_FALSE(e.remedy.empty()) << static_cast<int>(s);
    EXPECT_NE(e.kind, ErrorKind::bug) << static_cast<int>(s);
    EXPECT_EQ(e.exit_status, s == Step::exec ? 126 : 125) << static_cast<int>(s);
  }
}
TEST(Wording, AMountIsNamedWithTheRuleThatWantedIt) {
  EXPECT_THAT(sentence(Step::mount, 0, EBUSY), StartsWith("cannot mount /home/me/.ssh (~/.ssh (floor)): Device or resource busy; "));
  EXPECT_THAT(sentence(Step::mount, 1, EBUSY), StartsWith("cannot mount /t\\x1bmp: "));
}
TEST(Wording, AnIndexThatThePlanDoesNotHaveIsNoPath) {
  EXPECT_THAT(sentence(Step::mount, 2, ENOMEM), StartsWith("cannot make the masks: "));
  EXPECT_THAT(sentence(Step::rlimit, 1, EPERM), StartsWith("cannot set the limit ?: "));
  EXPECT_THAT(sentence(Step::rlimit, 0, EPERM), StartsWith("cannot set the limit open_files: "));
}
TEST(Wording, WhyAProgramDidNotStartDecidesTheStatusAndTheRemedy) {
  const auto exec = [](int error) { return worded({Step::exec, 0, error}, plan()); };
  EXPECT_EQ(exec(ENOENT).exit_status, 127);
  EXPECT_THAT(exec(ENOENT).remedy, HasSubstr("interpreter or loader is missing"));
  EXPECT_THAT(exec(ENOEXEC).remedy, HasSubstr("`sh /p/a\\x1b.out`"));
  EXPECT_THAT(exec(EACCES).remedy, HasSubstr("what interprets or loads it must be allowed"));
  EXPECT_THAT(exec(ENOMEM).remedy, HasSubstr("limits of memory"));
  EXPECT_EQ(exec(ENOMEM).exit_status, 126);
  EXPECT_EQ(exec(ENOMEM).kind, ErrorKind::refused);
  EXPECT_EQ(exec(EAGAIN).exit_status, 125);  // it says nothing of the program
  EXPECT_THAT(exec(EAGAIN).remedy, HasSubstr("no process is free"));
}
TEST(Wording, AWorkingDirectoryIsNamedAsATerminalMayShowIt) { EXPECT_THAT(sentence(Step::working_directory, 0, EACCES), HasSubstr("/p\\x0a")); }
TEST(Wording, AStateThatIsNotThePlansIsABug) {
  const Error e = worded({Step::verify, 3, 0}, plan());
  EXPECT_EQ(e.kind, ErrorKind::bug);
  EXPECT_THAT(e.what, HasSubstr("check 3"));
}

}  // namespace
}  // namespace cordon::launch
