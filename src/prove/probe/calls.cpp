// SPDX-License-Identifier: Apache-2.0
// Ways into the kernel that a filter may have forgotten: numbers, the i386 table, io_uring.
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>

#include "prove/probe/probe.hpp"

namespace cordon::probe {
namespace {

// One submission, one completion; no library.
int ring_submit(const io_uring_sqe& wanted) {
  io_uring_params p{};
  const int ring = static_cast<int>(syscall(SYS_io_uring_setup, 4, &p));
  if (ring < 0) return -1;
  const std::size_t sq_size = p.sq_off.array + p.sq_entries * sizeof(unsigned), cq_size = p.cq_off.cqes + p.cq_entries * sizeof(io_uring_cqe);
  auto* sq = static_cast<char*>(mmap(nullptr, sq_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING));
  auto* cq = static_cast<char*>(mmap(nullptr, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING));
  auto* sqes = static_cast<io_uring_sqe*>(
      mmap(nullptr, p.sq_entries * sizeof(io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES));
  if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED) return -1;
  sqes[0] = wanted;
  reinterpret_cast<unsigned*>(sq + p.sq_off.array)[0] = 0;
  __atomic_store_n(reinterpret_cast<unsigned*>(sq + p.sq_off.tail), 1U, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) < 0) return -1;
  const int result = reinterpret_cast<io_uring_cqe*>(cq + p.cq_off.cqes)[0].res;
  close(ring);
  if (result >= 0) return result;
  errno = -result;
  return -1;
}

int cat(int fd) {
  char buffer[65536];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) != 0;) {
    if (n < 0) return failed("read");
    fwrite(buffer, 1, static_cast<std::size_t>(n), stdout);
  }
  return 0;
}

int uring_cat(const Args& a) {
  const int fd = ring_open(a[0].c_str(), O_RDONLY);
  return fd < 0 ? failed("io_uring") : cat(fd);
}

int uring_write(const Args& a) {
  const int fd = ring_open(a[0].c_str(), O_WRONLY | O_CREAT);
  if (fd < 0) return failed("io_uring");
  return write(fd, a[1].data(), a[1].size()) < 0 ? failed("write") : 0;
}

int i386_cat(const Args& a) {
  char* low = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | 0x40 /* MAP_32BIT */, -1, 0));
  if (low == MAP_FAILED) return failed("mmap");
  std::snprintf(low, 4096, "%s", a[0].c_str());
  const long fd = int80(5 /* open */, reinterpret_cast<long>(low), 0, 0);
  if (fd >= 0) return cat(static_cast<int>(fd));
  errno = static_cast<int>(-fd);
  return failed("int 0x80");
}

// A key of the i386 table's add_key, or of x32's: where the 64-bit number is refused.
int i386_mkdir(const Args& a) {
  char* low = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | 0x40, -1, 0));
  if (low == MAP_FAILED) return failed("mmap");
  std::snprintf(low, 4096, "%s", a[0].c_str());
  const long r = int80(39 /* mkdir */, reinterpret_cast<long>(low), 0755, 0);
  if (r >= 0) return 0;
  errno = static_cast<int>(-r);
  return failed("int 0x80");
}

int x32_mkdir(const Args& a) { return syscall(0x40000000 + SYS_mkdir, a[0].c_str(), 0755) < 0 ? failed("x32") : 0; }

int openat2_cat(const Args& a) {
  struct {
    std::uint64_t flags, mode, resolve;
  } how{O_RDONLY, 0, 0};
  const int fd = static_cast<int>(syscall(SYS_openat2, AT_FDCWD, a[0].c_str(), &how, sizeof how));
  return fd < 0 ? failed("openat2") : cat(fd);
}

// All descriptors that came along, and what a directory among them leads to.
int inherited(const Args& a) {
  for (int fd = 3; fd < 1024; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) continue;
    std::printf("descriptor %d\n", fd);
    lseek(fd, 0, SEEK_SET);
    cat(fd);
    if (a.empty()) continue;
    const int below = openat(fd, a[0].c_str(), O_RDONLY);
    if (below >= 0) cat(below);
  }
  return 0;
}

constexpr Command kCommands[] = {
    {"uring-cat", "FILE", 1, uring_cat},         {"uring-write", "FILE TEXT", 2, uring_write}, {"i386-cat", "FILE", 1, i386_cat},
    {"i386-mkdir", "DIR", 1, i386_mkdir},        {"x32-mkdir", "DIR", 1, x32_mkdir},           {"openat2-cat", "FILE", 1, openat2_cat},
    {"inherited", "[PATH-BELOW]", 0, inherited},
};

}  // namespace

long int80(long nr, long a, long b, long c) {
#if defined(__x86_64__)
  long r;
  asm volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
  return static_cast<int>(r);
#else
  static_cast<void>(nr + a + b + c);
  return -ENOSYS;
#endif
}

int ring_open(const char* path, int flags) {
  io_uring_sqe s{};
  s.opcode = IORING_OP_OPENAT;
  s.fd = AT_FDCWD;
  s.addr = reinterpret_cast<std::uint64_t>(path);
  s.open_flags = static_cast<unsigned>(flags);
  s.len = 0644;
  return ring_submit(s);
}

int ring_connect(int fd, const void* address, unsigned length) {
  io_uring_sqe s{};
  s.opcode = IORING_OP_CONNECT;
  s.fd = fd;
  s.addr = reinterpret_cast<std::uint64_t>(address);
  s.off = length;
  return ring_submit(s);
}

std::span<const Command> call_commands() { return kCommands; }

}  // namespace cordon::probe
