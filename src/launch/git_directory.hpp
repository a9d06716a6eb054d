// SPDX-License-Identifier: Apache-2.0
// One directory that git would take for a repository's own: the traps in it that were laid since a moment, and how to set them
// aside. Nothing is lost: what is set aside lies beside its place, under a name that git does not know.
#pragma once
#include <cordon/policy.hpp>
#include <sys/stat.h>
#include <time.h>

#include <functional>
#include <string>

namespace cordon::launch {

/// The change time of a file cannot be set by who changes it, so it tells what is as it was before.
class Since {
 public:
  Since() { clock_gettime(CLOCK_REALTIME_COARSE, &start_); }  // the clock that the kernel stamps files with
  [[nodiscard]] bool changed(const struct stat& s) const {
    return s.st_ctim.tv_sec != start_.tv_sec ? s.st_ctim.tv_sec > start_.tv_sec : s.st_ctim.tv_nsec >= start_.tv_nsec;
  }

 private:
  timespec start_{};
};

struct Trap {
  std::string path;
  std::string what;       ///< "core.fsmonitor", "a hook"
  std::string set_aside;  ///< where it lies now; empty: in its place
};

struct GitDirectory {
  int fd;                               ///< opened for reading
  std::string path;                     ///< absolute
  std::string top;                      ///< of the working tree, absolute: where a relative core.hooksPath begins
  bool config_is_the_commands = false;  ///< the policy lets `config` be written: it is not looked at
  /// Tells each trap, after it was set aside where `mode` says so.
  void disarm(Traps mode, const Since& since, const std::function<void(const Trap&)>& tell) const;
};

/// The first line of a small file such as .git or commondir without `prefix`; empty if that is not there, or it is no such file.
[[nodiscard]] std::string first_line(int directory, const char* name, std::string_view prefix);

}  // namespace cordon::launch
