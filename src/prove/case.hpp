// SPDX-License-Identifier: Apache-2.0
// An attack as data: one small text file.
//
//   # a secret read through /proc/self/root
//   # source: where the trick is known from
//   # contained: what the host must not see
//   # needs: git userns                       programs, or: root, user, x86_64, and what `cordon-probe can` knows
//   # options: --net host                     more options of `cordon run`
//   # landlock: weaker because ...            the landlock tier does not promise this
//   # weaker: because ...                     no tier does
//   == setup       on the host, in an empty project with an empty HOME, before the attack
//   == launch      how the attack is started: "$@" with other descriptors, streams or variables
//   == attack      run by /bin/sh, once without a sandbox (the control, which must escape) and once in one
//   == host        what the host does meanwhile
//   == escaped     on the host, afterwards: status 0 when the attack got through
//
// All run under `sh -u`. Host scripts see HOME, PROJECT, PROBE, CANARY (a random text), HOST (a directory that the attack
// cannot reach; $HOST/output is what the attack printed). The attack sees HOME, PROJECT, PROBE and HOST, never CANARY.
#pragma once
#include <cordon/error.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::prove {

struct Case {
  std::string group, name;  ///< the directory and the file's name: secrets/proc-self-root
  std::string title, source, contained, landlock, weaker;
  std::vector<std::string> needs, options;
  std::string setup, launch = "\"$@\"", attack, host, escaped;
};

/// Errors name the line. `group` and `name` are not set.
[[nodiscard]] Result<Case> parse_case(std::string_view text);

/// All files of all directories in `where`, sorted by group and name.
[[nodiscard]] Result<std::vector<Case>> load_cases(const std::filesystem::path& where);

}  // namespace cordon::prove
