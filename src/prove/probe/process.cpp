// SPDX-License-Identifier: Apache-2.0
// Other processes: memory, descriptors, signals, and a victim to try them on.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "prove/probe/probe.hpp"

namespace cordon::probe {
namespace {

char g_secret[128];

// A process of the host with $CANARY in its memory and a file open as descriptor 5. Writes "PID ADDRESS" to a file.
int victim(const Args& a) {
  if (const char* canary = std::getenv("CANARY")) std::snprintf(g_secret, sizeof g_secret, "%s", canary);
  prctl(PR_SET_DUMPABLE, 1);
  if (a.size() > 1) {
    const int fd = open(a[1].c_str(), O_RDWR);
    dup2(fd, 5);
  }
  FILE* out = std::fopen((a[0] + ".new").c_str(), "w");
  if (!out) return failed("fopen");
  std::fprintf(out, "%d %ld\n", getpid(), reinterpret_cast<long>(g_secret));
  std::fclose(out);
  std::rename((a[0] + ".new").c_str(), a[0].c_str());
  for (int i = 0; i < 60; ++i) usleep(500000);
  return 0;
}

int vm_read(const Args& a) {
  char buffer[64]{};
  const iovec local{buffer, 32}, remote{reinterpret_cast<void*>(std::atol(a[1].c_str())), 32};
  if (process_vm_readv(std::atoi(a[0].c_str()), &local, 1, &remote, 1, 0) < 0) return failed("process_vm_readv");
  std::puts(buffer);
  return 0;
}

int trace(const Args& a) {
  const pid_t pid = std::atoi(a[0].c_str());
  if (ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) < 0) return failed("PTRACE_ATTACH");
  int status = 0;
  waitpid(pid, &status, 0);
  for (int i = 0; i < 4; ++i) {
    const long word = ptrace(PTRACE_PEEKDATA, pid, reinterpret_cast<void*>(std::atol(a[1].c_str()) + i * 8), nullptr);
    fwrite(&word, sizeof word, 1, stdout);
  }
  ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  return 0;
}

int seize(const Args& a) {
  const pid_t pid = std::atoi(a[0].c_str());
  if (ptrace(PTRACE_SEIZE, pid, nullptr, PTRACE_O_EXITKILL) < 0) return failed("PTRACE_SEIZE");
  return 0;  // and with our end its end
}

int mem_read(const Args& a) {
  const int fd = open(("/proc/" + a[0] + "/mem").c_str(), O_RDONLY);
  if (fd < 0) return failed("open");
  char buffer[64]{};
  if (pread(fd, buffer, 32, std::atol(a[1].c_str())) < 0) return failed("pread");
  std::puts(buffer);
  return 0;
}

int get_fd(const Args& a) {
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, std::atoi(a[0].c_str()), 0));
  if (pidfd < 0) return failed("pidfd_open");
  const int fd = static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, std::atoi(a[1].c_str()), 0));
  if (fd < 0) return failed("pidfd_getfd");
  char buffer[256];
  lseek(fd, 0, SEEK_SET);
  const ssize_t n = read(fd, buffer, sizeof buffer);
  if (n > 0) fwrite(buffer, 1, static_cast<std::size_t>(n), stdout);
  return 0;
}

int pidfd_signal(const Args& a) {
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, std::atoi(a[0].c_str()), 0));
  if (pidfd < 0) return failed("pidfd_open");
  return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0) < 0 ? failed("pidfd_send_signal") : 0;
}

int signal_tgkill(const Args& a) {
  const int pid = std::atoi(a[0].c_str());
  return syscall(SYS_tgkill, pid, pid, SIGKILL) < 0 ? failed("tgkill") : 0;
}

// fcntl(F_SETOWN) lets the kernel send the signal.
int signal_by_owner(const Args& a) {
  int ends[2];
  if (pipe(ends) < 0) return failed("pipe");
  if (fcntl(ends[0], F_SETOWN, std::atoi(a[0].c_str())) < 0 || fcntl(ends[0], 10 /* F_SETSIG */, SIGKILL) < 0 ||
      fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK) < 0)
    return failed("fcntl");
  if (write(ends[1], "x", 1) < 0) return failed("write");
  usleep(100000);
  return 0;
}

int detach(const Args& a) {
  if (fork() != 0) return 0;
  setsid();
  if (fork() != 0) _exit(0);
  for (int s = 1; s < 32; ++s) signal(s, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, 0);
  std::vector<char*> args;
  for (const auto& s : a) args.push_back(const_cast<char*>(s.c_str()));
  args.push_back(nullptr);
  const int null = open("/dev/null", O_RDWR);
  for (int fd : {0, 1, 2}) dup2(null, fd);
  execvp(args[0], args.data());
  return 1;
}

// Forks again and again, so that no list of processes ever has it; ends after a time.
int runner(const Args& a) {
  if (fork() != 0) return 0;
  setsid();
  const int rounds = std::atoi(a[0].c_str());
  for (int i = 0; i < rounds; ++i) {
    if (fork() != 0) _exit(0);
    usleep(200);
  }
  const int fd = open(a[1].c_str(), O_WRONLY | O_CREAT, 0644);
  return fd < 0 ? 1 : 0;
}

// N processes that sleep, each with MARK in its arguments.
int crowd(const Args& a) {
  const int n = std::atoi(a[0].c_str());
  for (int i = 0; i < n; ++i) {
    const pid_t child = fork();
    if (child < 0) return failed("fork");
    if (child == 0) {
      usleep(1500000);
      _exit(0);
    }
  }
  while (wait(nullptr) > 0) {}
  return 0;
}

constexpr Command kCommands[] = {
    {"victim", "PIDFILE [FILE]", 1, victim},   {"vm-read", "PID ADDRESS", 2, vm_read},
    {"trace", "PID ADDRESS", 2, trace},        {"seize", "PID", 1, seize},
    {"mem-read", "PID ADDRESS", 2, mem_read},  {"get-fd", "PID FD", 2, get_fd},
    {"pidfd-kill", "PID", 1, pidfd_signal},    {"tgkill", "PID", 1, signal_tgkill},
    {"owner-kill", "PID", 1, signal_by_owner}, {"detach", "COMMAND [ARG...]", 1, detach},
    {"runner", "ROUNDS FILE", 2, runner},      {"crowd", "N MARK", 2, crowd},
};

}  // namespace

std::span<const Command> process_commands() { return kCommands; }

}  // namespace cordon::probe
