// SPDX-License-Identifier: Apache-2.0
#include "tracer.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <set>

namespace cordon::torture {
namespace {

using Clock = std::chrono::steady_clock;
constexpr long kOptions =
    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

constexpr int kUntilThere = 4;  // times as long for what comes before
constexpr auto kSettled = std::chrono::milliseconds(150);

struct Process {
  std::string name;
  unsigned calls = 0, children = 0;
  bool ours = true, counting = false, failing = false, closes = false;
  long break_value = 0;
};

std::string slurp(int fd) {
  std::string text;
  char buffer[4096];
  lseek(fd, 0, SEEK_SET);
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
  return text;
}

bool is_cordon(pid_t pid) {
  char path[64], exe[4096];
  std::snprintf(path, sizeof path, "/proc/%d/exe", pid);
  const ssize_t n = readlink(path, exe, sizeof exe - 1);
  if (n <= 0) return false;
  exe[n] = 0;
  const char* slash = std::strrchr(exe, '/');
  const std::string base = slash ? slash + 1 : exe;
  return base == "cordon" || base == "cordon-egress";
}

// The call is skipped, or its result replaced.
void set_call(pid_t pid, long number) {
  user_regs_struct r{};
  if (ptrace(PTRACE_GETREGS, pid, nullptr, &r) < 0) return;
  r.orig_rax = static_cast<unsigned long long>(number);
  ptrace(PTRACE_SETREGS, pid, nullptr, &r);
}
void set_result(pid_t pid, long value) {
  user_regs_struct r{};
  if (ptrace(PTRACE_GETREGS, pid, nullptr, &r) < 0) return;
  r.rax = static_cast<unsigned long long>(value);
  ptrace(PTRACE_SETREGS, pid, nullptr, &r);
}

class Tracer {
 public:
  Tracer(const Meddling* m, std::chrono::milliseconds most) : meddling_(m), most_(most), until_(Clock::now() + kUntilThere * most) {}

  Report trace(const std::vector<std::string>& argv) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
    root_ = fork();
    if (root_ == 0) {
      const int null = open("/dev/null", O_RDONLY);
      dup2(null, 0);
      dup2(out, 1);
      dup2(err, 2);
      setsid();
      raise(SIGSTOP);
      std::vector<char*> args;
      for (const auto& a : argv) args.push_back(const_cast<char*>(a.c_str()));
      args.push_back(nullptr);
      execv(args[0], args.data());
      _exit(127);
    }
    int status = 0;
    waitpid(root_, &status, WUNTRACED);
    ptrace(PTRACE_SEIZE, root_, nullptr, kOptions);
    processes_[root_].name = "0";
    report_.processes.push_back("0");
    kill(root_, SIGCONT);
    loop();
    const itimerval off{};
    setitimer(ITIMER_REAL, &off, nullptr);
    report_.out = slurp(out);
    report_.err = slurp(err);
    close(out);
    close(err);
    return std::move(report_);
  }

 private:
  void loop() {
    bool root_gone = false;
    // The clock ticks, so that a wait for what never comes ends; again and again, for a tick may fall between check and wait.
    struct sigaction tick{};
    tick.sa_handler = [](int) {};
    sigaction(SIGALRM, &tick, nullptr);
    const itimerval every{{0, 20000}, {0, 20000}};
    setitimer(ITIMER_REAL, &every, nullptr);
    for (;;) {
      int status = 0;
      const pid_t pid = waitpid(-1, &status, __WALL);
      if (pid > 0) {
        if (WIFSTOPPED(status)) {
          stopped(pid, status);
          continue;
        }
        if (pid == root_) {
          report_.status = status;
          root_gone = true;
          until_ = Clock::now() + std::chrono::seconds(1);
        }
        processes_.erase(pid);
        held_.erase(pid);
        if (done_) free_orphans();
        continue;
      }
      if (pid < 0 && errno == ECHILD) return;
      if (meddling_ && !done_ && meddling_->at.process.empty() && started_ && Clock::now() > *started_ + kSettled) {
        reach();
        kill_named();
      }
      if (Clock::now() > until_) {
        if (!root_gone) report_.hung = true;
        end_all(root_gone);
        return;
      }
    }
  }

  // What still lives after the time: counted, ended.
  void end_all(bool count) {
    std::set<pid_t> pids;
    for (const auto& [pid, p] : processes_) pids.insert(pid);
    char path[64], text[4096];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    text[std::max<ssize_t>(n, 0)] = 0;
    for (char* at = text;;) {
      char* next = nullptr;
      const long pid = std::strtol(at, &next, 10);
      if (next == at) break;
      pids.insert(static_cast<pid_t>(pid));
      at = next;
    }
    if (count) report_.left = static_cast<unsigned>(pids.size());
    for (const pid_t pid : pids) kill(pid, SIGKILL);
    const auto until = Clock::now() + std::chrono::seconds(5);
    while (Clock::now() < until) {
      int status = 0;
      const pid_t pid = waitpid(-1, &status, __WALL | WNOHANG);
      if (pid < 0) return;
      if (pid == 0) usleep(500);
      else if (WIFSTOPPED(status)) kill(pid, SIGKILL);
      else if (pid == root_) report_.status = status;
    }
  }

