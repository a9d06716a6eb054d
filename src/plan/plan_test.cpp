// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "plan/glob.hpp"
#include "plan/parts.hpp"

namespace cordon {
namespace {
namespace fs = std::filesystem;

Rule rule(const char* text, bool floor = false) { return {text, {floor ? "floor" : "test", 0, 0}, floor}; }

struct PlanTest : testing::Test {
  std::string root, home, project;
  Policy policy;
  HostFacts facts;
  Request request;
  PlanTest() {
    char name[] = "/var/cordon_plan_XXXXXX";
    char other[] = "/tmp/cordon_plan_XXXXXX";
    const char* made = ::mkdtemp(name);
    if (!made) made = ::mkdtemp(other);
    root = fs::canonical(made);
    home = root + "/home";
    project = home + "/project";
    fs::create_directories(project + "/src");
    fs::create_directories(project + "/.git/hooks");
    std::ofstream(project + "/.git/config") << "[core]\n";
    fs::create_directories(home + "/.ssh");
    fs::create_directories(home + "/.cache");
    facts.uid = facts.gid = 1000;
    facts.home = home;
    facts.cwd = facts.project = project;
    facts.landlock_abi = 6;
    policy.fs.allow_write = {rule(".")};
    policy.fs.deny_write = {rule(".git/hooks", true), rule(".git/config", true), rule(".envrc", true)};
    policy.fs.deny_read = {rule("~/.ssh", true)};
    policy.exec.allow = {rule("*")};
    request.argv = {"sh"};
    request.environment = {"PATH=/usr/bin:/bin"};
    policy.env.pass = {rule("PATH")};
  }
  ~PlanTest() override { fs::remove_all(root); }
  const Mount* find(const Plan& p, MountKind k, const std::string& t) {
    for (const auto& m : p.mounts)
      if (m.kind == k && m.target == t) return &m;
    return nullptr;
  }
  Plan plan() {
    auto p = make_plan(policy, request, facts);
    EXPECT_TRUE(p.has_value()) << (p ? "" : p.error().sentence());
    return p ? *p : Plan{};
  }
  bool may(const std::string& path, Operation op) { return explain_path(policy, facts, path, op)->allowed; }
};

TEST_F(PlanTest, TheProjectIsWritableAndItsGitIsHeld) {
  const Plan p = plan();
  EXPECT_TRUE(find(p, MountKind::bind_rw, project));
  EXPECT_TRUE(find(p, MountKind::bind_rw, project + "/.git"));
  EXPECT_TRUE(find(p, MountKind::bind_ro, project + "/.git/hooks"));
  EXPECT_TRUE(find(p, MountKind::bind_ro, project + "/.git/config"));
  EXPECT_TRUE(find(p, MountKind::empty_dir, project + "/.envrc"));
  ASSERT_EQ(p.placeholders.size(), 1U);
  EXPECT_TRUE(find(p, MountKind::mask_dir, home + "/.ssh"));
  EXPECT_TRUE(find(p, MountKind::tmpfs, home + "/.cache"));
  EXPECT_FALSE(render_text(p).empty());
  EXPECT_EQ(render_json(p).front(), '{');
}
TEST_F(PlanTest, NoLandlockRuleCoversADeniedPath) {
  for (const auto& r : plan().landlock) {
    if (r.in_stage || r.path == "/") continue;
    EXPECT_FALSE(plan::within(home + "/.ssh", r.path)) << r.path;
    EXPECT_FALSE(plan::within("/proc", r.path)) << r.path;
  }
}
TEST_F(PlanTest, AnAbsentGitGetsNoPlaceholder) {
  fs::remove_all(project + "/.git");
  const Plan p = plan();
  EXPECT_TRUE(p.git_absent);
  for (const auto& h : p.placeholders) EXPECT_EQ(h.path, project + "/.envrc");
}
TEST_F(PlanTest, AHomeThatIsTheImplicitProjectIsNotWritable) {
  facts.project = facts.cwd = home;
  EXPECT_FALSE(find(plan(), MountKind::bind_rw, home));
  request.project_explicit = true;
  EXPECT_TRUE(find(plan(), MountKind::bind_rw, home));
}
TEST_F(PlanTest, AReadDeniedPlaceMayHaveHoles) {
  fs::create_directories(home + "/.ssh/pub");
  policy.fs.allow_read = {rule("~/.ssh/pub")};
  const Plan p = plan();
  EXPECT_TRUE(find(p, MountKind::hole_dir, home + "/.ssh"));
  const Mount* m = find(p, MountKind::bind_ro, home + "/.ssh/pub");
  ASSERT_TRUE(m);
  EXPECT_TRUE(m->make_target);
}
TEST_F(PlanTest, AProjectBelowAPrivateTmpIsBoundAfterIt) {
  char name[] = "/tmp/cordon_plan_XXXXXX";
  facts.project = facts.cwd = fs::canonical(::mkdtemp(name));
  const Plan p = plan();
  const Mount *tmp = find(p, MountKind::tmpfs, "/tmp"), *bind = find(p, MountKind::bind_rw, facts.project);
  ASSERT_TRUE(tmp && bind);
  EXPECT_LT(tmp, bind);
  EXPECT_TRUE(bind->make_target);
  fs::remove_all(facts.project);
}
TEST_F(PlanTest, ACommandInTmpDoesNotOpenTmp) {
  char name[] = "/tmp/cordon_run_XXXXXX";
  const int fd = ::mkstemp(name);
  ::fchmod(fd, 0755);
  ::close(fd);
  request.argv = {name};
  facts.cwd = "/tmp";
  const Plan p = plan();
  EXPECT_FALSE(find(p, MountKind::bind_ro, "/tmp"));
  const Mount* m = find(p, MountKind::bind_ro, name);
  ASSERT_TRUE(m);
  EXPECT_TRUE(m->make_target && !m->is_dir);
  fs::remove(name);
}
TEST_F(PlanTest, LinkedWorktreesMustPointBack) {
  fs::remove_all(project + "/.git");
  const std::string main = home + "/main/.git", dir = main + "/worktrees/w";
  fs::create_directories(dir);
  fs::create_directories(main + "/hooks");
  std::ofstream(project + "/.git") << "gitdir: " << dir << "\n";
  EXPECT_FALSE(find(plan(), MountKind::bind_rw, main));
  std::ofstream(dir + "/gitdir") << project << "/.git\n";
  std::ofstream(dir + "/commondir") << "../..\n";
  const Plan p = plan();
  EXPECT_TRUE(find(p, MountKind::bind_rw, main));
  EXPECT_TRUE(find(p, MountKind::bind_ro, main + "/hooks"));
  EXPECT_TRUE(find(p, MountKind::bind_ro, project + "/.git"));
}
TEST_F(PlanTest, ErrorsHaveTheShellsStatus) {
  request.argv = {"no-such-command-here"};
  EXPECT_EQ(make_plan(policy, request, facts).error().exit_status, 127);
  request.argv = {"/usr"};
  EXPECT_EQ(make_plan(policy, request, facts).error().exit_status, 126);
  request.argv = {"sh"};
  policy.exec.deny = {rule("sh")};
  EXPECT_EQ(make_plan(policy, request, facts).error().exit_status, 126);
  policy.exec.deny.clear();
  facts.user_namespaces = false;
  EXPECT_EQ(make_plan(policy, request, facts).error().exit_status, 125);
  policy.require = Tier::landlock;
  EXPECT_TRUE(make_plan(policy, request, facts)->mounts.empty());
}
TEST_F(PlanTest, SecretsPassOnlyByExactName) {
  policy.env.pass = {rule("*")};
  EXPECT_EQ(plan::make_environment(policy.env, {"A=1", "GH_TOKEN=x", "LD_PRELOAD=y"}), (std::vector<std::string>{"A=1"}));
  policy.env.pass = {rule("GH_TOKEN")};
  EXPECT_EQ(plan::make_environment(policy.env, {"GH_TOKEN=x"}).size(), 1U);
}
TEST_F(PlanTest, AFloorDenialOfWritingIsNotLifted) {
  policy.fs.allow_write.push_back(rule(".git/hooks/pre-commit"));
  EXPECT_FALSE(may(project + "/.git/hooks/pre-commit", Operation::write));
  EXPECT_FALSE(may(project + "/.git/config", Operation::write));
  policy.fs.git_config = true;
  EXPECT_TRUE(may(project + "/.git/config", Operation::write));
}
TEST_F(PlanTest, ReadRules) {
  EXPECT_FALSE(may("~/.ssh/id", Operation::read));
  EXPECT_TRUE(may("/etc/hostname", Operation::read));
  EXPECT_FALSE(may("/etc/hostname", Operation::write));
  policy.fs.allow_read = {rule("~/.ssh")};
  EXPECT_TRUE(may("~/.ssh/id", Operation::read));
}
TEST_F(PlanTest, SymlinksCountAtBothEnds) {
  fs::create_directory_symlink(home + "/.ssh", home + "/keys");
  EXPECT_FALSE(may("~/keys/id", Operation::read));
  policy.fs.deny_read = {rule("~/keys")};
  EXPECT_FALSE(may("~/.ssh/id", Operation::read));
}
TEST_F(PlanTest, Globs) {
  EXPECT_TRUE(plan::glob_matches("/a/**/*.env", "/a/b/c/x.env"));
  EXPECT_TRUE(plan::glob_matches("/a/**/*.env", "/a/x.env"));
  EXPECT_FALSE(plan::glob_matches("/a/*.env", "/a/b/x.env"));
  std::ofstream(project + "/src/x.env") << "s";
  policy.fs.deny_read.push_back(rule("**/*.env"));
  EXPECT_TRUE(find(plan(), MountKind::mask_file, project + "/src/x.env"));
  EXPECT_FALSE(may(project + "/src/x.env", Operation::read));
}
TEST_F(PlanTest, HostFacts) {
  request.project = root + "/absent";
  EXPECT_NE(read_host_facts(request).error().what.find("absent"), std::string::npos);
  request.project = project;
  request.environment = {"HOME=" + home};
  EXPECT_EQ(read_host_facts(request)->home, home);
}

TEST_F(PlanTest, AKeyThatAVariableMovedIsDeniedWhereItLies) {
  fs::create_directories(home + "/keys");
  facts.moved = {{"GNUPGHOME", "~/.ssh", home + "/keys"}};
  EXPECT_FALSE(may(home + "/keys/id", Operation::read));
  EXPECT_FALSE(may(home + "/keys", Operation::read));
  policy.env.pass.push_back(rule("GNUPGHOME"));
  EXPECT_TRUE(may(home + "/keys/id", Operation::read)) << "the policy hands it over by name";
}

TEST_F(PlanTest, AVariableDeniesNeitherTheProjectNorWhatHoldsItNorADevice) {
  for (const std::string& path : {project, project + "/keys", home, std::string("/"), std::string("/dev/null")}) {
    facts.moved = {{"GNUPGHOME", "~/.ssh", path}};
    EXPECT_TRUE(may(path, Operation::read)) << path;
  }
}

TEST(MovedPlaces, AreReadFromTheEnvironment) {
  const auto moved =
      plan::moved_places({"KUBECONFIG=/a:/b:c", "GNUPGHOME=relative", "XDG_CONFIG_HOME", "HISTFILE=", "OTHER=/x", "XDG_CONFIG_HOME=/y"});
  ASSERT_EQ(moved.size(), 3U);
  EXPECT_EQ(moved[0].path, "/a");
  EXPECT_EQ(moved[1].path, "/b");
  EXPECT_EQ(moved[2].place, "~/.config");
  EXPECT_EQ(moved[2].path, "/y");
}

}  // namespace
}  // namespace cordon
