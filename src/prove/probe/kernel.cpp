// SPDX-License-Identifier: Apache-2.0
// The rest of the kernel's surface: terminals, keyrings, shared memory and queues, limits; and what this host can do.
#include <fcntl.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "prove/probe/probe.hpp"

namespace cordon::probe {
namespace {

// pty LOG COMMAND...: a terminal whose next reader, a shell perhaps, writes down what it is given to read.
int pty(const Args& a) {
  int master = -1, slave = -1;
  if (openpty(&master, &slave, nullptr, nullptr, nullptr) < 0) return failed("openpty");
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    signal(SIGHUP, SIG_IGN);
    const pid_t command = fork();
    if (command == 0) {
      for (int fd : {0, 1, 2}) dup2(slave, fd);
      close(master);
      close(slave);
      std::vector<char*> args;
      for (std::size_t i = 1; i < a.size(); ++i) args.push_back(const_cast<char*>(a[i].c_str()));
      args.push_back(nullptr);
      execvp(args[0], args.data());
      _exit(127);
    }
    waitpid(command, nullptr, 0);
    pollfd p{slave, POLLIN, 0};
    char buffer[256];
    const int log = open(a[0].c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    while (poll(&p, 1, 200) > 0) {
      const ssize_t n = read(slave, buffer, sizeof buffer);
      if (n <= 0) break;
      [[maybe_unused]] const ssize_t w = write(log, buffer, static_cast<std::size_t>(n));
    }
    _exit(0);
  }
  close(slave);
  char buffer[4096];
  for (ssize_t n; (n = read(master, buffer, sizeof buffer)) > 0;) fwrite(buffer, 1, static_cast<std::size_t>(n), stdout);
  waitpid(child, nullptr, 0);
  return 0;
}

int inject(const Args& a) {
  const unsigned long high = a.size() > 2 ? 1UL << 32 : 0;
  const int fd = a[0] == "tty" ? open("/dev/tty", O_RDWR) : std::atoi(a[0].c_str());
  for (const char c : a[1] + "\n")
    if (syscall(SYS_ioctl, fd, TIOCSTI | high, &c) < 0) return failed("TIOCSTI");
  return 0;
}

int steal_tty(const Args& a) {  // takes the terminal of descriptor 0 as its own, then injects
  setsid();
  if (ioctl(0, TIOCSCTTY, 1) < 0) failed("TIOCSCTTY");
  return inject({"0", a[0]});
}

// By uid: the user keyring is the same in every session and namespace of that uid.
int key_add(const Args& a) {
  const long k = syscall(SYS_add_key, "user", a[0].c_str(), a[1].data(), a[1].size(), KEY_SPEC_USER_KEYRING);
  return k < 0 ? failed("add_key") : 0;
}

int key_read(const Args& a) {
  const long k = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", a[0].c_str(), 0);
  if (k < 0) return failed("KEYCTL_SEARCH");
  char buffer[256];
  const long n = syscall(SYS_keyctl, KEYCTL_READ, k, buffer, sizeof buffer);
  if (n < 0) return failed("KEYCTL_READ");
  std::printf("%.*s\n", static_cast<int>(n), buffer);
  return 0;
}

int key_remove(const Args& a) {
  const long k = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", a[0].c_str(), 0);
  return k < 0 || syscall(SYS_keyctl, KEYCTL_UNLINK, k, KEY_SPEC_USER_KEYRING) < 0 ? failed("KEYCTL_UNLINK") : 0;
}

int shm(const Args& a) {  // shm make|read|write|remove KEY [TEXT]
  const key_t key = std::atoi(a[1].c_str());
  const int id = shmget(key, 4096, a[0] == "make" ? IPC_CREAT | 0600 : 0);
  if (id < 0) return failed("shmget");
  if (a[0] == "remove") return shmctl(id, IPC_RMID, nullptr) < 0 ? failed("shmctl") : 0;
  char* p = static_cast<char*>(shmat(id, nullptr, 0));
  if (p == reinterpret_cast<char*>(-1)) return failed("shmat");
  if (a.size() > 2) std::snprintf(p, 4096, "%s", a[2].c_str());
  std::puts(p);
  return 0;
}

struct Letter {
  long type;
  char text[128];
};
int sysv_queue(const Args& a) {  // msg make|send|receive|remove KEY [TEXT]
  const int id = msgget(std::atoi(a[1].c_str()), a[0] == "make" ? IPC_CREAT | 0600 : 0);
  if (id < 0) return failed("msgget");
  if (a[0] == "remove") return msgctl(id, IPC_RMID, nullptr) < 0 ? failed("msgctl") : 0;
  Letter l{1, {}};
  if (a[0] == "receive") {
    if (msgrcv(id, &l, sizeof l.text, 0, IPC_NOWAIT) < 0) return failed("msgrcv");
    std::puts(l.text);
    return 0;
  }
  if (a.size() < 3) return 0;
  std::snprintf(l.text, sizeof l.text, "%s", a[2].c_str());
  return msgsnd(id, &l, sizeof l.text, IPC_NOWAIT) < 0 ? failed("msgsnd") : 0;
}

int semaphore(const Args& a) {  // sem make|set|get|remove KEY [VALUE]
  const int id = semget(std::atoi(a[1].c_str()), 1, a[0] == "make" ? IPC_CREAT | 0600 : 0);
  if (id < 0) return failed("semget");
  if (a[0] == "remove") return semctl(id, 0, IPC_RMID) < 0 ? failed("semctl") : 0;
  if (a.size() > 2 && semctl(id, 0, SETVAL, std::atoi(a[2].c_str())) < 0) return failed("semctl");
  std::printf("%d\n", semctl(id, 0, GETVAL));
  return 0;
}

int posix_queue(const Args& a) {  // mq make|send|receive|remove NAME [TEXT]
  if (a[0] == "remove") return mq_unlink(a[1].c_str()) < 0 ? failed("mq_unlink") : 0;
  mq_attr attr{0, 8, 128, 0, {}};
  const mqd_t q = mq_open(a[1].c_str(), O_RDWR | O_NONBLOCK | (a[0] == "make" ? O_CREAT : 0), 0600, &attr);
  if (q < 0) return failed("mq_open");
  char buffer[128]{};
  if (a[0] == "receive") {
    if (mq_receive(q, buffer, sizeof buffer, nullptr) < 0) return failed("mq_receive");
    std::puts(buffer);
  } else if (a.size() > 2 && mq_send(q, a[2].data(), a[2].size(), 0) < 0) {
    return failed("mq_send");
  }
  return 0;
}

int eat_memory(const Args& a) {  // touches MIB; then says that it is there, and keeps it
  const std::size_t n = static_cast<std::size_t>(std::atoi(a[0].c_str())) << 20;
  void* p = mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return failed("mmap");
  std::memset(p, 1, n);
  const int fd = open(a[1].c_str(), O_WRONLY | O_CREAT, 0644);
  static_cast<void>(fd);
  usleep(1500000);  // others take theirs meanwhile, on a busy machine, too
  return 0;
}

int open_many(const Args& a) {  // N descriptors, held until who counted them removes FILE
  const int n = std::atoi(a[0].c_str());
  rlimit l{};
  getrlimit(RLIMIT_NOFILE, &l);
  l.rlim_cur = l.rlim_max;
  setrlimit(RLIMIT_NOFILE, &l);
  int last = -1;
  for (int i = 0; i < n; ++i) {
    const int fd = open("/dev/null", O_RDONLY);
    if (fd < 0) break;
    last = fd;
  }
  if (open(a[1].c_str(), O_WRONLY | O_CREAT, 0644) < 0) {
    close(last);
    if (open(a[1].c_str(), O_WRONLY | O_CREAT, 0644) < 0) return 1;
  }
  for (int i = 0; i < 2000 && access(a[1].c_str(), F_OK) == 0; ++i) usleep(10'000);
  return 0;
}

int burn(const Args& a) {  // processor time, in seconds of this process
  const clock_t end = static_cast<clock_t>(std::atof(a[0].c_str()) * CLOCKS_PER_SEC);
  signal(SIGXCPU, SIG_IGN);
  volatile unsigned long x = 0;
  while (clock() < end) x = x + 1;
  const int fd = open(a[1].c_str(), O_WRONLY | O_CREAT, 0644);
  return fd < 0 ? 1 : 0;
}

int raise_limit(const Args& a) {
  const int resource = std::atoi(a[0].c_str());
  const rlimit l{RLIM_INFINITY, RLIM_INFINITY};
  return prlimit(a.size() > 1 ? std::atoi(a[1].c_str()) : 0, static_cast<__rlimit_resource>(resource), &l, nullptr) < 0 ? failed("prlimit") : 0;
}

int priority(const Args& a) {  // another process's niceness, or that of all in a group
  const auto which = a.size() > 1 && a[1] == "group" ? PRIO_PGRP : PRIO_PROCESS;
  return setpriority(which, static_cast<id_t>(std::atoi(a[0].c_str())), 19) < 0 ? failed("setpriority") : 0;
}

int lease(const Args& a) {  // of a new file; whoever opens it for writing waits
  close(open(a[0].c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  const int fd = open(a[0].c_str(), O_RDONLY | O_CLOEXEC);
  if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0) return failed("F_SETLEASE");
  std::puts(fcntl(fd, F_GETLEASE) == F_RDLCK ? "leased" : "not leased");
  return 0;
}

bool forked(bool (*what)()) {
  const pid_t child = fork();
  if (child == 0) _exit(what() ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0;
}

// What this host can do without a sandbox, so that an attack that needs it is worth trying.
int can(const Args& a) {
  const std::string& w = a[0];
  if (w == "io_uring") {
    char params[256]{};
    return syscall(SYS_io_uring_setup, 1, params) >= 0 ? 0 : 1;
  }
  if (w == "userns") return forked([] { return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0; }) ? 0 : 1;
  if (w == "keyring") return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1) >= 0 ? 0 : 1;
  if (w == "sysvipc") {
    const int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    return id >= 0 && shmctl(id, IPC_RMID, nullptr) == 0 ? 0 : 1;
  }
  if (w == "cgroup") {  // v2, and ours to divide
    FILE* f = std::fopen("/proc/self/cgroup", "r");
    char line[4096] = "";
    while (f && std::fgets(line, sizeof line, f))
      if (std::strncmp(line, "0::", 3) == 0) break;
    if (std::strncmp(line, "0::", 3) != 0) return 1;
    line[std::strcspn(line, "\n")] = 0;
    const std::string group = std::string("/sys/fs/cgroup") + (line + 3);
    return access((group + "/cgroup.procs").c_str(), W_OK) == 0 && access((group + "/memory.max").c_str(), F_OK) == 0 ? 0 : 1;
  }
  if (w == "mq") {
    const mqd_t q = mq_open("/cordon-probe-can", O_RDWR | O_CREAT, 0600, nullptr);
    return q >= 0 && mq_unlink("/cordon-probe-can") == 0 ? 0 : 1;
  }
  if (w == "i386") {
    return forked([] { return int80(20 /* getpid */, 0, 0, 0) == getpid(); }) ? 0 : 1;
  }
  if (w == "x32") return syscall(0x40000000 + 39) == getpid() ? 0 : 1;
  if (w == "mptcp") return socket(AF_INET, SOCK_STREAM, 262) >= 0 ? 0 : 1;
  if (w == "ipv6") return socket(AF_INET6, SOCK_STREAM, 0) >= 0 && access("/proc/net/if_inet6", R_OK) == 0 ? 0 : 1;
  if (w == "tiocsti") {
    FILE* f = std::fopen("/proc/sys/dev/tty/legacy_tiocsti", "r");
    const int on = f ? std::fgetc(f) : '1';
    return on == '1' || geteuid() == 0 ? 0 : 1;
  }
  return 2;
}

constexpr Command kCommands[] = {
    {"pty", "LOG COMMAND [ARG...]", 2, pty},
    {"inject", "FD|tty TEXT [high]", 2, inject},
    {"steal-tty", "TEXT", 1, steal_tty},
    {"key-add", "NAME TEXT", 2, key_add},
    {"key-read", "NAME", 1, key_read},
    {"key-remove", "NAME", 1, key_remove},
    {"shm", "make|read|write|remove KEY [TEXT]", 2, shm},
    {"msg", "make|send|receive|remove KEY [TEXT]", 2, sysv_queue},
    {"sem", "make|set|get|remove KEY [N]", 2, semaphore},
    {"mq", "make|send|receive|remove NAME [TEXT]", 2, posix_queue},
    {"eat-memory", "MIB FILE", 2, eat_memory},
    {"open-many", "N FILE", 2, open_many},
    {"burn", "SECONDS FILE", 2, burn},
    {"raise-limit", "RESOURCE [PID]", 1, raise_limit},
    {"nice", "PID [group]", 1, priority},
    {"lease", "FILE", 1, lease},
    {"can", "WHAT", 1, can},
};

}  // namespace

std::span<const Command> kernel_commands() { return kCommands; }

}  // namespace cordon::probe
