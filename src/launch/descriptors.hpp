// SPDX-License-Identifier: Apache-2.0
// Closing all descriptors but a few, in a process that was cloned with the table of its parent.
#pragma once
#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>

#include "base/sys.hpp"

namespace cordon::launch {

/// `each(keep)` calls keep(fd) for every descriptor to keep; negative ones are passed over. By raw calls, without allocation: the
/// next one to keep is searched each time, for they are few.
template <class Each>
void close_all_but(const Each& each) {
  for (unsigned from = 0;;) {
    unsigned next = ~0U;
    each([&](int fd) {
      if (fd >= 0 && static_cast<unsigned>(fd) >= from) next = std::min(next, static_cast<unsigned>(fd));
    });
    if (next != from) sys::call(SYS_close_range, from, next == ~0U ? ~0U : next - 1, 0);
    if (next == ~0U) return;
    from = next + 1;
  }
}

}  // namespace cordon::launch
