// SPDX-License-Identifier: Apache-2.0
// Which git directories lay where before the command ran. A directory that is moved keeps what is in it as old as it was, so change
// times do not tell that it is a repository's now: that of the project's fixtures, say, that nobody ran git in.
#pragma once
#include <sys/stat.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "launch/git_path.hpp"

namespace cordon::launch {

class GitPlaces {
 public:
  GitPlaces() = default;
  /// Looks at few directories, those near the roots first: a start waits for it.
  explicit GitPlaces(const std::vector<std::string>& roots);
  /// Is the directory at `path` the one that was there? What was not noted is so if neither it nor a directory on its way changed
  /// below the roots: whoever renames a directory changes it.
  [[nodiscard]] bool kept(const std::string& path, const Since& since) const;
  /// Was it noted as a git directory, or as what has one?
  [[nodiscard]] bool noted(const std::string& path) const { return noted_.contains(path); }

 private:
  bool note(const std::string& path);
  std::map<std::string, std::pair<dev_t, ino_t>> noted_;
  std::vector<std::string> roots_;
};

}  // namespace cordon::launch
