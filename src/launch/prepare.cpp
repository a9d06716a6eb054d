// SPDX-License-Identifier: Apache-2.0
#include "launch/prepare.hpp"

#include <cordon/events.hpp>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "launch/acting.hpp"
#include "launch/seccomp.hpp"

namespace cordon::launch {
namespace {

stage::Mount to_stage(const Mount& m) {
  stage::Mount s{};
  s.target = m.target.c_str();
  s.source = m.source.empty() ? s.target : m.source.c_str();
  s.mode = m.mode;
  s.make_target = m.make_target;
  s.is_dir = m.is_dir;
  s.optional = m.optional;
  s.set_attributes = m.noexec ? MOUNT_ATTR_NOEXEC : 0;
  switch (m.kind) {
    case MountKind::tmpfs: s.kind = stage::MountKind::tmpfs; break;
    case MountKind::bind_rw: s.kind = stage::MountKind::bind; break;
    case MountKind::bind_ro:
      s.kind = stage::MountKind::bind;
      s.set_attributes |= MOUNT_ATTR_RDONLY;
      break;
    case MountKind::mask_dir: s.kind = stage::MountKind::mask_dir; break;
    case MountKind::mask_file: s.kind = stage::MountKind::mask_file; break;
    case MountKind::hole_dir:
    case MountKind::skeleton: s.kind = stage::MountKind::sealed_dir; break;
    case MountKind::symlink: s.kind = stage::MountKind::symlink; break;
    case MountKind::hold_link: s.kind = stage::MountKind::hold_link; break;
    case MountKind::empty_dir: s.kind = stage::MountKind::empty_dir; break;
    case MountKind::empty_file:
      s.kind = stage::MountKind::empty_file;
      s.set_attributes |= MOUNT_ATTR_RDONLY;
      break;
    case MountKind::dev: s.kind = stage::MountKind::dev; break;
    case MountKind::proc: s.kind = stage::MountKind::proc; break;
  }
  return s;
}

}  // namespace

Result<Fd> landlock_ruleset(const Plan& plan) {
  if (plan.landlock_fs == 0) return Fd();
  struct {
    std::uint64_t fs, net, scoped;
  } attr{plan.landlock_fs, plan.landlock_net, plan.landlock_scoped};
  // Older kernels take shorter structs; trailing zeroes are not looked at by the caller of a shorter size.
  const std::size_t size = attr.scoped ? 24 : attr.net ? 16 : 8;
  Fd fd(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attr, size, 0)));
  if (!fd) return impossible("cannot make the Landlock ruleset", errno, "see `cordon doctor`");
  for (const LandlockRule& rule : plan.landlock) {
    if (rule.in_stage) continue;
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS;  // the plan's paths have none; one that appeared since would grant what it names
    const Fd at(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, rule.path.c_str(), &how, sizeof how)));
    if (!at && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
      return impossible("cannot open " + printable(rule.path) + " for its Landlock rule", errno, "free some memory");
    if (!at) continue;  // it went away, or is not ours to look at: nothing is granted
    landlock_path_beneath_attr a{};
    a.allowed_access = rule.access;
    a.parent_fd = at.get();
    if (syscall(SYS_landlock_add_rule, fd.get(), LANDLOCK_RULE_PATH_BENEATH, &a, 0) != 0)
      return impossible("cannot add the Landlock rule for " + printable(rule.path), errno, "see `cordon doctor`");
  }
  for (const std::uint16_t port : plan.landlock_connect_ports) {
    struct {
      std::uint64_t access, port;
    } a{2 /* LANDLOCK_ACCESS_NET_CONNECT_TCP */, port};
    if (syscall(SYS_landlock_add_rule, fd.get(), 2 /* LANDLOCK_RULE_NET_PORT */, &a, 0) != 0)
      return impossible("cannot add the Landlock rule for port " + std::to_string(port), errno, "see `cordon doctor`");
  }
  return fd;
}

Result<void> prepare(const Plan& plan, Prepared& p) {
  p.mounts.reserve(plan.mounts.size());
  for (const Mount& m : plan.mounts) p.mounts.push_back(to_stage(m));
  for (const Rlimit& r : plan.rlimits) p.rlimits.push_back({static_cast<std::uint32_t>(r.resource), r.value});
  for (const LandlockRule& r : plan.landlock)
    if (r.in_stage) p.rules.push_back({r.path.c_str(), r.access});
  for (const std::string& a : plan.argv) p.argv.push_back(const_cast<char*>(a.c_str()));
  for (const std::string& e : plan.environment) p.envp.push_back(const_cast<char*>(e.c_str()));
  p.argv.push_back(nullptr);
  p.envp.push_back(nullptr);
  const std::string uid = std::to_string(geteuid()), gid = std::to_string(getegid());
  p.uid_map = uid + " " + uid + " 1\n";
  p.gid_map = gid + " " + gid + " 1\n";
  auto acting = acting_ruleset(plan);
  if (!acting) return std::unexpected(acting.error());
  p.acting_ruleset = std::move(*acting);
  stage::Program& s = p.program;
  s.namespaces = plan.tier == Tier::namespaces;
  s.restrict_exec = plan.restrict_exec;
  s.proc_read_only = geteuid() == 0 && !plan.nested_namespaces;  // the id maps of a nested namespace are written there
  s.uid_map = p.uid_map.c_str();
  s.gid_map = p.gid_map.c_str();
  if (plan.pid_limit > 0) p.pid_max = std::to_string(300 + plan.pid_limit);
  s.pid_max = p.pid_max.empty() ? nullptr : p.pid_max.c_str();
  s.hostname = "cordon";
  s.tty = plan.tty.empty() ? nullptr : plan.tty.c_str();
  s.mounts = {p.mounts.data(), p.mounts.size()};
  s.rlimits = {p.rlimits.data(), p.rlimits.size()};
  s.landlock_rules = {p.rules.data(), p.rules.size()};
  s.landlock = plan.landlock_fs != 0;
  const auto filter = filter_of(plan);
  s.filter = {static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
  s.cwd = plan.cwd.c_str();
  s.executable = plan.executable.c_str();
  s.argv = p.argv.data();
  s.envp = p.envp.data();
  return {};
}

}  // namespace cordon::launch
