// SPDX-License-Identifier: Apache-2.0
// A plan: the policy compiled for this host and this command. Pure data: nothing is decided after it.
//
//   HostFacts facts = read_host_facts(request).value();   // looks at the host, changes nothing
//   Plan plan = make_plan(policy, request, facts).value();  // pure
//   std::cout << render_text(plan);
#pragma once
#include <cordon/policy.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace cordon [[gnu::visibility("default")]] {

struct Request {
  std::vector<std::string> argv;
  std::string project;                   ///< as given; empty: the working directory
  bool project_explicit = false;         ///< --project was written
  std::string cwd;                       ///< empty: the caller's
  std::vector<std::string> environment;  ///< NAME=VALUE of the caller
  Rules held;                            ///< files that the caller obeys or writes, and what they are: not the command's to write
  bool probe_namespaces = false;         ///< try to make them, so that a lower tier can be chosen; costs a process of 0.1 ms
};

struct HostFacts {
  std::uint32_t uid = 0, gid = 0;
  std::string home, user;
  std::string path;                   ///< PATH of the caller
  std::string account_home;           ///< of the user database, canonical; empty where it is no directory
  std::string cwd;                    ///< canonical
  std::string project;                ///< canonical
  bool project_explicit = false;      ///< the project was named, not taken from the working directory
  bool project_writable = true;       ///< by its mode and its mount, for this user
  Rules own;                          ///< the running program, those that it starts, and Request::held, as far as they exist
  std::string runtime_dir;            ///< XDG_RUNTIME_DIR, canonical, or empty
  int landlock_abi = 0;               ///< 0: none
  std::uint32_t landlock_errata = 0;  ///< LANDLOCK_CREATE_RULESET_ERRATA
  bool seccomp_notify = true;
  bool user_namespaces = true;         ///< false once they are known to be refused
  std::string user_namespaces_why;     ///< the reason, if refused
  std::string cgroup_dir;              ///< a cgroup v2 directory in which we may make a group and put a process, or empty
  std::string cgroup_why;              ///< why there is none, or none with controllers
  bool cgroup_controllers = false;     ///< memory and pids are enabled for its children
  bool pid_max_per_namespace = false;  ///< kernel.pid_max belongs to the pid namespace (Linux 6.14)
  bool memfd_noexec = false;           ///< vm.memfd_noexec exists
  std::string tty;                     ///< the terminal among the standard streams, or empty
  struct Moved {
    std::string variable, place, path;
  };
  std::vector<Moved> moved;  ///< variables of the caller that say where something of the floor lies (`~/.gnupg`) instead
};

/// What the stage does to the mount tree, in order. Paths are absolute and canonical, of the host.
enum class MountKind : std::uint8_t {
  tmpfs,       ///< an empty private tmpfs on `target`; `mode`
  bind_rw,     ///< `source` (host) on `target`, writable
  bind_ro,     ///< `source` (host) on `target`, read-only
  mask_dir,    ///< an empty directory of mode 0, read-only
  mask_file,   ///< an empty file of mode 0, read-only
  hole_dir,    ///< a mask with holes: a read-only tmpfs of mode 0111 on `target`; the binds that follow lie in it
  skeleton,    ///< a directory of the host rebuilt name by name, without what is denied: a tmpfs that becomes read-only at the end
  symlink,     ///< in a skeleton: a link with the text `source`
  hold_link,   ///< the symlink at `target` bound on itself, so that it cannot be replaced
  empty_dir,   ///< an empty readable directory, read-only (stands for an absent write-denied path)
  empty_file,  ///< a placeholder that is a file, read-only: who reads it takes no directory in its place
  dev,         ///< the minimal /dev
  proc,        ///< a new procfs with its masks
};
struct Mount {
  MountKind kind;
  std::string target, source;
  std::uint32_t mode = 0755;
  bool noexec = false;
  bool make_target = false;  ///< create `target` (a directory, or a file where `source` is one) inside a private tmpfs first
  bool is_dir = true;
  bool optional = false;  ///< a bind whose source went away since is left out: it showed something, it protected nothing
  std::string why;        ///< the rule, for people
  bool operator==(const Mount&) const = default;
};

/// An empty directory, or file, that must exist on the host while the command runs, so that something can be mounted on it. Removed at the end.
struct Placeholder {
  std::string path;
  std::string why;
  bool file = false;
  bool operator==(const Placeholder&) const = default;
};

enum class Access : std::uint8_t { read = 1, write = 2, exec = 4, list = 8, ioctl = 16, make = 32 };
struct LandlockRule {
  std::string path;       ///< absolute
  std::uint64_t access;   ///< LANDLOCK_ACCESS_FS_* bits, already cut down to the host's ABI and the kind of file
  bool in_stage = false;  ///< the path exists only inside (private mounts): the stage adds it
  bool operator==(const LandlockRule&) const = default;
};

struct Rlimit {
  int resource;
  std::uint64_t value;
  std::string name;
  bool operator==(const Rlimit&) const = default;
};