  void go(pid_t pid, int signal = 0) {
    const auto& p = processes_[pid];
    const bool all = p.counting && (!meddling_ || p.failing || (!done_ && p.name == meddling_->at.process));
    ptrace(all ? PTRACE_SYSCALL : PTRACE_CONT, pid, nullptr, static_cast<long>(signal));
  }

  void stopped(pid_t pid, int status) {
    const int signal = WSTOPSIG(status), event = status >> 16;
    if (!processes_.contains(pid)) {  // its parent's event tells who it is
      held_.insert(pid);
      if (done_) free_orphans();
      return;
    }
    if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
      unsigned long child = 0;
      ptrace(PTRACE_GETEVENTMSG, pid, nullptr, &child);
      adopt(static_cast<pid_t>(child), processes_[pid]);
      go(pid);
      return;
    }
    if (event == PTRACE_EVENT_EXEC) {
      Process& p = processes_[pid];
      p.ours = is_cordon(pid);
      p.counting = p.ours;
      if (p.ours) go(pid);
      else {
        started_ = Clock::now();
        ptrace(PTRACE_DETACH, pid, nullptr, 0L);
      }
      return;
    }
    if (event == PTRACE_EVENT_STOP) {
      if (signal == SIGTRAP) go(pid);
      else ptrace(PTRACE_LISTEN, pid, nullptr, 0L);
      return;
    }
    if (signal == (SIGTRAP | 0x80)) {
      system_call(pid);
      go(pid);
      return;
    }
    go(pid, signal);
  }

  void adopt(pid_t child, Process& parent) {
    Process p;
    p.name = parent.name + "." + std::to_string(parent.children++);
    p.ours = p.counting = parent.counting;
    p.break_value = parent.break_value;
    if (p.ours) report_.processes.push_back(p.name);
    processes_[child] = p;
    if (held_.erase(child) > 0) go(child);
  }

  void reach() {
    report_.reached = done_ = true;
    until_ = Clock::now() + most_;  // a busy machine may have needed long to come so far
  }

  // Born by one that was killed before it could tell: nobody will name them.
  void free_orphans() {
    for (const pid_t pid : held_) ptrace(PTRACE_CONT, pid, nullptr, 0L);
    held_.clear();
  }

  void kill_named() {
    for (const auto& [pid, p] : processes_)
      if (p.name == meddling_->kill) kill(pid, SIGKILL);
  }

  void system_call(pid_t pid) {
    Process& p = processes_[pid];
    __ptrace_syscall_info info{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0) return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      Point at{p.name, p.calls++, static_cast<long>(info.entry.nr)};
      if (!meddling_) {
        auto& alive = report_.alive[at];
        for (const auto& [other, q] : processes_)
          if (q.ours && q.counting) alive.push_back(q.name);
        report_.calls.push_back(at);
      } else if (!done_ && meddling_->at.process == at.process && meddling_->at.index == at.index &&
                 (meddling_->at.call < 0 || meddling_->at.call == at.call)) {
        reach();
        if (!meddling_->kill.empty()) return kill_named();
        p.failing = true;
        p.closes = at.call == SYS_close;  // close(2) gives the descriptor up even when it fails
        if (!p.closes) set_call(pid, -1);
      }
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
      if (p.failing) {
        p.failing = false;
        // brk(2) of the kernel has no errno: it returns the old break.
        set_result(pid, meddling_->at.call == SYS_brk ? p.break_value : -meddling_->error);
      }
      user_regs_struct r{};
      if (ptrace(PTRACE_GETREGS, pid, nullptr, &r) == 0 && static_cast<long>(r.orig_rax) == SYS_brk) p.break_value = static_cast<long>(r.rax);
    }
  }

  const Meddling* meddling_;
  std::chrono::milliseconds most_;  // after the meddling
  Clock::time_point until_;
  Report report_;
  std::map<pid_t, Process> processes_;
  std::set<pid_t> held_;
  pid_t root_ = -1;
  bool done_ = false;
  std::optional<Clock::time_point> started_;  // the command
};

}  // namespace

Report run(const std::vector<std::string>& argv, const Meddling* meddling, std::chrono::milliseconds most) {
  return Tracer(meddling, most).trace(argv);
}

}  // namespace cordon::torture
