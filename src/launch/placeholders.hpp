// SPDX-License-Identifier: Apache-2.0
// Empty directories and files that exist on the host only while a command runs, so that something can be mounted on them.
//
//   Placeholders p;
//   p.open(plan);   // looks, changes nothing
//   p.make();       // from now on `remove_marker` of each place must be sure to happen: see janitor.hpp
//
// Several runs may share one: each holds a shared flock(2) on it, and only who gets the exclusive lock removes it.
#pragma once
#include <cordon/plan.hpp>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/fd.hpp"

namespace cordon::launch {

/// The modes by which a placeholder is known: r-xr-xr-x, or r--r--r-- of a file, and sticky. The plan takes an empty directory or
/// file of this mode for absent.
constexpr std::uint32_t kMarkerMode = 01555, kMarkerFileMode = 01444;

struct Place {
  int parent;         ///< O_PATH descriptor
  const char* name;   ///< one component
  bool file = false;  ///< else a directory
};

/// Removes the placeholder unless another run holds it, or it is none. By raw calls: it also runs where memory is shared.
void remove_marker(const Place& place);

class Placeholders {
 public:
  ~Placeholders() { remove(); }
  Placeholders() = default;
  Placeholders(const Placeholders&) = delete;
  Placeholders& operator=(const Placeholders&) = delete;
  Result<void> open(const Plan& plan);
  /// Makes what is absent, and holds all of it.
  Result<void> make();
  void remove();
  /// The locks; PID 1 has copies, for they must last as long as its namespace.
  [[nodiscard]] const std::vector<Fd>& locks() const { return locks_; }
  [[nodiscard]] const std::vector<Place>& places() const { return places_; }

 private:
  const Plan* plan_ = nullptr;
  bool made_ = false;
  std::deque<std::string> names_;
  std::map<std::string, Fd> parents_;  // most lie in one directory
  std::vector<Fd> locks_;
  std::vector<Place> places_;
};

}  // namespace cordon::launch