/// What the launcher tells the egress process, and where the command finds it. Only for net `filtered`.
struct Egress {
  static constexpr std::uint16_t http_port = 3128, socks5_port = 1080;  ///< on 127.0.0.1 of the sandbox's network namespace

  bool enabled = false;
  bool required = false;               ///< net.upstream = "required": the command waits until egress has its upstream
  bool on_host = false;                ///< tier landlock: one listener on the host's 127.0.0.1, and a token; see bind_egress
  NetPolicy net;                       ///< the sockets of its routes canonical
  std::vector<std::string> upstream;   ///< NAME=VALUE of the caller's proxy variables, for net.upstream = "env"
  std::vector<std::string> variables;  ///< names in Plan::environment whose values hold {port} and {token} until bind_egress
  bool operator==(const Egress&) const = default;
};

/// A program, or a directory of them, that a rule of `exec` names.
struct ExecRule {
  std::string path;  ///< canonical
  std::string text;  ///< the rule as written, and where
  bool deny = false;
  bool operator==(const ExecRule&) const = default;
};

/// A pattern of a deny rule. What comes to match it while the command runs is told at the end, for nothing denied it.
struct Glob {
  std::string start, pattern;      ///< where to look, and what the paths found there must match
  bool read = false;               ///< of deny_read, else of deny_write
  std::string rule;                ///< as written, and where
  std::vector<std::string> known;  ///< what matched at the start
  bool operator==(const Glob&) const = default;
};

struct Plan {
  Tier tier = Tier::namespaces;
  NetMode net = NetMode::none;
  std::vector<Placeholder> placeholders;
  std::vector<Mount> mounts;
  std::uint64_t landlock_fs = 0;   ///< handled rights
  std::uint64_t landlock_net = 0;  ///< handled rights; ports follow
  std::vector<std::uint16_t> landlock_connect_ports;
  std::uint64_t landlock_scoped = 0;
  std::vector<LandlockRule> landlock;
  std::vector<Rlimit> rlimits;
  Limits limits;
  Limits by_cgroup;                  ///< what a cgroup of the run's own holds, in `cgroup_dir`
  Limits by_meter;                   ///< what PID 1 watches: wherever the kernel has no word for all processes together
  std::string cgroup_dir;            ///< empty: no cgroup is made
  std::uint64_t pid_limit = 0;       ///< most processes and threads beside PID 1, held by kernel.pid_max; 0: not so
  Egress egress;                     ///< net `filtered`
  bool restrict_exec = false;        ///< an exec allow-list is in force: memfd noexec, exec watched
  std::vector<ExecRule> exec_rules;  ///< of exec.allow and exec.deny, but for "*"
  bool nested_namespaces = false;
  bool new_session = false;  ///< no standard stream is a terminal: setsid(2)
  std::string tty;           ///< bound on /dev/console
  std::vector<std::string> environment, argv;
  std::string executable;  ///< absolute, as execve(2) gets it
  std::string cwd, project, home;
  std::vector<std::string> mechanisms;  ///< in force, for the start event
  std::vector<std::string> weaker;      ///< what this host or tier does not give, a sentence each
  std::vector<Glob> globs;              ///< of all deny rules
  std::string git_dir;                  ///< of the project, or empty; `git_absent`: it did not exist at the start
  bool git_absent = false;
  Traps traps = Traps::quarantine;      ///< what is done at the end about repositories made inside
  std::vector<std::string> trap_roots;  ///< where they are looked for: the writable directories of the host, none within another
  std::string trap_spared;              ///< the git directory whose config fs.git_config lets be written, or empty
  bool operator==(const Plan&) const = default;
};

enum class Operation { read, write, exec };
struct Verdict {
  bool allowed = false;
  std::string path;     ///< canonical
  Rule rule;            ///< the deciding one
  std::string hint;     ///< the smallest option that would allow it, or empty
  bool inside = false;  ///< the place is the sandbox's own: what the host has there is not seen
};

[[nodiscard]] Result<HostFacts> read_host_facts(const Request&);
[[nodiscard]] Result<Plan> make_plan(const Policy&, const Request&, const HostFacts&);
/// What `make_plan` grants for one path, by the same function.
[[nodiscard]] Result<Verdict> explain_path(const Policy&, const HostFacts&, const std::string& path, Operation);
/// Tier landlock: fills the listener's port and the run's token into the environment, and lets Landlock connect to that port.
void bind_egress(Plan&, std::uint16_t port, const std::string& token);
/// How egress would leave this host, for who reads a plan: the plan itself holds the policy's word and the caller's variables.
struct WayOut {
  std::string upstream;             ///< the proxy as HOST:PORT; empty: straight to the target
  std::vector<std::string> direct;  ///< hosts that go past it
  std::string warning;              ///< why a proxy that was named is not used
};
[[nodiscard]] std::string render_text(const Plan&, const std::optional<WayOut>& = {});
[[nodiscard]] std::string render_json(const Plan&, const std::optional<WayOut>& = {});

}  // namespace cordon
