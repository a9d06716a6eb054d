// SPDX-License-Identifier: Apache-2.0
// cordon-probe: what an attack needs and a shell cannot do, one subcommand a trick. It claims nothing: whether it got
// through is seen on the host. Exit status 0: the kernel let it; 1: it did not (the errno is printed); 2: wrong use.
#pragma once
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace cordon::probe {

using Args = std::vector<std::string>;
struct Command {
  const char* name;
  const char* usage;
  std::size_t least;  ///< arguments
  int (*run)(const Args&);
};

/// Prints what failed with its errno; returns 1.
inline int failed(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  return 1;
}

std::span<const Command> call_commands();
std::span<const Command> file_commands();
std::span<const Command> process_commands();
std::span<const Command> socket_commands();
std::span<const Command> kernel_commands();
std::span<const Command> self_commands();

/// system-call entry by `int 0x80`, the i386 table: no arguments above 32 bits.
long int80(long nr, long a, long b, long c);
/// openat(2) by io_uring; a descriptor, or -1 and errno.
int ring_open(const char* path, int flags);
/// connect(2) by io_uring.
int ring_connect(int fd, const void* address, unsigned length);

}  // namespace cordon::probe
