// SPDX-License-Identifier: Apache-2.0
#include <cordon/sandbox.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "session/spawn.hpp"

namespace cordon {
namespace {

using std::chrono::milliseconds;

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
  close(fd);
  return text;
}

struct SandboxTest : testing::Test {
  Policy policy = preset("safe").value();
  std::string project;
  void SetUp() override {
    char name[] = "/var/tmp/cordon_session_XXXXXX";
    project = ::mkdtemp(name);
    const auto facts = read_host_facts(request({"true"}));
    ASSERT_TRUE(facts.has_value()) << facts.error().sentence();
    if (!facts->user_namespaces) GTEST_SKIP() << "user namespaces: " << facts->user_namespaces_why;
  }
  void TearDown() override { std::filesystem::remove_all(project); }
  Request request(std::vector<std::string> argv) {
    Request r = request_of(std::move(argv));
    r.cwd = r.project = project;
    return r;
  }
  Sandbox start(std::vector<std::string> argv, const SandboxOptions& options = {}) {
    auto s = Sandbox::start(policy, request(std::move(argv)), options);
    if (!s) throw std::runtime_error(s.error().sentence());
    return std::move(*s);
  }
  int status(std::vector<std::string> argv, const SandboxOptions& options = {}) {
    auto r = start(std::move(argv), options).wait();
    return r ? *r : 1000 + r.error().exit_status;
  }
};

TEST_F(SandboxTest, TheStatusIsTheCommands) {
  EXPECT_EQ(status({"sh", "-c", "exit 7"}), 7);
  EXPECT_EQ(status({"sh", "-c", "kill -KILL $$"}), 137);
  policy.limits.wall = milliseconds(200);
  EXPECT_EQ(status({"sleep", "20"}), 124);
}
TEST_F(SandboxTest, ACommandThatDidNotStartIsAnErrorWithASentence) {
  auto r = start({"no-such-command-here"}).wait();
  ASSERT_FALSE(r.has_value());
  EXPECT_EQ(r.error().exit_status, 127);
  EXPECT_NE(r.error().what.find("no-such-command-here"), std::string::npos);
}
TEST_F(SandboxTest, ThePolicyHolds) {
  EXPECT_EQ(status({"sh", "-c", "echo x > file"}), 0);
  EXPECT_TRUE(std::filesystem::exists(project + "/file"));
  policy.fs.allow_write.clear();
  EXPECT_EQ(status({"sh", "-c", "echo x > file2"}, {.error = Stream::null()}), 2);
  EXPECT_FALSE(std::filesystem::exists(project + "/file2"));
}
TEST_F(SandboxTest, ThePolicyFilesAreNotTheCommandsToWrite) {
  std::ofstream(project + "/base.toml") << "version = 1\nextends = \"safe\"\n";
  std::ofstream(project + "/p.toml") << "version = 1\nextends = \"base.toml\"\n";
  policy = load_policy(project + "/p.toml").value();
  for (const char* file : {"p.toml", "base.toml"}) {
    EXPECT_NE(status({"rm", file}, {.error = Stream::null()}), 0);
    EXPECT_TRUE(std::filesystem::exists(project + "/" + file));
  }
}
TEST_F(SandboxTest, EventsBeginWithStartAndEndWithExit) {
  auto s = start({"true"});
  std::vector<EventKind> kinds;
  while (auto e = s.next_event()) kinds.push_back(e->kind);
  ASSERT_GE(kinds.size(), 2U);
  EXPECT_EQ(kinds.front(), EventKind::start);
  EXPECT_EQ(kinds.back(), EventKind::exit);
  EXPECT_EQ(s.wait().value(), 0);
  EXPECT_EQ(s.wait().value(), 0) << "waiting twice is allowed";
  EXPECT_EQ(s.events_lost(), 0U);
}
TEST_F(SandboxTest, EventsCanStillBeReadAfterWaiting) {
  auto s = start({"true"});
  EXPECT_EQ(s.wait().value(), 0);
  EXPECT_EQ(s.next_event()->kind, EventKind::start);
}
TEST_F(SandboxTest, PipesCarryTheStreams) {
  auto s = start({"sh", "-c", "cat; echo err >&2"}, {Stream::pipe(), Stream::pipe(), Stream::pipe(), {}});
  const int in = s.take(0), out = s.take(1), err = s.take(2);
  EXPECT_EQ(s.take(1), -1) << "once taken it is the caller's";
  EXPECT_EQ(write(in, "hello", 5), 5);
  close(in);
  EXPECT_EQ(read_all(out), "hello");
  EXPECT_EQ(read_all(err), "err\n");
  EXPECT_EQ(s.wait().value(), 0);
}
TEST_F(SandboxTest, AClosedDescriptorIsRefusedBeforeAnythingStarts) {
  const auto s = Sandbox::start(policy, request({"true"}), {.output = Stream::of(987)});
  ASSERT_FALSE(s.has_value());
  EXPECT_EQ(s.error().errno_value, EBADF);
}
TEST_F(SandboxTest, WaitingIsBoundedAndAKillEndsAll) {
  auto s = start({"sh", "-c", "sleep 300 & sleep 300"});
  EXPECT_FALSE(s.wait_for(milliseconds(50)).value().has_value());
  EXPECT_EQ(s.next_event(milliseconds(5000))->kind, EventKind::start);
  ASSERT_TRUE(s.kill(SIGKILL).has_value());
  EXPECT_EQ(s.wait().value(), 137);
  EXPECT_FALSE(s.kill(SIGTERM).has_value());
}
TEST_F(SandboxTest, ASignalReachesTheCommand) {
  auto s = start({"sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"}, {.output = Stream::pipe()});
  const int out = s.take(1);
  char c;
  EXPECT_EQ(read(out, &c, 1), 1);
  ASSERT_TRUE(s.kill(SIGTERM).has_value());
  EXPECT_EQ(s.wait().value(), 3);
  close(out);
}
TEST_F(SandboxTest, ASandboxThatIsDestroyedEndsItsCommand) {
  int out;
  {
    auto s = start({"sleep", "300"}, {.output = Stream::pipe()});
    out = s.take(1);
    EXPECT_EQ(s.next_event(milliseconds(5000))->kind, EventKind::start);
  }
  EXPECT_EQ(read_all(out), "") << "the last writer is gone";
}
TEST_F(SandboxTest, ACallerThatDiesEndsItsCommand) {
  int pair[2];
  ASSERT_EQ(pipe2(pair, O_CLOEXEC), 0);
  const pid_t caller = fork();
  if (caller == 0) {
    auto s = start({"sleep", "300"}, {.output = Stream::of(pair[1])});
    while (auto e = s.next_event())
      if (e->kind == EventKind::start) ::kill(getpid(), SIGKILL);
    _exit(1);
  }
  close(pair[1]);
  EXPECT_EQ(read_all(pair[0]), "");
  int how = 0;
  waitpid(caller, &how, 0);
  EXPECT_TRUE(WIFSIGNALED(how));
}
TEST_F(SandboxTest, ACallerThatReapsEveryChildStillLearnsTheStatus) {
  signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(status({"sh", "-c", "exit 9"}), 9);
  signal(SIGCHLD, SIG_DFL);
}
TEST_F(SandboxTest, AMissingProgramIsNamed) {
  const auto s = Sandbox::start(policy, request({"true"}), {.program = "/nowhere/cordon"});
  ASSERT_FALSE(s.has_value());
  EXPECT_NE(s.error().what.find("/nowhere/cordon"), std::string::npos);
  const auto directory = [&] {
    Request r = request({"true"});
    r.cwd = project + "/absent";
    return Sandbox::start(policy, r);
  }();
  ASSERT_FALSE(directory.has_value());
  EXPECT_NE(directory.error().what.find("working directory"), std::string::npos);
}

// What the library promises its caller: threads, memory, descriptors, signals and privileges stay as they were.
struct Self {
  std::set<std::string> descriptors, threads;
  std::string signals;
  bool operator==(const Self&) const = default;
  static Self now() {
    Self s;
    for (const auto& e : std::filesystem::directory_iterator("/proc/self/task")) s.threads.insert(e.path().filename());
    for (std::string line, text = read_all(open("/proc/self/status", O_RDONLY | O_CLOEXEC)); !text.empty(); text.erase(0, line.size() + 1)) {
      line = text.substr(0, text.find('\n'));
      for (const char* key : {"SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "Seccomp:", "CapEff", "Uid"})
        if (line.starts_with(key)) s.signals += line + "\n";
    }
    for (int fd = 0; fd < 1024; ++fd)
      if (fcntl(fd, F_GETFD) >= 0) s.descriptors.insert(std::to_string(fd) + ":" + std::to_string(fcntl(fd, F_GETFD)));
    return s;
  }
};

TEST_F(SandboxTest, ABigThreadedCallerStaysAsItWas) {
  std::vector<char> memory(256 << 20, 1);
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      while (!stop) std::this_thread::sleep_for(milliseconds(1));
    });
  const Self before = Self::now();
  {
    auto s = start({"true"}, {Stream::pipe(), Stream::pipe(), Stream::pipe(), {}});
    for (const std::string& fd : Self::now().descriptors)
      EXPECT_TRUE(before.descriptors.contains(fd) || fd.ends_with(":1")) << fd << " is not close-on-exec";
    EXPECT_EQ(s.wait().value(), 0);
  }
  EXPECT_EQ(Self::now(), before);
  stop = true;
  for (auto& t : threads) t.join();
  EXPECT_EQ(memory[100 << 20], 1);
}
TEST_F(SandboxTest, ThreadsStartSandboxesAtOnce) {
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      if (status({"sh", "-c", "exit " + std::to_string(i)}) == i) ++good;
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(good, 4);
}

TEST(Spawn, NothingIsInheritedButWhatIsNamed) {
  const int stray = open("/dev/null", O_RDONLY);  // not close-on-exec
  signal(SIGUSR1, SIG_IGN);
  int pair[2];
  ASSERT_EQ(pipe2(pair, O_CLOEXEC), 0);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  session::Program p{"/bin/sh",
                     {"sh", "-c", "echo $FOO $BAR; pwd; ls /proc/$$/fd; exec grep -E '^Sig(Blk|Ign)' /proc/self/status"},
                     {"FOO=x", "PATH=/usr/bin:/bin"},
                     "/usr",
                     {null, pair[1], 2, null, null}};
  sigset_t some, old;
  sigemptyset(&some);
  sigaddset(&some, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &some, &old);
  auto child = session::spawn(p);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  signal(SIGUSR1, SIG_DFL);
  ASSERT_TRUE(child.has_value()) << child.error().sentence();
  close(pair[1]);
  EXPECT_EQ(read_all(pair[0]), "x\n/usr\n0\n1\n2\n3\n4\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  waitpid(child->pid, nullptr, 0);
  close(stray);
  close(null);
}

}  // namespace
}  // namespace cordon
