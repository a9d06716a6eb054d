// SPDX-License-Identifier: Apache-2.0
// A policy: what a command may do, as pure data. Nothing here knows Linux.
//
//   Policy p = preset("safe").value();
//   add_rule(p, RuleList::deny_read, "~/private", {"my program"}).value();
//   if (auto file = load_policy("cordon.toml")) p = compose(p, *file);   // the meet: never more than either allows
//   std::cout << to_json(p) << '\n';
//
// docs/policy.md is the reference of every key.
//
// Paths in rules: absolute, "~" and "~/...", all else relative to the project ("." is the project). They are resolved when a
// plan is made, symlinks and ".." as the kernel does it: "../x" is beside the project, and what it names counts, not how it
// was spelled. '*' and '?' are for deny rules alone; '[' too has a meaning there. No rule holds a NUL, newline or other control
// character, none is longer than 4,096 bytes.
#pragma once
#include <cordon/error.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cordon [[gnu::visibility("default")]] {

/// Where a rule was written: a file with line and column, a preset, or an option.
struct Origin {
  std::string source;  ///< "cordon.toml", "preset safe", "floor", "--allow-write"
  std::uint32_t line = 0, column = 0;
  [[nodiscard]] std::string text() const;  ///< "cordon.toml:4:17"
  bool operator==(const Origin&) const = default;
};

/// A rule as the user wrote it: a path (or glob), a host pattern, a program; `floor` rules cannot be removed by composition.
struct Rule {
  std::string text;
  Origin origin;
  bool floor = false;
  bool operator==(const Rule& o) const { return text == o.text && floor == o.floor; }
};
using Rules = std::vector<Rule>;

enum class NetMode { none, filtered, host };
enum class Traps { quarantine, report };
enum class Tier { any, landlock, namespaces };  ///< as `enforce.require`: the least that is accepted; ordered

/// The longer path beats the shorter, deny beats allow at equal length; what no rule names may be read and not written.
struct PathRules {
  Rules allow_write, deny_write, allow_read, deny_read;
  bool operator==(const PathRules&) const = default;
};

struct FsPolicy : PathRules {
  /// Each of these must allow, too. Composition puts them here: which of two paths is below the other is known on the host only,
  /// so that the meet of two lists is not a list.
  std::vector<PathRules> also;
  bool git_config = false;  ///< .git/config of the project may be written
  Traps traps = Traps::quarantine;
  bool operator==(const FsPolicy&) const = default;
};

struct NetPolicy {
  NetMode mode = NetMode::none;
  Rules allow, deny;                  ///< host rules, see policy/host_rule.hpp
  std::vector<std::uint16_t> listen;  ///< ports served to the host's loopback
  std::string upstream = "env";       ///< env | none | required | [http[s]://]HOST:PORT
  bool sni_check = true;
  bool private_addresses = false;
  std::string ca_bundle;                     ///< path, empty for none
  std::map<std::string, std::string> route;  ///< host in normal form -> "unix:PATH"
  bool operator==(const NetPolicy&) const = default;
};

struct ExecPolicy {
  Rules allow, deny;               ///< paths (a directory covers what lies in it), names that PATH finds, or "*"
  std::vector<Rules> also;         ///< further lists like `allow`: each must allow, too
  bool nested_namespaces = false;  ///< the command may make user namespaces of its own
  bool operator==(const ExecPolicy&) const = default;
};

struct Limits {
  std::optional<std::chrono::milliseconds> wall, cpu;
  std::optional<std::uint64_t> memory, file_size, output;  ///< bytes
  std::optional<std::uint64_t> processes, open_files;
  bool operator==(const Limits&) const = default;
};

struct EnvPolicy {
  Rules pass;                              ///< names, NAME_* or *; only a whole name passes what looks like a secret
  std::map<std::string, std::string> set;  ///< wins over pass
  bool operator==(const EnvPolicy&) const = default;
};

struct Policy {
  FsPolicy fs;
  NetPolicy net;
  ExecPolicy exec;
  Limits limits;
  EnvPolicy env;
  Tier require = Tier::namespaces;
  bool operator==(const Policy&) const = default;
};

/// The names of the presets, in the order of `--help`.
[[nodiscard]] std::vector<std::string_view> preset_names();
/// A preset with the floor in it. Errors: unknown name (the nearest is named).
[[nodiscard]] Result<Policy> preset(std::string_view name);
/// The preset's TOML source.
[[nodiscard]] Result<std::string_view> preset_source(std::string_view name);

/// Reads TOML or JSON (told apart by `.json` or a leading `{`), at most 1 MiB. Every value is checked: an error names file, line
/// and column of the value. Unknown keys, keys written twice and a version other than 1 are errors.
///
/// `extends` names a preset, or a file (relative to this one's directory; it has a '/' or '.' in its name); at most 8 deep, no
/// circles. This file is laid over that one: lists (allow, deny, pass, listen) are appended to, but `exec.allow` replaces, even if
/// it is empty; `env.set` and `route` are merged by key; every other value replaces. So a file can take nothing from a list that
/// it extends; it can deny. Without `extends` a file stands on its own over the floor.
[[nodiscard]] Result<Policy> load_policy(const std::string& path);
/// The same for a text; `name` stands in errors and origins, `directory` is where a relative `extends` is looked for.
[[nodiscard]] Result<Policy> parse_policy(std::string_view text, const std::string& name, const std::string& directory = ".");

enum class RuleList { allow_write, deny_write, allow_read, deny_read, allow_host, deny_host, allow_exec, deny_exec, pass_env };
/// Adds one rule with the checks of the policy file; errors name the origin. An allow rule is added to the lists of `also` too,
/// so that it allows.
[[nodiscard]] Result<void> add_rule(Policy& policy, RuleList list, std::string_view text, const Origin& origin);
/// "NAME=VALUE" is set, "NAME" is passed.
[[nodiscard]] Result<void> add_environment(Policy& policy, std::string_view text, const Origin& origin);

/// The meet of two policies. For every path, host and port, program, listening port, limit and flag the result allows exactly
/// what both allow; associative (but for a variable that both ends set alike), and composing with itself changes no decision. Some values are no
/// permission but a choice, which a child must not take for its parent:
///  - `upstream`, `ca_bundle` and `route` are the parent's; a child may only make upstream "env" into "required".
///  - `env`: the child sees the parent's environment through its own rules. A variable has the value that the parent gives it, if
///    the child passes it or sets it to the same; no value of the child's own is ever set.
/// In mode "host" every host is allowed but those of `deny`, which then hold where the other policy filters.
[[nodiscard]] Policy compose(const Policy& parent, const Policy& child);

/// JSON with the keys of the policy file; parse_policy reads it back to an equal policy (the floor is left out, for it comes
/// back by itself). With origins it is for people and scripts: a rule is {"rule": TEXT, "from": "cordon.toml:4:17"}.
[[nodiscard]] std::string to_json(const Policy&, bool with_origins = false);
/// A TOML policy file; parse_policy reads it back to an equal policy. Each rule's origin is a comment behind it.
[[nodiscard]] std::string to_toml(const Policy&);
/// SHA-256 of to_json in hexadecimal: equal digests, equal policies.
[[nodiscard]] std::string digest(const Policy&);
/// JSON Schema (2020-12) of the policy file.
[[nodiscard]] std::string_view policy_schema();

/// "90s", "10m", "2h", "500ms", "90" (seconds).  "64MiB", "2GiB", "1000" (bytes).
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view);
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view);
/// One `--limit NAME=VALUE` laid on `limits`.
[[nodiscard]] Result<void> set_limit(Limits& limits, std::string_view name_value);

}  // namespace cordon
