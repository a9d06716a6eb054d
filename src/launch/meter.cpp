// SPDX-License-Identifier: Apache-2.0
#include "launch/meter.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/fd.hpp"
#include "launch/socket_memory.hpp"

namespace cordon::launch {
namespace {

constexpr int kUsual = 100, kNear = 20;  // milliseconds
constexpr std::uint64_t kInode = 1024;   // of the kernel's memory, with its name: an empty file has no block

std::size_t read_proc(const char* path, char* text, std::size_t size) {
  const Fd f(open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t n = f ? read(f.get(), text, size - 1) : 0;
  text[n > 0 ? n : 0] = 0;
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

// proc_pid_stat(5), from the third field on: the second may hold anything.
struct Stat {
  std::uint64_t ticks, children_ticks, threads, started, resident;
};
std::optional<Stat> read_stat(int pid) {
  char path[48], text[1024];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  if (read_proc(path, text, sizeof text) == 0) return std::nullopt;
  const char* at = std::strrchr(text, ')');
  if (!at) return std::nullopt;
  unsigned long long f[25]{};
  char* next = const_cast<char*>(at + 4);  // ") S "
  for (int field = 4; field <= 24; ++field) f[field] = std::strtoull(next, &next, 10);
  return Stat{f[14] + f[15], f[16] + f[17], f[20], f[22], f[24] * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))};
}

// Bytes, what is shared divided among its users; nothing where we may not look (a process that made itself undumpable).
std::optional<std::uint64_t> proportional(int pid) {
  char path[48], text[2048];
  std::snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
  errno = 0;
  if (read_proc(path, text, sizeof text) == 0 && (errno == EACCES || errno == EPERM)) return std::nullopt;
  const char* at = std::strstr(text, "\nPss:");
  return at ? std::strtoull(at + 5, nullptr, 10) * 1024 : 0;
}

}  // namespace

int Meter::interval() const {
  if (!options_.cpu && !options_.memory && !options_.processes) return -1;
  return near_ ? kNear : kUsual;
}

std::uint64_t Meter::kept_by_kernel() const {
  std::uint64_t sum = options_.sockets ? socket_memory() : 0;
  for (const std::string& tree : options_.trees) {
    struct statvfs s{};
    if (statvfs(tree.c_str(), &s) == 0) sum += (s.f_blocks - s.f_bfree) * s.f_frsize + (s.f_files - s.f_ffree) * kInode;
  }
  char text[16384];
  read_proc("/proc/sysvipc/shm", text, sizeof text);
  for (const char* line = std::strchr(text, '\n'); line && line[1]; line = std::strchr(line + 1, '\n')) {
    unsigned long long resident = 0;  // the 15th column, of which what is mapped is counted twice: on the safe side
    if (std::sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &resident) == 1) sum += resident;
  }
  return sum;
}

const char* Meter::look() {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (!proc) return options_.memory ? "memory" : options_.cpu ? "cpu" : "processes";  // what cannot be measured is not allowed
  std::uint64_t ticks = 0, children = 0, resident = 0, threads = 0;
  std::vector<std::pair<int, std::uint64_t>> processes;
  std::map<int, Seen> now;
  while (const dirent* e = readdir(proc.get())) {
    const int pid = std::atoi(e->d_name);
    if (pid <= 1) continue;
    const auto s = read_stat(pid);
    if (!s) continue;
    ticks += s->ticks;
    children += s->children_ticks;
    threads += s->threads;
    resident += s->resident;
    processes.emplace_back(pid, s->resident);
    now[pid] = {s->started, s->ticks};
  }
  for (const auto& [pid, old] : seen_)
    if (const auto it = now.find(pid); it == now.end() || it->second.started != old.started) gone_ticks_ += old.ticks;
  seen_ = std::move(now);
  if (options_.processes && threads > *options_.processes) return "processes";
  if (options_.cpu) {
    rusage waited{};
    getrusage(RUSAGE_CHILDREN, &waited);
    const auto milliseconds = [](const timeval& t) { return static_cast<std::uint64_t>(t.tv_sec * 1000 + t.tv_usec / 1000); };
    const auto of_ticks = [](std::uint64_t t) { return t * 1000 / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK)); };
    const std::uint64_t accounted = of_ticks(ticks + children) + milliseconds(waited.ru_utime) + milliseconds(waited.ru_stime);
    if (std::max(accounted, of_ticks(ticks + gone_ticks_)) > static_cast<std::uint64_t>(options_.cpu->count())) return "cpu";
  }
  if (options_.memory) {
    const std::uint64_t kept = kept_by_kernel();
    near_ = resident + kept > *options_.memory / 2;
    if (resident + kept > *options_.memory) {  // perhaps shared pages were counted more than once: look closer, which costs more
      std::uint64_t sum = kept;
      for (const auto& [pid, rss] : processes) {
        sum += proportional(pid).value_or(rss);
      }
      if (sum > *options_.memory) return "memory";
    }
  }
  return nullptr;
}

}  // namespace cordon::launch
