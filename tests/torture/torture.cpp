// SPDX-License-Identifier: Apache-2.0
// torture fail|kill CORDON PROBE SCRATCH [SECONDS [SEED]] [-- OPTION...]
//
// fail: each system call of each of our processes fails in turn. The command must not start (status 125, a sentence with a
//       remedy), or be as confined as planned: the command is a probe that looks.
// kill: each of our processes is killed at each step of each. Nothing may be weaker, hang, or be left.
// With SECONDS a random sample, its seed printed; without, all of it. TORTURE_ONLY=NAME: calls of that name alone. The last
// line counts.
#include <fcntl.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <thread>

#include "tracer.hpp"

namespace fs = std::filesystem;
using namespace cordon::torture;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr auto kMost = milliseconds(5000);

std::string call_name(long nr) {
  char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, static_cast<int>(nr));
  const std::string text = name ? name : std::to_string(nr);
  std::free(name);
  return text;
}

// Two errnos that the manual page of the call lists and that happen to people.
std::vector<int> likely_errors(long nr) {
  switch (nr) {
    // These cannot fail, or return to nobody.
    case SYS_exit:
    case SYS_exit_group:
    case SYS_rt_sigreturn:
    case SYS_getpid:
    case SYS_getppid:
    case SYS_gettid:
    case SYS_getuid:
    case SYS_geteuid:
    case SYS_getgid:
    case SYS_getegid:
    case SYS_umask:
    case SYS_set_tid_address: return {};
    case SYS_mmap:
    case SYS_mprotect:
    case SYS_munmap:
    case SYS_mremap:
    case SYS_brk: return {ENOMEM};
    case SYS_open:
    case SYS_openat:
    case SYS_openat2: return {EMFILE, EACCES};
    case SYS_socket:
    case SYS_socketpair:
    case SYS_pipe2:
    case SYS_eventfd2:
    case SYS_signalfd4:
    case SYS_memfd_create:
    case SYS_dup:
    case SYS_dup2:
    case SYS_dup3:
    case SYS_epoll_create1: return {EMFILE, ENOMEM};
    case SYS_clone:
    case SYS_clone3:
    case SYS_fork:
    case SYS_vfork: return {EAGAIN, ENOMEM};
    case SYS_read:
    case SYS_pread64:
    case SYS_readv:
    case SYS_recvfrom:
    case SYS_recvmsg: return {EINTR, EIO};
    case SYS_write:
    case SYS_writev:
    case SYS_sendto:
    case SYS_sendmsg: return {EAGAIN, EIO};
    case SYS_close: return {EIO};
    case SYS_poll:
    case SYS_ppoll:
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_wait4:
    case SYS_waitid: return {EINTR, ENOMEM};
    case SYS_mkdir:
    case SYS_mkdirat: return {ENOSPC, EROFS};
    case SYS_execve: return {ENOMEM, EACCES};
    default: return {EPERM, ENOMEM};
  }
}

// What a run may leave: files with their modes, mounts that name the place, control groups without a process.
std::string inventory(const std::string& place) {
  std::set<std::string> all;
  std::error_code e;
  for (auto at = fs::recursive_directory_iterator(place, fs::directory_options::skip_permission_denied, e); at != fs::end(at); at.increment(e))
    all.insert(at->path().string() + " " + std::to_string(static_cast<unsigned>(at->symlink_status(e).permissions())));
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);)
    if (line.find(place) != std::string::npos) all.insert(line);
  for (auto at = fs::recursive_directory_iterator("/sys/fs/cgroup", fs::directory_options::skip_permission_denied, e); at != fs::end(at);
       at.increment(e)) {
    if (at.depth() > 5) at.disable_recursion_pending();
    if (!at->path().filename().string().starts_with("cordon")) continue;
    std::ifstream procs(at->path() / "cgroup.procs");
    std::string one;
    if (!std::getline(procs, one)) all.insert(at->path().string());
  }
  std::string text;
  for (const auto& line : all) text += line + "\n";
  return text;
}

