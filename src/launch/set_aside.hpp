// SPDX-License-Identifier: Apache-2.0
// Setting aside: a trap stays beside its place, whole, under a name that git does not know.
#pragma once
#include <string>
#include <string_view>

namespace cordon::launch {

inline constexpr std::string_view kSetAside = ".quarantined-by-cordon";

/// Renames. No name that was laid there before keeps it from finding a free one. The new name, or nothing.
std::string set_aside(int directory, const std::string& name, int into, const std::string& as);
inline std::string set_aside(int directory, const std::string& name, const std::string& as) { return set_aside(directory, name, directory, as); }

/// Puts a clean file in place of another, which is set aside. Where that fails there is none afterwards.
std::string replace(int directory, const std::string& name, const std::string& clean);

/// A directory that is open, in its parent, whatever it is called there. The new path, or nothing.
std::string set_aside_whole(int directory, const std::string& path);

}  // namespace cordon::launch
