// SPDX-License-Identifier: Apache-2.0
// The steps of stage.cpp. Private to the stage.
#pragma once
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "base/sys.hpp"
#include "stage/stage.hpp"

namespace cordon::stage {

struct Outcome {
  std::int32_t error = 0;
  std::uint32_t index = 0;
};
inline Outcome outcome(long r, std::uint32_t index = 0) { return r < 0 ? Outcome{static_cast<std::int32_t>(-r), index} : Outcome{}; }

// openat(2) by the stage's only call that opens.
inline long open_at(long directory, const char* path, std::uint64_t flags, std::uint64_t mode = 0) {
  open_how how{};
  how.flags = flags;
  how.mode = mode;
  return sys::call(SYS_openat2, directory, sys::ptr(path), sys::ptr(&how), sizeof how);
}

Outcome die_with_parent();
Outcome write_id_maps(const Program&);
Outcome set_host_name(const Program&);
Outcome open_old_root(Roots&);
Outcome clone_root(Roots&);
Outcome forbid_programs(const Roots&);
Outcome attach_root(const Roots&);
Outcome make_masks(Roots&);
Outcome make_dev(const Program&, const Roots&);
Outcome mount_until_placeholder(const Program&, Roots&);
Outcome mount_rest(const Program&, Roots&);
Outcome pivot(const Roots&);
Outcome detach_old_root(const Roots&);
Outcome join_new_keyring();
Outcome add_landlock_rules(const Program&);
Outcome set_rlimits(const Program&, bool cores);  // that of cores alone, or all others
Outcome drop_capabilities(const Program&);
Outcome set_no_new_privs();
Outcome verify(const Program&);

Outcome change_directory(const Program&);
Outcome default_signals();
Outcome restrict_self(const Program&);
Outcome load_filter(const Program&, Shared&);
Outcome close_descriptors();
Outcome execute(const Program&);
[[noreturn]] void fail(Shared&, Failure);

}  // namespace cordon::stage