struct World {
  std::string place, home, project;
  std::vector<std::string> argv;
  explicit World(const std::string& scratch, const std::string& cordon, const std::string& probe, const std::string& command,
                 const std::vector<std::string>& options, bool landlock) {
    std::string form = scratch + "/torture.XXXXXX";
    if (!mkdtemp(form.data())) {
      std::perror(form.c_str());
      std::exit(1);
    }
    place = form;
    home = place + "/home";
    project = home + "/project";
    fs::create_directories(project);
    fs::create_directories(home + "/.ssh");
    std::ofstream(home + "/.ssh/id") << "secret\n";
    std::ofstream(home + "/outside") << "outside\n";
    fs::copy_file(probe, project + "/cordon-probe");
    setenv("HOME", home.c_str(), 1);
    setenv("CORDON_TORTURE_TOKEN", "secret", 1);
    argv = {cordon, "run", "--quiet", "--project", project};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.insert(argv.end(), {"--", project + "/cordon-probe", command, home + "/.ssh/id", home + "/outside", landlock ? "landlock" : "namespaces"});
    if (chdir(project.c_str()) != 0) std::exit(1);
  }
  World(const World&) = delete;
  ~World() {
    std::error_code e;
    fs::remove_all(place, e);
  }
};

// The empty text, or what is wrong.
std::string judge(const Report& r, const std::string& before, const std::string& place, bool killing, bool before_main) {
  if (r.hung) return "hung";
  std::string after;
  for (const auto until = Clock::now() + milliseconds(1000); (after = inventory(place)) != before;) {
    if (Clock::now() > until) {
      std::string first;
      for (std::size_t a = 0; a < after.size();) {
        const auto end = after.find('\n', a);
        const std::string line = after.substr(a, end - a);
        if (before.find(line + "\n") == std::string::npos) first = line;
        a = end + 1;
      }
      return "left behind: " + (first.empty() ? "something is missing" : first);
    }
    usleep(10000);
  }
  if (r.left > 0) return "left behind: " + std::to_string(r.left) + " processes";
  const int status = WIFEXITED(r.status) ? WEXITSTATUS(r.status) : 128 + WTERMSIG(r.status);
  if (status == 43 || r.out.find("weak") != std::string::npos) return "WEAKER: " + r.out.substr(0, 200);
  if (killing || before_main) return "";
  if (status == 42) return r.out.find("strong") != std::string::npos ? "" : "the probe's output is lost";
  if ((status >= 125 && status <= 127) || status == 137) {  // 137: one of ours failed while the command ran; so it was ended
    if (!r.err.starts_with("cordon: ")) return "status " + std::to_string(status) + " without a sentence";
    if (r.err.find("; ") == std::string::npos) return "no remedy: " + r.err.substr(0, r.err.find('\n'));
    return "";
  }
  return "status " + std::to_string(status) + ": " + r.err.substr(0, r.err.find('\n'));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: torture fail|kill CORDON PROBE SCRATCH [SECONDS [SEED]] [-- OPTION...]\n");
    return 2;
  }
  const bool killing = std::strcmp(argv[1], "kill") == 0;
  int next = 5;
  const double seconds = argc > next && std::strcmp(argv[next], "--") != 0 ? std::atof(argv[next++]) : 0;
  const unsigned seed = argc > next && std::strcmp(argv[next], "--") != 0 ? static_cast<unsigned>(std::atol(argv[next++])) : std::random_device{}();
  const std::vector<std::string> options(argv + std::min(argc, next + 1), argv + argc);
  const bool landlock = std::getenv("TORTURE_TIER") && std::strcmp(std::getenv("TORTURE_TIER"), "landlock") == 0;
  const std::string cordon = fs::canonical(argv[2]), probe = fs::canonical(argv[3]), scratch = fs::canonical(argv[4]);

  Report base;
  {
    const World w(scratch, cordon, probe, "selfcheck", options, landlock);
    base = run(w.argv, nullptr, milliseconds(20000));
    if (base.out.find("strong") == std::string::npos) {
      std::printf("the probe does not find itself confined even when nothing fails: %s%s\n0 passed, 1 failed, 0 skipped\n", base.out.c_str(),
                  base.err.c_str());
      return 1;
    }
  }
  std::vector<Meddling> all;
  const char* const only = std::getenv("TORTURE_ONLY");
  bool in_main = false;
  std::set<Point> early;
  for (const Point& p : base.calls) {
    in_main = in_main || (p.process == "0" && p.call == SYS_fcntl);  // the first thing that main() does
    if (!in_main) early.insert(p);
    if (only && call_name(p.call) != only) continue;
    if (killing) {
      for (const std::string& victim : base.alive[p]) all.push_back({p, 0, victim});
    } else {
      for (const int error : likely_errors(p.call)) all.push_back({p, error});
    }
  }
  const std::size_t total = all.size();
  std::mt19937 random(seed);
  if (seconds > 0) std::ranges::shuffle(all, random);
  if (killing) {  // and in the quiet time while the command runs, of whom lived when it was executed; these always
    std::vector<std::string> living;
    for (const Point& p : base.calls)
      if (p.call == SYS_execve) living = base.alive[p];
    for (const std::string& victim : living) all.emplace(all.begin(), Meddling{Point{}, 0, victim});
  }
  std::printf("%zu calls of %zu processes, %zu %s", base.calls.size(), base.processes.size(), total, killing ? "kills" : "failures");
  if (seconds > 0) std::printf(", a sample of %.0f s with seed %u", seconds, seed);
  std::printf("\n");
  std::fflush(stdout);

  // Workers with a world each; a line of text comes back for each point.
  const unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  int ends[2];
  if (pipe(ends) != 0) return 1;
  const auto until = Clock::now() + milliseconds(static_cast<long>(seconds * 1000));
  for (unsigned j = 0; j < jobs; ++j) {
    if (fork() != 0) continue;
    close(ends[0]);
    {
      const World quick(scratch, cordon, probe, "selfcheck", options, landlock), slow(scratch, cordon, probe, "linger", options, landlock);
      const std::string before_quick = inventory(quick.place), before_slow = inventory(slow.place);
      for (std::size_t i = j; i < all.size(); i += jobs) {
        if (seconds > 0 && Clock::now() > until) break;
        const Meddling& m = all[i];
        const bool waits = m.at.process.empty();
        const World& w = waits ? slow : quick;
        setenv("HOME", w.home.c_str(), 1);
        if (chdir(w.project.c_str()) != 0) break;
        const Report r = run(w.argv, &m, kMost);
        std::string wrong = r.reached ? judge(r, waits ? before_slow : before_quick, w.place, killing, early.contains(m.at)) : "?";
        std::ranges::replace(wrong, '\n', ' ');
        const std::string line = std::to_string(i) + " " + wrong.substr(0, 400) + "\n";
        if (write(ends[1], line.data(), line.size()) < 0) break;
      }
    }
    _exit(0);
  }
  close(ends[1]);
  FILE* in = fdopen(ends[0], "r");
  char line[1024];
  unsigned passed = 0, failed = 0, missed = 0;
  while (std::fgets(line, sizeof line, in)) {
    char* text = nullptr;
    const Meddling& m = all[std::strtoul(line, &text, 10)];
    const std::string wrong(text + 1, std::strcspn(text + 1, "\n"));
    if (wrong.empty()) {
      ++passed;
    } else if (wrong == "?") {
      ++missed;  // the run went another way
    } else {
      ++failed;
      const std::string where =
          m.at.process.empty() ? "while the command runs" : m.at.process + " call " + std::to_string(m.at.index) + " " + call_name(m.at.call);
      std::printf("FAILED: %s %s: %s\n", where.c_str(), killing ? ("kill " + m.kill).c_str() : strerrorname_np(m.error), wrong.c_str());
      std::fflush(stdout);
    }
  }
  while (wait(nullptr) > 0) {}
  std::printf("%u %s tried of %zu, %u not reached again\n", passed + failed, killing ? "kills" : "failures", all.size(), missed);
  std::printf("%u passed, %u failed, 0 skipped\n", passed, failed);
  return failed > 0 ? 1 : 0;
}
