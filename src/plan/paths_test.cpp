// SPDX-License-Identifier: Apache-2.0
#include "plan/paths.hpp"

#include <gtest/gtest.h>

#include <map>

namespace cordon::plan {
namespace {

// A host of symlinks only.
HostView links(std::map<std::string, std::string> l) {
  HostView v = real_host();
  v.readlink = [l](const std::string& p) -> std::optional<std::string> {
    const auto i = l.find(p);
    if (i == l.end()) return std::nullopt;
    return i->second;
  };
  v.kind = [l](const std::string& p) { return l.contains(p) ? FileKind::symlink : FileKind::absent; };
  v.list = [](const std::string&) { return std::vector<Entry>{}; };
  return v;
}

TEST(Canonical, ResolvesLinksAndKeepsWhatIsMissing) {
  const auto v = links({{"/a", "b/c"}, {"/b/c/up", "../.."}, {"/loop", "loop"}});
  EXPECT_EQ(canonical(v, "/a/x/../y"), "/b/c/y");
  EXPECT_EQ(canonical(v, "/a/up/z"), "/z");
  EXPECT_EQ(canonical(v, "/../.."), "/");
  EXPECT_EQ(canonical(v, "/loop/x"), "/loop/x");
}
TEST(Within, IsByComponent) {
  EXPECT_TRUE(within("/a/b", "/a"));
  EXPECT_FALSE(within("/ab", "/a"));
  EXPECT_TRUE(within("/a", "/"));
  EXPECT_FALSE(strictly_within("/a", "/a"));
}
TEST(PathPolicy, TheLongestRuleWinsAndDenyBeatsAllow) {
  const auto v = links({});
  HostFacts f;
  f.home = "/h";
  f.cwd = f.project = "/h/p";
  const auto r = [](const char* t) { return Rule{t, {"test", 0, 0}, false}; };
  Policy policy;
  policy.fs.allow_write = {r("."), r("out/x/y")};
  policy.fs.deny_write = {r("out/x"), r("same")};
  policy.fs.allow_read = {r("~/d/open"), r("~/e")};
  policy.fs.deny_read = {r("~/d"), r("~/e")};
  const auto p = PathPolicy::make(policy, f, v);
  const auto may = [&](const char* path, Operation op) { return p.decide_canonical(path, op).allowed; };
  EXPECT_TRUE(may("/h/p/out", Operation::write));
  EXPECT_FALSE(may("/h/p/out/x/z", Operation::write));
  EXPECT_TRUE(may("/h/p/out/x/y/z", Operation::write));
  EXPECT_FALSE(may("/h/d/k", Operation::read));
  EXPECT_TRUE(may("/h/d/open/k", Operation::read));
  EXPECT_FALSE(may("/h/d/open/k", Operation::write));
  EXPECT_FALSE(may("/h/e", Operation::read));
}
TEST(PathPolicy, WhatTheCommandCouldHaveLaidOpensNothing) {
  const auto v = links({{"/h/p/in", "/h/other"}, {"/h/out", "/h/other"}, {"/h/p/held", "/h/other"}});
  HostFacts f;
  f.home = "/h";
  f.cwd = f.project = "/h/p";
  const auto starts = [&](const char* read, const char* write, const char* bundle, bool mounted) {
    const auto r = [](const char* t) { return Rule{t, {"test", 0, 0}, false}; };
    Policy policy;
    policy.fs.allow_write = {r("."), r(write)};
    policy.fs.allow_read = {r(read)};
    policy.fs.deny_write = {r("held")};
    policy.fs.deny_read = {Rule{"~/other", {"floor", 0, 0}, true}};
    policy.net.ca_bundle = bundle;
    policy.net.mode = NetMode::filtered;
    policy.net.route["a.example"] = std::string("unix:") + write;
    return PathPolicy::make(policy, f, v).check_crossings(mounted).has_value();
  };
  EXPECT_TRUE(starts("sub/x", "build", "ca.pem", true));
  EXPECT_TRUE(starts("~/out/x", "~/out", "~/out/ca.pem", true));
  EXPECT_FALSE(starts("in/x", "build", "ca.pem", true));
  EXPECT_FALSE(starts("sub", "in", "ca.pem", true));
  EXPECT_FALSE(starts("sub", "build", "in/ca.pem", true));
  // A policy that holds a link has held it in every run, where there are mounts.
  EXPECT_TRUE(starts("held/x", "build", "ca.pem", true));
  EXPECT_FALSE(starts("held/x", "build", "ca.pem", false));
}
TEST(PathPolicy, ABundleOfCertificatesOpensNoKey) {
  const auto v = links({});
  HostFacts f;
  f.home = "/h";
  f.cwd = f.project = "/h/p";
  Policy policy;
  policy.fs.deny_read = {Rule{"~/.ssh", {"floor", 0, 0}, true}, Rule{"~/private", {"test", 0, 0}, false}};
  policy.net.ca_bundle = "~/.ssh/id";
  EXPECT_FALSE(PathPolicy::make(policy, f, v).may("/h/.ssh/id", Operation::read));
  policy.net.ca_bundle = "~/private/ca.pem";
  EXPECT_TRUE(PathPolicy::make(policy, f, v).may("/h/private/ca.pem", Operation::read));
}
TEST(PathPolicy, AHintIsAnOptionThatHelps) {
  const auto v = links({});
  HostFacts f;
  f.home = "/h";
  f.cwd = f.project = "/h/p";
  Policy policy;
  policy.fs.deny_read = {{"~/floor", {"floor", 0, 0}, true}, {"~/d", {"test", 0, 0}, false}};
  const auto hint = [&](const char* path, Operation op) { return PathPolicy::make(policy, f, v).decide_canonical(path, op).hint; };
  EXPECT_EQ(hint("/h/d/k", Operation::read), "--allow-read /h/d/k");
  EXPECT_EQ(hint("/h/d/k", Operation::write), "--allow-write /h/d/k");
  EXPECT_EQ(hint("/h/d", Operation::read), "");  // deny beats allow at equal length
  EXPECT_EQ(hint("/h/floor/k", Operation::read), "--allow-read /h/floor/k");
  EXPECT_EQ(hint("/h/floor/k", Operation::write), "");
  policy.fs.also.emplace_back().deny_read = {{"~/d", {"company", 0, 0}, false}};
  policy.fs.deny_read.clear();
  EXPECT_EQ(hint("/h/d/k", Operation::read), "");  // a composed policy only narrows
}

TEST(PathPolicy, WhatHomeAndProjectAreCalledIsNoPattern) {
  auto v = links({});
  v.kind = [](const std::string& p) { return p == "/h[1]/p*/a[b]/secret" ? FileKind::file : FileKind::absent; };
  HostFacts f;
  f.uid = 1000;
  f.home = "/h[1]";
  f.cwd = f.project = "/h[1]/p*";
  Policy policy;
  policy.fs.allow_write = {{".", {"test", 0, 0}, false}};
  policy.fs.deny_read = {{"~/.ssh", {"floor", 0, 0}, true}, {"a[b]/secret", {"test", 0, 0}, false}, {"**/.env", {"test", 0, 0}, false}};
  policy.fs.deny_write = {{".vscode", {"floor", 0, 0}, true}};
  const auto p = PathPolicy::make(policy, f, v);
  EXPECT_FALSE(p.decide_canonical("/h[1]/.ssh/id", Operation::read).allowed);
  EXPECT_TRUE(p.decide_canonical("/h1/.ssh/id", Operation::read).allowed);
  EXPECT_FALSE(p.decide_canonical("/h[1]/p*/.vscode", Operation::write).allowed);
  EXPECT_FALSE(p.decide_canonical("/h[1]/p*/x/.env", Operation::read).allowed);
  EXPECT_TRUE(p.decide_canonical("/h[1]/pp/x/.env", Operation::read).allowed);
  EXPECT_FALSE(p.decide_canonical("/h[1]/p*/ab/secret", Operation::read).allowed);
  EXPECT_FALSE(p.decide_canonical("/h[1]/p*/a[b]/secret", Operation::read).allowed) << "an existing name that looks like a pattern is a name as well";
}
TEST(PathPolicy, TheAccountsHomeIsGuardedWhereHomeNamesAnotherAndRootsOwnSecretsAre) {
  auto v = links({});
  v.kind = [](const std::string& p) { return p == "/etc/shadow" ? FileKind::file : FileKind::absent; };
  HostFacts f;
  f.home = "/ci";
  f.account_home = "/root";
  f.cwd = f.project = "/ci/p";
  Policy policy;
  policy.fs.deny_read = {{"~/.ssh", {"floor", 0, 0}, true}, {"~/mine", {"test", 0, 0}, false}};
  const auto may = [&](const char* path) { return PathPolicy::make(policy, f, v).decide_canonical(path, Operation::read).allowed; };
  EXPECT_FALSE(may("/ci/.ssh/id"));
  EXPECT_FALSE(may("/root/.ssh/id"));
  EXPECT_TRUE(may("/root/mine"));
  EXPECT_FALSE(may("/etc/shadow"));
  policy.fs.allow_read = {{"/etc/shadow", {"test", 0, 0}, false}};
  EXPECT_TRUE(may("/etc/shadow"));
  policy.fs.allow_read.clear();
  f.uid = 1000;
  EXPECT_TRUE(may("/etc/shadow")) << "the file's mode holds";
}

}  // namespace
}  // namespace cordon::plan
