// SPDX-License-Identifier: Apache-2.0
// Work whose pace inside is compared with the pace outside:  work cpu|spawn|files|syscall   prints seconds.
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

extern char** environ;

namespace {

void cpu() {
  volatile std::uint64_t sink = 0;
  std::uint64_t x = 88172645463325252ULL;
  for (int i = 0; i < 200'000'000; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  sink = x;
  (void)sink;
}
void spawn() {
  const char* argv[] = {"true", nullptr};
  for (int i = 0; i < 500; ++i) {
    pid_t pid = 0;
    if (posix_spawn(&pid, "/usr/bin/true", nullptr, nullptr, const_cast<char**>(argv), environ) != 0) std::exit(1);
    waitpid(pid, nullptr, 0);
  }
}
void files() {
  char buffer[512];
  struct stat s{};
  const int made = open("work.txt", O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
  if (made < 0 || write(made, buffer, sizeof buffer) < 0) std::exit(1);
  close(made);
  for (int i = 0; i < 100'000; ++i) {
    const int fd = open("work.txt", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) != 0 || read(fd, buffer, sizeof buffer) < 0 || stat("work.txt", &s) != 0) std::exit(1);
    close(fd);
  }
}
void cheap() {
  for (int i = 0; i < 5'000'000; ++i) syscall(SYS_getppid);
}

}  // namespace

int main(int, char** argv) {
  const std::string what = argv[1];
  const auto start = std::chrono::steady_clock::now();
  if (what == "cpu") cpu();
  else if (what == "spawn") spawn();
  else if (what == "files") files();
  else if (what == "syscall") cheap();
  else return 2;
  std::printf("%f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}
