// SPDX-License-Identifier: Apache-2.0
// Files by other names: exchanges, races, handles, memory files, masks lifted.
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>

#include "prove/probe/probe.hpp"

namespace cordon::probe {
namespace {

using Clock = std::chrono::steady_clock;

int exchange(const Args& a) {
  return syscall(SYS_renameat2, AT_FDCWD, a[0].c_str(), AT_FDCWD, a[1].c_str(), 2 /* RENAME_EXCHANGE */) < 0 ? failed("renameat2") : 0;
}

// Two names change places until the time is over, as fast as the kernel does it.
int swap(const Args& a) {
  const auto end = Clock::now() + std::chrono::milliseconds(std::atoi(a[2].c_str()));
  while (Clock::now() < end)
    if (syscall(SYS_renameat2, AT_FDCWD, a[0].c_str(), AT_FDCWD, a[1].c_str(), 2) < 0 && errno != ENOENT) return failed("renameat2");
  return 0;
}

// Writes to a path again and again until the time is over: the other half of a race with `swap`.
int hammer(const Args& a) {
  const auto end = Clock::now() + std::chrono::milliseconds(std::atoi(a[2].c_str()));
  while (Clock::now() < end) {
    const int fd = open(a[0].c_str(), O_WRONLY | O_APPEND);
    if (fd < 0) continue;
    [[maybe_unused]] const ssize_t n = write(fd, a[1].data(), a[1].size());
    close(fd);
  }
  return 0;
}

// Reads a path again and again and prints what it has in it.
int peek(const Args& a) {
  const auto end = Clock::now() + std::chrono::milliseconds(std::atoi(a[1].c_str()));
  std::string last;
  while (Clock::now() < end) {
    const int fd = open(a[0].c_str(), O_RDONLY);
    if (fd < 0) continue;
    char buffer[4096];
    const ssize_t n = read(fd, buffer, sizeof buffer);
    close(fd);
    if (n > 0 && last != std::string(buffer, static_cast<std::size_t>(n))) {
      last.assign(buffer, static_cast<std::size_t>(n));
      std::printf("%s\n", last.c_str());
    }
  }
  return 0;
}

int print_fd(int fd) {
  char buffer[4096];
  const ssize_t n = read(fd, buffer, sizeof buffer);
  if (n < 0) return failed("read");
  fwrite(buffer, 1, static_cast<std::size_t>(n), stdout);
  return 0;
}

// A handle keeps no path: no mask and no permission on the way counts.
int handle_cat(const Args& a) {
  struct {
    file_handle h;
    unsigned char bytes[128];
  } handle{};
  handle.h.handle_bytes = 128;
  int mount_id = 0;
  const int dir = open(".", O_RDONLY | O_DIRECTORY);  // any directory of the same file system
  if (name_to_handle_at(AT_FDCWD, a[0].c_str(), &handle.h, &mount_id, 0) < 0) return failed("name_to_handle_at");
  const int fd = open_by_handle_at(dir, &handle.h, O_RDONLY);
  return fd < 0 ? failed("open_by_handle_at") : print_fd(fd);
}

int memfd_run(const Args& a) {
  const int in = open(a[0].c_str(), O_RDONLY);
  if (in < 0) return failed("open");
  const int fd = static_cast<int>(syscall(SYS_memfd_create, "x", 0x10U /* MFD_EXEC */));
  if (fd < 0) return failed("memfd_create");
  char buffer[65536];
  for (ssize_t n; (n = read(in, buffer, sizeof buffer)) > 0;)
    if (write(fd, buffer, static_cast<std::size_t>(n)) < 0) return failed("write");
  std::vector<char*> args;
  for (const auto& s : a) args.push_back(const_cast<char*>(s.c_str()));
  args.push_back(nullptr);
  fexecve(fd, args.data(), environ);
  return failed("fexecve");
}

int unmount(const Args& a) { return umount2(a[0].c_str(), MNT_DETACH) < 0 ? failed("umount2") : 0; }

int remount_rw(const Args& a) {
  if (mount(nullptr, a[0].c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr) == 0) return 0;
  failed("mount");
  mount_attr m{};
  m.attr_clr = MOUNT_ATTR_RDONLY;
  return syscall(SYS_mount_setattr, AT_FDCWD, a[0].c_str(), 0, &m, sizeof m) < 0 ? failed("mount_setattr") : 0;
}

int bind_mount(const Args& a) { return mount(a[0].c_str(), a[1].c_str(), nullptr, MS_BIND | MS_REC, nullptr) < 0 ? failed("mount") : 0; }

int clone_mount(const Args& a) {
  const int tree = static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, a[0].c_str(), 1 /* OPEN_TREE_CLONE */));
  if (tree < 0) return failed("open_tree");
  const int fd = openat(tree, a[1].c_str(), O_RDONLY);
  return fd < 0 ? failed("openat") : print_fd(fd);
}

bool write_text(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY);
  const bool good = fd >= 0 && write(fd, text.data(), text.size()) >= 0;
  if (fd >= 0) close(fd);
  return good;
}

