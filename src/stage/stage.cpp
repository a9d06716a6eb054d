// SPDX-License-Identifier: Apache-2.0
// The order. Each line is one step; each step lives in its own file.
#include "stage/stage.hpp"

#include "stage/steps.hpp"

namespace cordon::stage {

#define STEP(name, ...)                                \
  if (const Outcome o = (__VA_ARGS__); o.error != 0) { \
    return Failure{Step::name, o.index, o.error};      \
  }

Failure enter(const Program& p) {
  // No parent-death signal here: end of file on the control socket ends PID 1, which then still can look for traps.
  if (p.namespaces) {
    STEP(id_maps, write_id_maps(p));
    STEP(host_name, set_host_name(p));
    if (p.network_namespace) STEP(loopback, loopback_up());
    Roots roots;
    STEP(old_root, open_old_root(roots));
    STEP(clone_root, clone_root(p, roots));
    STEP(attach_root, attach_root(roots));
    STEP(mount, apply_mounts(p, roots));
    STEP(pivot, pivot(roots));
    STEP(detach_old_root, detach_old_root());
  }
  STEP(keyring, join_new_keyring());
  if (p.new_session) STEP(session, new_session());
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

int become_command(void* arg) {
  auto& s = *static_cast<Shared*>(arg);
  const Program& p = *s.program;
  STEP(parent_death, die_with_parent());
  STEP(working_directory, change_directory(p));
  STEP(signals, default_signals());
  STEP(landlock, restrict_self(p));
  STEP(seccomp, load_filter(p, s));
  STEP(descriptors, close_descriptors());
  STEP(rlimit, set_rlimits(p));  // last, for they are the command's: PID 1 serves it without them, and the listener needs a number
  STEP(exec, execute(p));
  return 0;
}

}  // namespace cordon::stage
