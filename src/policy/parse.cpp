// SPDX-License-Identifier: Apache-2.0
// From a file to a policy: its bytes, its tree, what it extends.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/fd.hpp"
#include "policy/reader.hpp"

namespace cordon {
namespace policy {

namespace {

constexpr std::size_t kMostBytes = 1 << 20, kMostExtends = 8;
constexpr const char* kPolicyFile = "policy file";

struct FileId {
  dev_t device;
  ino_t inode;
  bool operator==(const FileId&) const = default;
};
using Chain = std::vector<FileId>;  // the files that are being read, outermost first

Result<Policy> parse(std::string_view text, const std::string& name, const std::string& directory, Chain& chain);

Result<Policy> load(const std::string& path, Chain& chain) {
  const std::string shown = "the policy " + printable(path.substr(0, 4096));
  if (path.find('\0') != std::string::npos) return refused(shown + " has a NUL in its name", "name an existing file");
  // Not blocking: a FIFO is refused, not waited for.
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat s{};
  if (!fd || fstat(fd.get(), &s) != 0) return impossible("cannot read " + shown, errno, "name an existing file that you may read");
  if (!S_ISREG(s.st_mode)) return refused(shown + " is not a file", "name a TOML or JSON file");
  if (static_cast<std::size_t>(s.st_size) > kMostBytes) return refused(shown + " is larger than 1 MiB", "name a policy file");
  const FileId id{s.st_dev, s.st_ino};
  if (std::ranges::find(chain, id) != chain.end()) return refused(shown + " extends itself", "break the circle");
  if (chain.size() > kMostExtends) return refused(shown + " is more than 8 deep in what extends what", "put some of the files together");
  std::string text(kMostBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = read(fd.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return impossible("cannot read " + shown, errno, "name an existing file that you may read");
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  text.resize(size);
  const auto slash = path.rfind('/');
  chain.push_back(id);
  auto p = parse(text, path, slash == std::string::npos ? "." : path.substr(0, slash + 1), chain);
  chain.pop_back();
  // The next run obeys the file again.
  std::error_code unknown;
  const std::string place = path.starts_with('/') ? path : (std::filesystem::current_path(unknown) / path).string();
  if (p) p->fs.deny_write.push_back({place, {kPolicyFile, 0, 0}, true});
  return p;
}

Result<Policy> extended(const Value& v, const std::string& name, const std::string& directory, Chain& chain) {
  const std::string& what = std::get<std::string>(v.v);
  const bool is_file = what.find_first_of("/.") != std::string::npos;
  if (!is_file) {
    auto p = preset(what);
    if (!p) return error_at(name, v.place, "extends: " + p.error().what, p.error().remedy);
    return p;
  }
  if (what.starts_with('~')) return error_at(name, v.place, "extends does not know '~'", "write the path relative to this file, or in full");
  const std::string path = what.starts_with('/') ? what : (directory.ends_with('/') ? directory : directory + "/") + what;
  auto p = load(path, chain);
  // What is wrong in that file has its own place; that it cannot be read is this file's mistake.
  if (!p && !p.error().what.starts_with(printable(path) + ":")) {
    Error e = p.error();
    e.what = printable(name) + ":" + std::to_string(v.place.line) + ":" + std::to_string(v.place.column) + ": extends: " + e.what;
    return std::unexpected(std::move(e));
  }
  return p;
}

Result<Policy> lay_over(const Value& root, const std::string& name, const std::string& directory, Chain& chain) {
  Policy policy;
  if (const Value* base = find_extends(root); base && !std::get<std::string>(base->v).empty()) {
    auto p = extended(*base, name, directory, chain);
    if (!p) return p;
    policy = std::move(*p);
  } else {
    add_floor(policy.fs);
  }
  if (auto r = read_policy(root, name, policy); !r) return std::unexpected(r.error());
  return policy;
}

Result<Policy> parse(std::string_view text, const std::string& name, const std::string& directory, Chain& chain) {
  if (text.size() > kMostBytes) return refused("the policy " + printable(name) + " is larger than 1 MiB", "name a policy file");
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool json = name.ends_with(".json") || (first != std::string_view::npos && text[first] == '{');
  const auto tree = json ? read_json(text, name) : read_toml(text, name);
  if (!tree) return std::unexpected(tree.error());
  return lay_over(*tree, name, directory, chain);
}

}  // namespace

Result<Policy> policy_of(const Value& root, const std::string& name) {
  Chain chain;
  return lay_over(root, name, ".", chain);
}

}  // namespace policy

Result<Policy> load_policy(const std::string& path) {
  policy::Chain chain;
  return policy::load(path, chain);
}

Result<Policy> parse_policy(std::string_view text, const std::string& name, const std::string& directory) {
  policy::Chain chain;
  return policy::parse(text, name, directory, chain);
}

std::string Origin::text() const { return line == 0 ? source : source + ":" + std::to_string(line) + ":" + std::to_string(column); }

}  // namespace cordon
