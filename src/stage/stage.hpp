// SPDX-License-Identifier: Apache-2.0
// The code between clone3(2) and execve(2). It applies a finished program and takes no decision; it allocates nothing,
// uses no stdio, no threads and no exceptions, and reports a failure as a fixed record that the supervisor words.
//
// Two processes run it: PID 1 of the sandbox runs `begin` and `complete`, and the command's process runs `become_command`.
#pragma once
#include <linux/filter.h>

#include <cstddef>
#include <cstdint>

namespace cordon::stage {

enum class Step : std::uint32_t {
  none,
  parent_death,
  id_maps,
  host_name,
  loopback,
  old_root,
  clone_root,
  attach_root,
  mount,
  pivot,
  detach_old_root,
  keyring,
  session,
  capabilities,
  no_new_privs,
  landlock_rule,
  verify,
  listeners,  // in PID 1
  working_directory,
  signals,
  landlock,
  seccomp,
  descriptors,
  rlimit,
  exec  // in the command's process
};

/// The failure of a step: `index` says which mount, limit or rule of the program.
struct Failure {
  Step step = Step::none;
  std::uint32_t index = 0;
  std::int32_t error = 0;  ///< errno(3)
};

enum class MountKind : std::uint8_t { tmpfs, bind, mask_dir, mask_file, sealed_dir, empty_dir, empty_file, symlink, hold_link, dev, proc };

struct Mount {
  MountKind kind;
  const char* target;            ///< absolute, without symlinks
  const char* source;            ///< bind: absolute path on the host; symlink: its text
  std::uint64_t set_attributes;  ///< MOUNT_ATTR_*
  std::uint32_t mode;
  bool make_target, is_dir;
  bool optional;  ///< a bind whose source is gone is left out
};

struct StageRule {
  const char* path;
  std::uint64_t access;
};
struct Rlimit {
  std::uint32_t resource;
  std::uint64_t value;
};
template <class T>
struct Span {
  const T* data = nullptr;
  std::size_t size = 0;
  const T* begin() const { return data; }
  const T* end() const { return data + size; }
};

struct Program {
  bool namespaces = true, restrict_exec = false, proc_read_only = false;
  const char *uid_map = nullptr, *gid_map = nullptr;  ///< lines for /proc/self/{uid,gid}_map
  const char* hostname = "cordon";                    ///< the name of the UTS namespace
  const char* pid_max = nullptr;                      ///< text for kernel.pid_max of the pid namespace, or null
  const char* tty = nullptr;                          ///< bound on /dev/console
  Span<Mount> mounts;
  Span<Rlimit> rlimits;
  Span<StageRule> landlock_rules;  ///< for paths that exist only inside
  bool landlock = false;
  int landlock_ruleset = -1;  ///< from the supervisor, between `begin` and `complete`
  sock_fprog filter{};
  const char* cwd = nullptr;
  const char* executable = nullptr;
  char* const* argv = nullptr;
  char* const* envp = nullptr;
};

/// Descriptors of the two mount trees, and how far the second is.
struct Roots {
  long old_root = -1, new_root = -1, masks = -1;
  std::size_t mounted = 0;
};

/// In fresh user, UTS and mount namespaces, of which nothing is known yet but who the user is and what terminal he has: maps the
/// user, names the host, clones the mount tree, mounts /dev. `begin` does it where `roots` is empty.
Failure furnish(const Program& program, Roots& roots);

/// Both make the calling process PID 1 of a finished sandbox; each returns the failure, or step none. `begin` needs nothing of the
/// supervisor, which works beside it: it ends before the first mount that lies on a placeholder. For `complete` these must stand,
/// and the Landlock ruleset.
Failure begin(const Program& program, Roots& roots);
Failure complete(const Program& program, Roots& roots);

/// What the command's process shares with its parent until execve(2) (they share memory: CLONE_VM | CLONE_FILES).
struct Shared {
  const Program* program;
  int ready_fd;                ///< eventfd(2), written once the listener exists
  volatile int listener = -1;  ///< seccomp notification descriptor
  volatile Failure failure{};
};
/// The entry of clone(2). Does not return.
int become_command(void* shared);

}  // namespace cordon::stage
