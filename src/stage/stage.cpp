// SPDX-License-Identifier: Apache-2.0
// The order. Each line is one step; each step lives in its own file.
#include "stage/stage.hpp"

#include "stage/steps.hpp"

namespace cordon::stage {

#define STEP(name, ...)                                \
  if (const Outcome o = (__VA_ARGS__); o.error != 0) { \
    return Failure{Step::name, o.index, o.error};      \
  }

Failure furnish(const Program& p, Roots& roots) {
  STEP(id_maps, write_id_maps(p));
  STEP(host_name, set_host_name(p));
  STEP(old_root, open_old_root(roots));
  STEP(clone_root, clone_root(roots));
  STEP(attach_root, attach_root(roots));
  STEP(mount, make_masks(roots));
  STEP(mount, make_dev(p, roots));
  return {};
}

Failure begin(const Program& p, Roots& roots) {
  // No parent-death signal here: end of file on the control socket ends PID 1, which then still can look for traps.
  if (!p.namespaces) return {};
  if (roots.masks < 0)
    if (const Failure f = furnish(p, roots); f.step != Step::none) return f;
  if (p.restrict_exec) STEP(clone_root, forbid_programs(roots));
  STEP(mount, mount_until_placeholder(p, roots));
  return {};
}

Failure complete(const Program& p, Roots& roots) {
  if (p.namespaces) {
    STEP(mount, mount_rest(p, roots));
    STEP(pivot, pivot(roots));
    STEP(detach_old_root, detach_old_root(roots));
  }
  STEP(keyring, join_new_keyring());
  STEP(landlock_rule, add_landlock_rules(p));
  STEP(capabilities, drop_capabilities(p));
  STEP(no_new_privs, set_no_new_privs());
  STEP(verify, verify(p));
  return {};
}

#undef STEP
#define STEP(name, ...)                                \
  if (const Outcome o = (__VA_ARGS__); o.error != 0) { \
    fail(s, Failure{Step::name, o.index, o.error});    \
  }

// On a stack that no thread has: AddressSanitizer would look for the end of another one before each call that does not return.
[[gnu::no_sanitize_address]] int become_command(void* arg) {
  auto& s = *static_cast<Shared*>(arg);
  const Program& p = *s.program;
  STEP(parent_death, die_with_parent());
  STEP(working_directory, change_directory(p));
  STEP(signals, default_signals());
  STEP(landlock, restrict_self(p));
  STEP(rlimit, set_rlimits(p, true));  // the filter lets nobody change it
  STEP(seccomp, load_filter(p, s));
  STEP(descriptors, close_descriptors());
  STEP(rlimit, set_rlimits(p, false));  // last, for they are the command's: PID 1 serves it without them, and the listener needs a number
  STEP(exec, execute(p));
  return 0;
}

}  // namespace cordon::stage
