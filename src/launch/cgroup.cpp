// SPDX-License-Identifier: Apache-2.0
#include "launch/cgroup.hpp"

#include <cordon/events.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/sys.hpp"

namespace cordon::launch {
namespace {

using sys::call;
using sys::ptr;

Fd open_file(int directory, const char* name, int flags) { return Fd(openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW)); }

// The number behind `key` in a file of "key number" lines; of a file with one number for the empty key.
std::optional<std::uint64_t> number(const Fd& file, const char* key) {
  char text[2048];
  const ssize_t n = file ? pread(file.get(), text, sizeof text - 1, 0) : -1;
  if (n <= 0) return std::nullopt;
  text[n] = 0;
  const char* at = std::strstr(text, key);
  return at ? std::optional(std::strtoull(at + std::strlen(key), nullptr, 10)) : std::nullopt;
}

}  // namespace

Result<void> Cgroup::make(const std::string& directory, const Limits& limits) {
  const auto failed = [&](const std::string& what) {
    return impossible("cannot " + what + " in the cgroup " + printable(directory), errno,
                      "delegate its controllers, or leave the limit out; see `cordon doctor`");
  };
  directory_ = Fd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory_) return failed("look");
  name_ = "cordon-" + std::to_string(getpid());
  if (mkdirat(directory_.get(), name_.c_str(), 0755) != 0 && errno != EEXIST) return failed("make a group");  // EEXIST: of a dead run with our pid
  fd_ = Fd(openat(directory_.get(), name_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd_) return failed("open our group");
  kill_ = open_file(fd_.get(), "cgroup.kill", O_WRONLY);
  cpu_ = open_file(fd_.get(), "cpu.stat", O_RDONLY);
  memory_peak_ = open_file(fd_.get(), "memory.peak", O_RDONLY);
  memory_events_ = open_file(fd_.get(), "memory.events", O_RDONLY);
  pids_events_ = open_file(fd_.get(), "pids.events", O_RDONLY);
  const auto set = [&](const char* name, const std::string& value) {
    const Fd f = open_file(fd_.get(), name, O_WRONLY);
    return f && write(f.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
  };
  if (limits.memory) {
    if (!set("memory.max", std::to_string(*limits.memory))) return failed("limit memory");
    set("memory.swap.max", "0");  // a kernel without swap accounting has no such file
    if (!set("memory.oom.group", "1")) return failed("end all at the memory limit");
  }
  if (limits.processes && !set("pids.max", std::to_string(*limits.processes + 1))) return failed("limit processes");  // and PID 1
  return {};
}

std::optional<std::chrono::microseconds> Cgroup::cpu() const {
  const auto n = number(cpu_, "usage_usec ");
  return n ? std::optional(std::chrono::microseconds(*n)) : std::nullopt;
}

std::optional<std::uint64_t> Cgroup::peak_memory() const { return number(memory_peak_, ""); }

std::vector<const char*> Cgroup::limits_hit() const {
  std::vector<const char*> hit;
  if (number(memory_events_, "oom_kill ").value_or(0) > 0) hit.push_back("memory");
  if (number(pids_events_, "max ").value_or(0) > 0) hit.push_back("processes");
  return hit;
}

void Cgroup::kill() {
  if (kill_) call(SYS_write, kill_.get(), ptr("1"), 1);
}

void Cgroup::remove() {
  if (fd_) remove_cgroup(place(), kill_.get());
  fd_.reset();
}

void remove_cgroup(const Place& place, int kill_fd) {
  if (kill_fd >= 0) call(SYS_write, kill_fd, ptr("1"), 1);
  for (int n = 0; n < 1000 && call(SYS_unlinkat, place.parent, ptr(place.name), AT_REMOVEDIR) == -EBUSY; ++n) {
    const timespec millisecond{0, 1'000'000};  // the dead are still being taken out
    call(SYS_ppoll, 0, 0, ptr(&millisecond), 0, 0);
  }
}

}  // namespace cordon::launch
