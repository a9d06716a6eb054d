// SPDX-License-Identifier: Apache-2.0
// Paths as git would follow them, step by step: what a path leads to, and whether the command had a hand in where it leads.
#pragma once
#include <sys/stat.h>
#include <time.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "launch/sweep_budget.hpp"

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

/// A name in an open directory.
struct Spot {
  Fd directory;
  std::string path;  ///< of the directory
  std::string name;
  [[nodiscard]] std::string whole() const { return path + "/" + name; }
};

struct Way {
  enum class End { there, nothing, unknown };  ///< unknown: it cannot be followed, or what it means depends on who follows it
  End end = End::unknown;
  Spot place;                ///< there: no link any more
  bool fresh = false;        ///< a link on it, or a directory below a root, is not as it was
  std::optional<Spot> link;  ///< the first such link
};

/// Where `to` leads from an open directory, whose path is `from`. `roots`: where the command could rename directories below.
Way follow_path(int directory, const std::string& from, std::string_view to, const Since&, const std::vector<std::string>& roots, SweepBudget&);

/// At most `most` bytes of a regular file that is no link; FIFOs, devices and leases are not waited for.
std::optional<std::string> read_small(int directory, const char* name, std::size_t most, SweepBudget&);

/// What a file such as .git ("gitdir: ") or commondir (no prefix) says, as git takes it: all of it but for the ends of line at its end.
std::string redirection(std::string text, std::string_view prefix);

/// A directory below another, without links. The command may have taken the right to read from one of its own: it is given back.
Fd open_below(int top, const std::string& path, const Since&);

}  // namespace cordon::launch
