// SPDX-License-Identifier: Apache-2.0
// Patterns in deny rules: shell wildcards per component, '**' for any number of components.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/host_view.hpp"

namespace cordon::plan {

/// How far a pattern is looked for below its fixed directories: what a start costs does not depend on the size of a tree.
constexpr int kGlobDepth = 3, kGlobEntries = 10000;

[[nodiscard]] bool has_wildcard(std::string_view text);
/// A pattern that matches `path` alone.
[[nodiscard]] std::string literally(const std::string& path);
[[nodiscard]] std::vector<std::string> components(std::string_view path);
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view path);
/// Each path below `start` that matches; not what lies in one. False: there were more names than are looked at.
bool each_match(const std::string& start, const std::string& pattern, const std::function<std::vector<Entry>(const std::string&)>& list,
                const std::function<void(const std::string&)>& each);

}  // namespace cordon::plan
