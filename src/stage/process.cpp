// SPDX-License-Identifier: Apache-2.0
// Credentials, limits, session, network device, keyring: what belongs to the process and not to its mounts.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "stage/steps.hpp"

namespace cordon::stage {
using sys::call;
using sys::ptr;

namespace {
constexpr long kLastCapability = 63;

std::size_t length(const char* s) {
  std::size_t n = 0;
  while (s[n]) ++n;
  return n;
}

long write_file(const char* path, const char* text) {
  const long fd = open_at(AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fd;
  const long r = call(SYS_write, fd, ptr(text), static_cast<long>(length(text)));
  call(SYS_close, fd);
  return r;
}
}  // namespace

Outcome die_with_parent() { return outcome(call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL)); }

Outcome write_id_maps(const Program& p) {
  // user_namespaces(7): an unprivileged process may map its own ids once setgroups(2) is denied for good.
  if (const long r = write_file("/proc/self/setgroups", "deny"); r < 0) return outcome(r, 0);
  if (const long r = write_file("/proc/self/uid_map", p.uid_map); r < 0) return outcome(r, 1);
  return outcome(write_file("/proc/self/gid_map", p.gid_map), 2);
}

Outcome set_host_name(const Program& p) { return outcome(call(SYS_sethostname, ptr(p.hostname), static_cast<long>(length(p.hostname)))); }

Outcome join_new_keyring() {
  const long r = call(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);
  // ENOSYS: a kernel without keyrings has nothing to inherit. EDQUOT and the like are failures.
  return r == -38 ? Outcome{} : outcome(r);
}

Outcome set_rlimits(const Program& p, bool cores) {
  std::uint32_t index = 0;
  for (const Rlimit& l : p.rlimits) {
    const std::uint32_t of = index++;
    if ((l.resource == RLIMIT_CORE) != cores) continue;
    rlimit old{};
    long r = call(SYS_prlimit64, 0, l.resource, 0, ptr(&old));
    if (r < 0) return outcome(r, of);
    const std::uint64_t v = l.value < old.rlim_max ? l.value : old.rlim_max;  // never above what the caller may have
    const rlimit wanted{v, v};
    if (r = call(SYS_prlimit64, 0, l.resource, ptr(&wanted), 0); r < 0) return outcome(r, of);
  }
  return {};
}

Outcome drop_capabilities(const Program& p) {
  if (p.namespaces) {
    for (long cap = 0; cap <= kLastCapability; ++cap) {
      const long r = call(SYS_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
      if (r == -22) break;  // EINVAL: past the kernel's last capability
      if (r < 0) return outcome(r, static_cast<std::uint32_t>(cap));
    }
    const long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                      SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (const long r = call(SYS_prctl, PR_SET_SECUREBITS, bits, 0, 0, 0); r < 0) return outcome(r, 64);
  }
  if (const long r = call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); r < 0) return outcome(r, 65);
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  return outcome(call(SYS_capset, ptr(&head), ptr(none)), 66);
}

Outcome set_no_new_privs() { return outcome(call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }

// Checks the state, not the return codes of the steps that made it.
Outcome verify(const Program& p) {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct d[2]{};
  if (const long r = call(SYS_capget, ptr(&head), ptr(d)); r < 0) return outcome(r, 0);
  for (const auto& c : d)
    if (c.effective | c.permitted | c.inheritable) return {1, 1};
  if (call(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return {1, 2};
  if (p.namespaces) {
    // The root is our read-only clone, and /proc the one of our pid namespace, in which we are the first.
    struct statfs root{};
    constexpr long kRootFlags = 1 | 2 | 4;  // ST_RDONLY, ST_NOSUID, ST_NODEV
    if (const long r = call(SYS_statfs, ptr("/"), ptr(&root)); r < 0) return outcome(r, 5);
    if ((root.f_flags & kRootFlags) != kRootFlags) return {1, 6};
    char self[8];
    if (call(SYS_readlinkat, AT_FDCWD, ptr("/proc/self"), ptr(self), sizeof self) != 1 || self[0] != '1') return {1, 7};
    for (long cap = 0; cap <= kLastCapability; ++cap) {
      const long r = call(SYS_prctl, PR_CAPBSET_READ, cap, 0, 0, 0);
      if (r == -22) break;
      if (r != 0) return {1, 4};
    }
  }
  return {};
}

}  // namespace cordon::stage
