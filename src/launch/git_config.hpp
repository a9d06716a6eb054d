// SPDX-License-Identifier: Apache-2.0
// A configuration file of git, as git-config(1) describes it under "Syntax": which of its settings make git execute something.
//
//   for (const Setting& s : read_git_config("[core]\n\tfsmonitor = ./x\n"))
//     if (is_trap(s)) std::cout << s.name();   // core.fsmonitor
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::launch {

struct Setting {
  std::string section;                    ///< lower case
  std::optional<std::string> subsection;  ///< as written
  std::string key;                        ///< lower case
  std::optional<std::string> value;       ///< without quotes; none: a bare key, which means true

  [[nodiscard]] std::string name() const;  ///< "remote.origin.url"
  bool operator==(const Setting&) const = default;
};

/// In the file's order. Where git would refuse the file, the rest of that line is left out and reading goes on: what another
/// reader might see is seen.
[[nodiscard]] std::vector<Setting> read_git_config(std::string_view text);

/// Git executes what the setting says, or takes more settings from elsewhere.
[[nodiscard]] bool is_trap(const Setting&);

/// A file that reads as `settings` again.
[[nodiscard]] std::string write_git_config(const std::vector<Setting>& settings);

}  // namespace cordon::launch
