// SPDX-License-Identifier: Apache-2.0
// A command that looks whether it is confined as planned: "strong" and status 42, or what is weak and 43.
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "prove/probe/probe.hpp"

namespace cordon::probe {
namespace {

std::string status_of(const char* key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(std::string(key) + ":\t")) return line.substr(std::strlen(key) + 2);
  return "?";
}

bool look(const Args& a) {
  const bool namespaces = a.size() < 3 || a[2] == "namespaces";
  std::string weak;
  const auto check = [&](bool good, const char* what) {
    if (!good) weak += std::string(" ") + what;
  };
  check(open(a[0].c_str(), O_RDONLY) < 0, "secret-readable");
  check(open(a[1].c_str(), O_WRONLY) < 0, "outside-writable");
  check(mkdir((a[1] + ".made").c_str(), 0755) < 0, "outside-makeable");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) check(status_of(set) == "0000000000000000", set);
  check(!namespaces || status_of("CapBnd") == "0000000000000000", "CapBnd");
  check(status_of("NoNewPrivs") == "1", "NoNewPrivs");
  check(status_of("Seccomp") == "2", "Seccomp");
  // ENOSYS is the kernel's answer once nobody serves the filter: PID 1 was killed a moment ago.
  check(syscall(SYS_bpf, 0, nullptr, 0) < 0 && (errno == EPERM || errno == ENOSYS), "bpf");
  check(syscall(SYS_io_uring_setup, 1, nullptr) < 0 && errno == ENOSYS, "io_uring");
  check(socket(AF_VSOCK, SOCK_STREAM, 0) < 0, "vsock");
  for (int fd = 3; fd < 256; ++fd) check(fcntl(fd, F_GETFD) < 0, "descriptor");
  check(!std::getenv("CORDON_TORTURE_TOKEN"), "environment");
  if (namespaces) {
    check(getppid() <= 1, "pid-namespace");
    std::ifstream devices("/proc/net/dev");
    int lines = 0;
    for (std::string line; std::getline(devices, line);) ++lines;
    check(lines <= 3, "network-devices");
    check(open("/proc/sys/kernel/core_pattern", O_WRONLY) < 0, "sysctl");
    check(open("/proc/kcore", O_RDONLY) < 0, "kcore");
    const int tmp = open("/tmp", O_RDONLY | O_DIRECTORY);
    DIR* d = tmp < 0 ? nullptr : fdopendir(tmp);
    int entries = 0;
    while (d && readdir(d)) ++entries;
    check(d && entries <= 3, "private-tmp");  // at most the way to a home
  } else {
    // Without a network no socket; with one, TCP to the port of egress alone.
    const int tcp = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(9);
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(tcp < 0 || (connect(tcp, reinterpret_cast<sockaddr*>(&any), sizeof any) < 0 && errno == EACCES), "connect");
    any.sin_port = 0;
    check(tcp < 0 || (bind(tcp, reinterpret_cast<sockaddr*>(&any), sizeof any) < 0 && errno == EACCES), "bind");
    check(socket(AF_INET, SOCK_DGRAM, 0) < 0, "udp");
    if (tcp >= 0) close(tcp);
  }
  std::printf("%s%s\n", weak.empty() ? "strong" : "weak:", weak.c_str());
  return weak.empty();
}

int selfcheck(const Args& a) { return look(a) ? 42 : 43; }
int linger(const Args& a) {
  const bool strong = look(a);
  for (int i = 0; i < 120; ++i) usleep(500000);
  return strong ? 42 : 43;
}

constexpr Command kCommands[] = {{"selfcheck", "SECRET OUTSIDE [TIER]", 2, selfcheck}, {"linger", "SECRET OUTSIDE [TIER]", 2, linger}};

}  // namespace

std::span<const Command> self_commands() { return kCommands; }

}  // namespace cordon::probe
