// SPDX-License-Identifier: Apache-2.0
// The mount tree, by the mount API of Linux 5.2 and mount_setattr(2) of 5.12.
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <initializer_list>

#include "stage/steps.hpp"

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

namespace cordon::stage {
namespace {

using sys::call;
using sys::ptr;

// A descriptor closed at the end of its scope; only the stage's raw calls may be used here.
struct Handle {
  long fd;
  explicit Handle(long f) : fd(f) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (fd >= 0) call(SYS_close, fd);
  }
};

// Opens an absolute path beneath `root`; a component that became a symlink since the plan was made is an error.
long open_beneath(long root, const char* path, std::uint64_t flags) {
  while (*path == '/') ++path;
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return call(SYS_openat2, root, ptr(*path ? path : "."), ptr(&how), sizeof how);
}

long set_attributes(long fd, std::uint64_t set, bool recursive, std::uint64_t propagation = 0) {
  mount_attr a{};
  a.attr_set = set;
  a.propagation = propagation;
  return call(SYS_mount_setattr, fd, ptr(""), AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), ptr(&a), sizeof a);
}

long move_to(long tree, long target) {
  return call(SYS_move_mount, tree, ptr(""), target, ptr(""), MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

long new_filesystem(const char* type, std::uint64_t attributes, const char* key = nullptr, const char* value = nullptr, const char* key2 = nullptr,
                    const char* value2 = nullptr) {
  const Handle fs(call(SYS_fsopen, ptr(type), FSOPEN_CLOEXEC));
  if (fs.fd < 0) return fs.fd;
  long r = 0;
  if (key) r = call(SYS_fsconfig, fs.fd, FSCONFIG_SET_STRING, ptr(key), ptr(value), 0);
  if (r >= 0 && key2) r = call(SYS_fsconfig, fs.fd, FSCONFIG_SET_STRING, ptr(key2), ptr(value2), 0);
  if (r >= 0) r = call(SYS_fsconfig, fs.fd, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (r < 0) return r;
  return call(SYS_fsmount, fs.fd, FSMOUNT_CLOEXEC, static_cast<long>(attributes));
}

long mount_tmpfs(long target, std::uint32_t mode, std::uint64_t attributes) {
  char text[8] = "0";
  int n = 1;
  for (int shift = 9; shift >= 0; shift -= 3) text[n++] = static_cast<char>('0' + ((mode >> shift) & 7));
  text[n] = 0;
  const Handle m(new_filesystem("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | attributes, "mode", text));
  return m.fd < 0 ? m.fd : move_to(m.fd, target);
}

// A clone of the mount at `source`, recursive for directories, with `attributes` added.
long clone_tree(long dir, const char* path, std::uint64_t attributes, bool recursive) {
  const Handle src(open_beneath(dir, path, O_PATH));
  if (src.fd < 0) return src.fd;
  const long tree = call(SYS_open_tree, src.fd, ptr(""), OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0));
  if (tree < 0) return tree;
  const long r = set_attributes(tree, attributes, recursive, MS_PRIVATE);
  if (r >= 0) return tree;
  call(SYS_close, tree);
  return r;
}

// Makes the directories on the way to `path` and `path` itself inside a private tmpfs; as a symlink where `link` is its text.
long make_path(long root, const char* path, bool is_dir, const char* link = nullptr) {
  char buffer[4096];
  std::size_t n = 0;
  for (const char* c = path + 1;; ++c) {
    if (n + 1 >= sizeof buffer) return -36;  // ENAMETOOLONG
    if (*c == '/' || *c == 0) {
      buffer[n] = 0;
      if (*c == 0 && link) return call(SYS_symlinkat, ptr(link), root, ptr(buffer));
      if (*c == 0 && !is_dir) {
        const Handle f(open_at(root, buffer, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
        return f.fd < 0 ? f.fd : 0;
      }
      const long r = call(SYS_mkdirat, root, ptr(buffer), 0755);
      if (r < 0 && r != -17 && r != -30) return r;  // EEXIST, EROFS: it is there, or the next call says why not
      if (*c == 0) return 0;
    }
    buffer[n++] = *c;
  }
}

long mount_dev(const Program& p, const Roots& roots, long target) {
  static constexpr const char* kNodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
  static constexpr const char* kLinks[][2] = {
      {"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"}};
  const Handle dev(new_filesystem("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "mode", "0755"));
  if (dev.fd < 0) return dev.fd;
  long r = move_to(dev.fd, target);
  if (r < 0) return r;
  const Handle old_dev(open_beneath(roots.old_root, "/dev", O_PATH | O_DIRECTORY));
  // Read-only, a device can still be written; its mode, owner and times, which are the host's, cannot.
  constexpr std::uint64_t attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  const auto node = [&](const char* name, const char* path) -> long {
    const Handle tree(path ? clone_tree(roots.old_root, path, attributes, false) : clone_tree(old_dev.fd, name, attributes, false));
    if (tree.fd < 0) return tree.fd;
    const Handle file(open_at(dev.fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
    if (file.fd < 0) return file.fd;
    return call(SYS_move_mount, tree.fd, ptr(""), dev.fd, ptr(name), MOVE_MOUNT_F_EMPTY_PATH);
  };
  for (const char* name : kNodes) {
    r = node(name, nullptr);
    if (r == -2 && name[0] == 't') continue;  // ENOENT: a host without /dev/tty, as some containers are
    if (r < 0) return r;
  }
  if (p.tty && (r = node("console", p.tty)) < 0) return r;
  for (const auto& link : kLinks)
    if ((r = call(SYS_symlinkat, ptr(link[0]), dev.fd, ptr(link[1]))) < 0) return r;
  for (const char* name : {"pts", "shm"})
    if ((r = call(SYS_mkdirat, dev.fd, ptr(name), 0755)) < 0) return r;
  {
    const Handle pts(new_filesystem("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "ptmxmode", "0666", "mode", "0620"));
    if (pts.fd < 0) return pts.fd;
    if ((r = call(SYS_move_mount, pts.fd, ptr(""), dev.fd, ptr("pts"), MOVE_MOUNT_F_EMPTY_PATH)) < 0) return r;
  }
  const Handle shm(open_beneath(dev.fd, "shm", O_PATH | O_DIRECTORY));
  if ((r = mount_tmpfs(shm.fd, 01777, 0)) < 0) return r;  // NOEXEC comes with `forbid_programs`
  return set_attributes(dev.fd, MOUNT_ATTR_RDONLY, false);
}

// The staging place of the masks: a tmpfs over the *old* root's /proc, gone with the old root.
constexpr const char* kMaskPlace = "/proc";

long fill_masks(Roots& roots) {
  const Handle place(open_beneath(roots.old_root, kMaskPlace, O_PATH | O_DIRECTORY));
  if (place.fd < 0) return place.fd;
  roots.masks = new_filesystem("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, "mode", "0755");
  if (roots.masks < 0) return roots.masks;
  long r = move_to(roots.masks, place.fd);  // a mount can be cloned only where it is attached
  if (r >= 0) r = call(SYS_mkdirat, roots.masks, ptr("dir"), 0);
  if (r >= 0) r = call(SYS_mkdirat, roots.masks, ptr("empty"), 0555);
  if (r < 0) return r;
  {
    const Handle f(open_at(roots.masks, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0));
    if (f.fd < 0) return f.fd;
  }  // a file open for writing keeps a mount from becoming read-only
  return set_attributes(roots.masks, MOUNT_ATTR_RDONLY, false);
}

long mount_mask(const Roots& roots, const char* which, long target) {
  // A clone has the attributes of what it is cloned from: read-only, no programs, no devices, private.
  const Handle tree(call(SYS_open_tree, roots.masks, ptr(which), OPEN_TREE_CLONE | O_CLOEXEC));
  return tree.fd < 0 ? tree.fd : move_to(tree.fd, target);
}

long write_to(long directory, const char* name, const char* text) {
  const Handle f(open_at(directory, name, O_WRONLY | O_CLOEXEC));
  if (f.fd < 0) return f.fd;
  long n = 0;
  while (text[n]) ++n;
  return call(SYS_write, f.fd, ptr(text), n);
}

long mount_proc(const Program& p, const Roots& roots, long target) {
  // Root's files of procfs ignore capabilities: what is writable by uid 0 stays so inside a user namespace of root's.
  static constexpr const char* kReadOnly[] = {"sys", "bus", "fs", "irq", "sysrq-trigger", "mtrr"};
  static constexpr const char* kHiddenDirs[] = {"acpi", "scsi", "asound", "driver"};
  static constexpr const char* kHiddenFiles[] = {"kcore",       "keys",          "key-users",  "kmsg",       "kallsyms",    "timer_list",
                                                 "sched_debug", "latency_stats", "kpagecount", "kpageflags", "kpagecgroup", "config.gz"};
  const Handle proc(new_filesystem("proc", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  if (proc.fd < 0) return proc.fd;
  long r = move_to(proc.fd, target);
  if (r < 0) return r;
  if (p.restrict_exec) {
    // Only root's file (EACCES), and not on every kernel (ENOENT): the filter refuses executable memory files by itself.
    const Handle f(open_at(proc.fd, "sys/vm/memfd_noexec", O_WRONLY | O_CLOEXEC));
    if (f.fd < 0 && f.fd != -13 && f.fd != -2) return f.fd;
    if (f.fd >= 0 && (r = call(SYS_write, f.fd, ptr("2"), 1)) < 0) return r;
  }
  if (p.pid_max) {
    // Numbers below 300 are given out once only. So begin at 301: then as many processes fit as numbers lie from 300 to pid_max.
    if ((r = write_to(proc.fd, "sys/kernel/ns_last_pid", "300")) < 0) return r;
    if ((r = write_to(proc.fd, "sys/kernel/pid_max", p.pid_max)) < 0) return r;
  }
  for (const char* name : kReadOnly) {
    if (p.proc_read_only) break;
    const Handle tree(clone_tree(proc.fd, name, MOUNT_ATTR_RDONLY, false));
    if (tree.fd == -2) continue;  // ENOENT: this kernel has no such file
    if (tree.fd < 0) return tree.fd;
    if ((r = call(SYS_move_mount, tree.fd, ptr(""), proc.fd, ptr(name), MOVE_MOUNT_F_EMPTY_PATH)) < 0) return r;
  }
  const auto hide = [&](const char* name, const char* mask) -> long {
    const Handle at(open_beneath(proc.fd, name, O_PATH));
    if (at.fd == -2) return 0;
    return at.fd < 0 ? at.fd : mount_mask(roots, mask, at.fd);
  };
  for (const char* name : kHiddenDirs)
    if ((r = hide(name, "dir")) < 0) return r;
  for (const char* name : kHiddenFiles)
    if ((r = hide(name, "file")) < 0) return r;
  // The mode and owner of a file of procfs belong to every procfs of the machine, and root of a user namespace that maps root
  // may change them: for root all of /proc is read-only.
  return p.proc_read_only ? set_attributes(proc.fd, MOUNT_ATTR_RDONLY, false) : 0;
}

// A symlink can be a mount point; one that lies on itself reads as before and can be neither removed nor replaced.
long hold_link(const Roots& roots, const char* path) {
  const Handle source(open_beneath(roots.old_root, path, O_PATH | O_NOFOLLOW));
  const Handle target(open_beneath(roots.new_root, path, O_PATH | O_NOFOLLOW));
  if (source.fd < 0 || target.fd < 0) return source.fd < 0 ? source.fd : target.fd;
  const Handle tree(call(SYS_open_tree, source.fd, ptr(""), OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH));
  return tree.fd < 0 ? tree.fd : move_to(tree.fd, target.fd);
}

long apply(const Program& p, const Roots& roots, const Mount& m) {
  if (m.kind == MountKind::symlink) return make_path(roots.new_root, m.target, false, m.source);
  if (m.kind == MountKind::hold_link) return hold_link(roots, m.target);
  if (m.kind == MountKind::dev) return 0;  // `make_dev` was before
  if (m.optional) {
    const Handle source(open_beneath(roots.old_root, m.source, O_PATH));
    if (source.fd == -2 || source.fd == -40) return 0;  // ENOENT, ELOOP: gone, or a link now
  }
  if (m.make_target) {
    const long r = make_path(roots.new_root, m.target, m.is_dir);
    if (r < 0) return r;
  }
  const Handle target(open_beneath(roots.new_root, m.target, O_PATH));
  if (target.fd < 0) return target.fd;
  switch (m.kind) {
    case MountKind::tmpfs:
    case MountKind::sealed_dir: return mount_tmpfs(target.fd, m.mode, m.set_attributes);
    case MountKind::empty_file:  // the placeholder itself
    case MountKind::bind: {
      const Handle tree(clone_tree(roots.old_root, m.source, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | m.set_attributes, m.is_dir));
      return tree.fd < 0 ? tree.fd : move_to(tree.fd, target.fd);
    }
    case MountKind::mask_dir: return mount_mask(roots, "dir", target.fd);
    case MountKind::mask_file: return mount_mask(roots, "file", target.fd);
    case MountKind::empty_dir: return mount_mask(roots, "empty", target.fd);
    case MountKind::proc: return mount_proc(p, roots, target.fd);
    case MountKind::symlink:
    case MountKind::hold_link:
    case MountKind::dev: break;
  }
  return -22;
}

}  // namespace

Outcome open_old_root(Roots& roots) {
  roots.old_root = open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (roots.old_root < 0) return outcome(roots.old_root);
  return outcome(set_attributes(roots.old_root, 0, true, MS_PRIVATE));
}

Outcome clone_root(Roots& roots) {
  roots.new_root = call(SYS_open_tree, AT_FDCWD, ptr("/"), OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE);
  if (roots.new_root < 0) return outcome(roots.new_root);
  // One recursive call, however many mounts the host has.
  return outcome(set_attributes(roots.new_root, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, true, MS_PRIVATE));
}

Outcome forbid_programs(const Roots& roots) { return outcome(set_attributes(roots.new_root, MOUNT_ATTR_NOEXEC, true)); }

Outcome attach_root(const Roots& roots) {
  return outcome(call(SYS_move_mount, roots.new_root, ptr(""), AT_FDCWD, ptr("/"), MOVE_MOUNT_F_EMPTY_PATH));
}

Outcome make_masks(Roots& roots) { return outcome(fill_masks(roots), 0xffffffff); }

Outcome make_dev(const Program& p, const Roots& roots) {
  std::uint32_t index = 0;  // of the mount that it is in the plan
  while (index < p.mounts.size && p.mounts.data[index].kind != MountKind::dev) ++index;
  const Handle target(open_beneath(roots.new_root, "/dev", O_PATH | O_DIRECTORY));
  return outcome(target.fd < 0 ? target.fd : mount_dev(p, roots, target.fd), index);
}

Outcome mount_until_placeholder(const Program& p, Roots& roots) {
  for (; roots.mounted < p.mounts.size; ++roots.mounted) {
    const Mount& m = p.mounts.data[roots.mounted];
    if (m.kind == MountKind::empty_dir || m.kind == MountKind::empty_file) break;
    if (const long r = apply(p, roots, m); r < 0) return outcome(r, static_cast<std::uint32_t>(roots.mounted));
  }
  return {};
}

Outcome mount_rest(const Program& p, Roots& roots) {
  for (; roots.mounted < p.mounts.size; ++roots.mounted)
    if (const long r = apply(p, roots, p.mounts.data[roots.mounted]); r < 0) return outcome(r, static_cast<std::uint32_t>(roots.mounted));
  // A directory made for others to lie in stays writable until they do.
  std::uint32_t index = 0;
  for (const Mount& m : p.mounts) {
    if (m.kind == MountKind::sealed_dir) {
      const Handle t(open_beneath(roots.new_root, m.target, O_PATH));
      if (t.fd < 0) return outcome(t.fd, index);
      if (const long r = set_attributes(t.fd, MOUNT_ATTR_RDONLY, false); r < 0) return outcome(r, index);
    }
    ++index;
  }
  call(SYS_close, roots.masks);
  return {};
}

Outcome pivot(const Roots& roots) {
  if (const long r = call(SYS_fchdir, roots.new_root); r < 0) return outcome(r);
  // pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one.
  return outcome(call(SYS_pivot_root, ptr("."), ptr(".")));
}

Outcome detach_old_root(const Roots& roots) {
  if (const long r = call(SYS_umount2, ptr("."), MNT_DETACH); r < 0) return outcome(r);
  for (const long fd : {roots.old_root, roots.new_root}) call(SYS_close, fd);
  const Handle root(open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  return outcome(root.fd < 0 ? root.fd : call(SYS_fchdir, root.fd));
}

}  // namespace cordon::stage