// Full capabilities in namespaces of its own, then a command: umount, mount, chroot and what else a root may do.
int nested(const Args& a) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return failed("unshare");
  write_text("/proc/self/setgroups", "deny");
  write_text("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
  write_text("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
  std::vector<char*> args;
  for (const auto& s : a) args.push_back(const_cast<char*>(s.c_str()));
  args.push_back(nullptr);
  execvp(args[0], args.data());
  return failed("execvp");
}

int nested_by_clone(const Args& a) {
  const pid_t child = static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0));
  if (child < 0) return failed("clone");
  if (child == 0) {
    usleep(100000);
    std::vector<char*> args;
    for (const auto& s : a) args.push_back(const_cast<char*>(s.c_str()));
    args.push_back(nullptr);
    execvp(args[0], args.data());
    _exit(1);
  }
  write_text(("/proc/" + std::to_string(child) + "/setgroups").c_str(), "deny");
  write_text(("/proc/" + std::to_string(child) + "/uid_map").c_str(), "0 " + std::to_string(geteuid()) + " 1");
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int map_write(const Args& a) {
  const int fd = open(a[0].c_str(), O_RDWR);
  if (fd < 0) return failed("open");
  void* p = mmap(nullptr, a[1].size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) return failed("mmap");
  std::memcpy(p, a[1].data(), a[1].size());
  return 0;
}

int reopen_fd(const Args& a) {
  const int fd = open(("/proc/self/fd/" + a[0]).c_str(), O_WRONLY | O_APPEND);
  if (fd < 0) return failed("open");
  return write(fd, a[1].data(), a[1].size()) < 0 ? failed("write") : 0;
}

// What a descriptor itself allows, whatever its path's rules say now.
int through_fd(const Args& a) {
  const int fd = std::atoi(a[0].c_str());
  if (a[1] == "chmod")
    return fchmod(fd, static_cast<mode_t>(std::strtoul(a.size() > 2 ? a[2].c_str() : "777", nullptr, 8))) < 0 ? failed("fchmod") : 0;
  if (a[1] == "truncate") return ftruncate(fd, 0) < 0 ? failed("ftruncate") : 0;
  if (a[1] == "chdir" && a.size() > 2) {
    if (fchdir(fd) < 0) return failed("fchdir");
    const int f = open(a[2].c_str(), O_RDONLY);
    return f < 0 ? failed("open") : print_fd(f);
  }
  if (a[1] == "link" && a.size() > 2)
    return linkat(AT_FDCWD, ("/proc/self/fd/" + a[0]).c_str(), AT_FDCWD, a[2].c_str(), AT_SYMLINK_FOLLOW) < 0 ? failed("linkat") : 0;
  return 2;
}

int tmpfile_link(const Args& a) {
  const int fd = open(".", O_TMPFILE | O_RDWR, 0755);
  if (fd < 0) return failed("O_TMPFILE");
  if (write(fd, a[1].data(), a[1].size()) < 0) return failed("write");
  return linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd)).c_str(), AT_FDCWD, a[0].c_str(), AT_SYMLINK_FOLLOW) < 0 ? failed("linkat") : 0;
}

int make_device(const Args& a) {
  return mknod(a[0].c_str(), S_IFCHR | 0666,
               makedev(static_cast<unsigned>(std::atoi(a[1].c_str())), static_cast<unsigned>(std::atoi(a[2].c_str())))) < 0
             ? failed("mknod")
             : 0;
}

// A file named after the call that made it with that mode.
int born(const Args& a) {
  umask(0);
  const auto mode = static_cast<mode_t>(std::strtoul(a[1].c_str(), nullptr, 8));
  long r = -1;
  if (a[0] == "open") {
    r = open("open", O_CREAT | O_WRONLY, mode);
  } else if (a[0] == "openat2") {
    struct {
      std::uint64_t flags, mode, resolve;
    } how{O_CREAT | O_WRONLY, mode, 0};
    r = syscall(SYS_openat2, AT_FDCWD, "openat2", &how, sizeof how);
  } else if (a[0] == "mknod") {
    r = mknod("mknod", S_IFREG | mode, 0);
  } else if (a[0] == "tmpfile") {
    r = open(".", O_TMPFILE | O_RDWR, mode);
    if (r >= 0) r = linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(r)).c_str(), AT_FDCWD, "tmpfile", AT_SYMLINK_FOLLOW);
  }
  return r < 0 ? failed(a[0].c_str()) : 0;
}

int chroot_cat(const Args& a) {
  if (chroot(a[0].c_str()) < 0) return failed("chroot");
  const int fd = open(a[1].c_str(), O_RDONLY);
  return fd < 0 ? failed("open") : print_fd(fd);
}

constexpr Command kCommands[] = {
    {"exchange", "A B", 2, exchange},
    {"swap", "A B MILLISECONDS", 3, swap},
    {"hammer", "FILE TEXT MILLISECONDS", 3, hammer},
    {"peek", "FILE MILLISECONDS", 2, peek},
    {"handle-cat", "FILE", 1, handle_cat},
    {"memfd-run", "PROGRAM [ARG...]", 1, memfd_run},
    {"umount", "PATH", 1, unmount},
    {"remount-rw", "PATH", 1, remount_rw},
    {"bind", "FROM TO", 2, bind_mount},
    {"clone-mount", "PATH BELOW", 2, clone_mount},
    {"nested", "COMMAND [ARG...]", 1, nested},
    {"nested-by-clone", "COMMAND [ARG...]", 1, nested_by_clone},
    {"map-write", "FILE TEXT", 2, map_write},
    {"reopen-fd", "FD TEXT", 2, reopen_fd},
    {"through-fd", "FD chmod|truncate|chdir|link [ARG]", 2, through_fd},
    {"tmpfile-link", "NAME TEXT", 2, tmpfile_link},
    {"mknod", "PATH MAJOR MINOR", 3, make_device},
    {"born", "open|openat2|mknod|tmpfile MODE", 2, born},
    {"chroot-cat", "DIR FILE", 2, chroot_cat},
};

}  // namespace

std::span<const Command> file_commands() { return kCommands; }

}  // namespace cordon::probe
