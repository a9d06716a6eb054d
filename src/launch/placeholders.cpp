// SPDX-License-Identifier: Apache-2.0
#include "launch/placeholders.hpp"

#include <cordon/events.hpp>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include <cerrno>

#include "base/sys.hpp"

namespace cordon::launch {
namespace {

using sys::call;
using sys::ptr;

// Of a millisecond each: another run may be just making or removing the same one, or the whole host be short of descriptors.
constexpr int kAttempts = 200;

bool is_marker(const Place& p, const struct stat& s) {
  return p.file ? s.st_mode == (S_IFREG | kMarkerFileMode) && s.st_size == 0 : s.st_mode == (S_IFDIR | kMarkerMode);
}

// O_NONBLOCK: what lies there may be anything by now.
long open_place(const Place& p) {
  return call(SYS_openat, p.parent, ptr(p.name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (p.file ? O_NONBLOCK | O_NOCTTY : O_DIRECTORY));
}

long make_place(const Place& p) {
  if (!p.file) return call(SYS_mkdirat, p.parent, ptr(p.name), kMarkerMode);
  const long fd = call(SYS_openat, p.parent, ptr(p.name), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMarkerFileMode);
  return fd < 0 ? fd : call(SYS_close, fd);
}

// Does the name still lead to what was opened? Known only once its lock is held.
bool still_named(const Place& p, const struct stat& opened) {
  struct stat named{};
  return call(SYS_newfstatat, p.parent, ptr(p.name), ptr(&named), AT_SYMLINK_NOFOLLOW) == 0 && named.st_dev == opened.st_dev &&
         named.st_ino == opened.st_ino;
}

// Makes the place or takes the one that is there. 0, EAGAIN while another run is at it, or an errno.
int take(const Place& p, Fd& lock) {
  // A descriptor is set aside before there is anything to open: what cannot be opened cannot be removed either.
  lock = Fd(fcntl(p.parent, F_DUPFD_CLOEXEC, 0));
  if (!lock) return errno;
  const mode_t mask = umask(0);  // born with the mode by which others know it
  const long made = make_place(p);
  umask(mask);
  if (made < 0 && made != -EEXIST) return static_cast<int>(-made);
  lock.reset();
  lock = Fd(static_cast<int>(open_place(p)));
  if (!lock) return lock.get() == -ENOENT ? EAGAIN : -lock.get();
  if (made == 0 && fchmod(lock.get(), p.file ? kMarkerFileMode : kMarkerMode) != 0) return errno;  // a default ACL may have cut the mode
  if (flock(lock.get(), LOCK_SH | LOCK_NB) != 0) return errno;
  struct stat s{};
  if (fstat(lock.get(), &s) != 0) return errno;
  if (!still_named(p, s)) return EAGAIN;
  return is_marker(p, s) ? 0 : EEXIST;
}

// True if nothing of ours is left there; false if a call failed that may succeed when it is made again.
bool try_remove(const Place& p) {
  const long fd = open_place(p);
  if (fd < 0) return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP;
  const long locked = call(SYS_flock, fd, LOCK_EX | LOCK_NB);
  bool done = locked == -EWOULDBLOCK;  // another run holds it
  if (locked == 0) {
    struct stat s{};
    done = call(SYS_newfstatat, fd, ptr(""), ptr(&s), AT_EMPTY_PATH) == 0 && !is_marker(p, s);
    if (!done && still_named(p, s)) {
      const long removed = call(SYS_unlinkat, p.parent, ptr(p.name), p.file ? 0 : AT_REMOVEDIR);
      done = removed == 0 || removed == -ENOENT || removed == -ENOTEMPTY;
    }
  }
  call(SYS_close, fd);
  return done;
}

}  // namespace

void remove_marker(const Place& p) {
  for (int n = 0; n < kAttempts && !try_remove(p); ++n) {
    const timespec millisecond{0, 1'000'000};
    call(SYS_ppoll, 0, 0, ptr(&millisecond), 0, 0);
  }
}

Result<void> Placeholders::open(const Plan& plan) {
  plan_ = &plan;
  for (const Placeholder& p : plan.placeholders) {
    const auto slash = p.path.rfind('/');
    const std::string directory = slash == 0 ? "/" : p.path.substr(0, slash);
    Fd& parent = parents_[directory];
    if (!parent) parent = Fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!parent) return impossible("cannot protect " + printable(p.path) + " (" + p.why + "): its directory", errno, "run again if it was moved");
    names_.push_back(p.path.substr(slash + 1));
    places_.push_back({parent.get(), names_.back().c_str(), p.file});
  }
  return {};
}

Result<void> Placeholders::make() {
  made_ = true;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    int error = EAGAIN;
    for (int n = 0; n < kAttempts && error == EAGAIN; ++n) {
      const timespec millisecond{0, 1'000'000};
      if (n > 0) nanosleep(&millisecond, nullptr);
      Fd lock;
      error = take(places_[i], lock);
      if (error == 0) locks_.push_back(std::move(lock));
    }
    if (error == 0) continue;
    const Placeholder& p = plan_->placeholders[i];
    return impossible("cannot protect " + printable(p.path) + " (" + p.why + ")", error,
                      error == EEXIST || error == ENOTDIR || error == ELOOP ? "it appeared just now: run again"
                                                                            : "make its directory writable for yourself, or choose --mode plan");
  }
  return {};
}

void Placeholders::remove() {
  locks_.clear();
  if (made_)
    for (const Place& p : places_) remove_marker(p);
  made_ = false;
}

}  // namespace cordon::launch
