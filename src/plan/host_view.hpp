// SPDX-License-Identifier: Apache-2.0
// The host's files as make_plan sees them, so that it can be tested without a host.
#pragma once
#include <cordon/error.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace cordon::plan {

enum class FileKind : std::uint8_t { absent, file, directory, symlink, other };
struct Entry {
  std::string name;
  FileKind kind;
};

/// Thrown where the host does not say what a path is, for want of memory and the like: taken for absent, it would lose its
/// protection. Leaves this layer as an Error.
struct HostSilent {
  std::string path;
  int error;  ///< errno(3)
};

/// What `ask` returns, or the Error of a HostSilent that it threw.
template <class Ask>
auto answered(Ask ask) -> decltype(ask()) {
  try {
    return ask();
  } catch (const HostSilent& s) {
    return impossible("cannot look at " + s.path, s.error, "try again when the host has memory and descriptors to spare");
  }
}

/// Maps and sets of paths that can be asked with a part of one.
struct PathHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};
template <class T>
using PathMap = std::unordered_map<std::string, T, PathHash, std::equal_to<>>;
using PathSet = std::unordered_set<std::string, PathHash, std::equal_to<>>;

struct HostView {
  /// Of the path itself, not of what a last symlink names. Absent, too: what cannot be looked at, and Cordon's own mark, an
  /// empty directory of mode 01555 or file of mode 01444 that holds the place of an absent path for another run.
  std::function<FileKind(const std::string&)> kind;
  std::function<std::vector<Entry>(const std::string&)> list;  ///< sorted by name
  std::function<std::optional<std::string>(const std::string&)> readlink;
  std::function<std::optional<std::string>(const std::string&)> read_file;  ///< at most 1 MiB
  std::function<bool(const std::string&)> executable;                       ///< a regular file that may be executed
  /// What `canonical` has made of a directory's spelling. Where it is null nothing is kept.
  std::shared_ptr<PathMap<std::string>> resolved = nullptr;

  [[nodiscard]] bool exists(const std::string& p) const { return kind(p) != FileKind::absent; }
  [[nodiscard]] bool is_dir(const std::string& p) const { return kind(p) == FileKind::directory; }
  [[nodiscard]] bool is_link(const std::string& p) const { return kind(p) == FileKind::symlink; }
};
[[nodiscard]] const HostView& real_host();
/// The same view, which asks for each path once, and for none of a directory that it has listed. For the time of one plan.
[[nodiscard]] HostView remembering(const HostView&);

/// The name of the terminal that one of our standard streams is; empty where none is.
[[nodiscard]] std::string terminal();

/// The symlinks that `canonical` follows, each by its canonical place.
[[nodiscard]] std::vector<std::string> links_on_way(const HostView&, const std::string& path);
/// Symlinks, '.' and '..' resolved; what does not exist is kept as it is written. `path` is absolute.
[[nodiscard]] std::string canonical(const HostView&, const std::string& path);
/// The same of a directory that many paths lie in.
[[nodiscard]] std::string canonical_directory(const HostView&, std::string_view directory);
[[nodiscard]] std::string join(std::string_view directory, std::string_view name);
/// The directory that `path` lies in, as a part of it.
[[nodiscard]] std::string_view above(std::string_view path);
[[nodiscard]] std::string parent_of(const std::string& path);
[[nodiscard]] std::string name_of(const std::string& path);
/// `path` is `tree` or lies below it.
[[nodiscard]] bool within(std::string_view path, std::string_view tree);
[[nodiscard]] bool strictly_within(std::string_view path, std::string_view tree);

}  // namespace cordon::plan
