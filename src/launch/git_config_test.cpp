// SPDX-License-Identifier: Apache-2.0
#include "launch/git_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cordon::launch {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> read(std::string_view text) {
  std::vector<std::string> out;
  for (const Setting& s : read_git_config(text)) out.push_back(s.name() + (s.value ? "=" + *s.value : ""));
  return out;
}
bool trap(std::string_view text) {
  const auto settings = read_git_config(text);
  EXPECT_EQ(settings.size(), 1U) << text;
  return !settings.empty() && is_trap(settings[0]);
}

TEST(GitConfig, SectionsAndKeysHaveNoCaseAndSubsectionsHave) {
  EXPECT_THAT(read("[CoRe]\nFsMonitor = X\n[Remote \"A b\"]\nURL=y\n[branch.Main]\nmerge=z\n"),
              ElementsAre("core.fsmonitor=X", "remote.A b.url=y", "branch.main.merge=z"));
}
TEST(GitConfig, AKeyMayStandBehindItsSection) { EXPECT_THAT(read("[core]bare=true"), ElementsAre("core.bare=true")); }
TEST(GitConfig, AKeyWithoutAValueIsTold) { EXPECT_THAT(read("[a]\nb\nc =\n"), ElementsAre("a.b", "a.c=")); }
TEST(GitConfig, QuotesKeepBlanksAndMarksOfComments) {
  EXPECT_THAT(read("[a]\nb = x  # c\nd = \" x # \" ; e\nf = \"a\"b\" c\"  \ng = a  b\n"), ElementsAre("a.b=x", "a.d= x # ", "a.f=ab c", "a.g=a  b"));
}
TEST(GitConfig, ABackslashEscapesAndContinuesALine) {
  EXPECT_THAT(read("[a]\nb = x\\\n  y\\t\\\"\\\\\nc = \"p\\\nq\"\n"), ElementsAre("a.b=x  y\t\"\\", "a.c=pq"));
}
TEST(GitConfig, ASubsectionEscapesWhatComesAfterABackslash) { EXPECT_THAT(read("[a \"x\\\"\\\\y\\z\"]\nb=1\n"), ElementsAre("a.x\"\\yz.b=1")); }
TEST(GitConfig, CarriageReturnsAndAByteOrderMarkAreNoContent) { EXPECT_THAT(read("\xef\xbb\xbf[a]\r\nb = c\r\nd\r\n"), ElementsAre("a.b=c", "a.d")); }
TEST(GitConfig, ABrokenLineDoesNotHideTheNext) {
  EXPECT_THAT(read("[a]\n1x = y\nb c = d\ne = \"open\nf = g\n"), ElementsAre("a.f=g"));
  EXPECT_THAT(read("[a \"b]\nc = d\n[e]\nf = g\n"), ElementsAre("e.f=g"));
}
TEST(GitConfig, WithoutASectionThereIsNoSetting) { EXPECT_THAT(read("a = b\n[]\nc = d\n"), IsEmpty()); }

TEST(GitConfig, WhatIsExecutedIsATrap) {
  for (const char* text : {"[core]fsmonitor=x",
                           "[core]hooksPath=.",
                           "[core]sshCommand=x",
                           "[core]editor=x",
                           "[core]pager=x",
                           "[core]gitProxy=x",
                           "[core]askPass=x",
                           "[core]alternateRefsCommand=x",
                           "[filter \"a\"]clean=x",
                           "[filter \"a\"]smudge=x",
                           "[filter \"a\"]process=x",
                           "[diff \"a\"]command=x",
                           "[diff \"a\"]textconv=x",
                           "[diff]external=x",
                           "[merge \"a\"]driver=x",
                           "[credential]helper=x",
                           "[credential \"https://example.com\"]helper=x",
                           "[gpg]program=x",
                           "[gpg \"ssh\"]program=x",
                           "[gpg \"ssh\"]defaultKeyCommand=x",
                           "[alias]a=!x",
                           "[alias]a=-c core.pager=x log",
                           "[include]path=x",
                           "[includeIf \"gitdir:/\"]path=x",
                           "[protocol \"ext\"]allow=always",
                           "[remote \"a\"]uploadpack=x",
                           "[remote \"a\"]receivepack=x",
                           "[remote \"a\"]vcs=x",
                           "[remote \"a\"]url=ext::x",
                           "[url \"ext::x\"]insteadOf=y",
                           "[submodule \"a\"]update=!x",
                           "[sequence]editor=x",
                           "[pager]log=x",
                           "[interactive]diffFilter=x",
                           "[difftool \"a\"]cmd=x",
                           "[mergetool \"a\"]path=x",
                           "[uploadpack]packObjectsHook=x",
                           "[init]templateDir=x",
                           "[trailer \"a\"]command=x",
                           "[tar \"a\"]command=x",
                           "[hook \"a\"]command=x",
                           "[web]browser=x",
                           "[browser \"a\"]cmd=x",
                           "[man \"a\"]path=x",
                           "[sendemail]toCmd=x",
                           "[imap]tunnel=x",
                           "[gc]recentObjectsHook=x"})
    EXPECT_TRUE(trap(text)) << text;
}
TEST(GitConfig, WhatGitWritesByItselfIsNone) {
  for (const char* text :
       {"[core]repositoryformatversion=0", "[core]bare=false", "[core]worktree=../x", "[core]fsmonitor=true", "[core]fsmonitor",
        "[core]pager=", "[pager]log=false", "[remote \"a\"]url=https://example.com/a", "[remote \"a\"]fetch=+refs/heads/*:refs/remotes/a/*",
        "[branch \"a\"]merge=refs/heads/a", "[submodule \"a\"]active=true", "[submodule \"a\"]path=x", "[submodule \"a\"]update=rebase",
        "[credential]helper=", "[user]name=x", "[extensions]worktreeConfig=true", "[http]proxy=x"})
    EXPECT_FALSE(trap(text)) << text;
}

TEST(GitConfig, WhatIsWrittenReadsTheSame) {
  const std::vector<Setting> settings{{"a", {}, "b", " x # \"\\\n\t\b"}, {"a", {}, "c", {}}, {"a", "Sub \"\\", "d", ""}, {"a", "", "e", "1"}};
  EXPECT_EQ(read_git_config(write_git_config(settings)), settings);
}

}  // namespace
}  // namespace cordon::launch
