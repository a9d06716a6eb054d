// SPDX-License-Identifier: Apache-2.0
#include "egress/confine.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.hpp"
#include "base/sanitizer.hpp"

namespace cordon::egress {
namespace {

struct Call {
  int nr;
  const char* name;
};
#define CALL(n) {SYS_##n, #n}
// Each group with who needs it.
constexpr Call kPermitted[] = {
    // tunnels: accept, dial, relay
    CALL(accept),
    CALL(accept4),
    CALL(connect),
    CALL(bind),
    CALL(getsockopt),
    CALL(setsockopt),
    CALL(getsockname),
    CALL(getpeername),
    CALL(shutdown),
    CALL(splice),
    CALL(pipe2),
    CALL(recvfrom),
    CALL(sendto),
    CALL(recvmsg),
    CALL(sendmsg),
    CALL(read),
    CALL(write),
    CALL(readv),
    CALL(writev),
    CALL(close),
    CALL(fcntl),
    CALL(ioctl),
    CALL(poll),
    CALL(ppoll),
    // the loop
    CALL(epoll_ctl),
    CALL(epoll_wait),
    CALL(epoll_pwait),
    CALL(timerfd_settime),
    CALL(clock_gettime),
    CALL(gettimeofday),
    // a reload of the policy (SIGHUP): Landlock says which files
    CALL(openat),
    CALL(fstat),
    CALL(newfstatat),
    CALL(lseek),
    // libc: memory, locks, random numbers for query identifiers, signals, the end
    CALL(mmap),
    CALL(munmap),
    CALL(mremap),
    CALL(mprotect),
    CALL(madvise),
    CALL(brk),
    CALL(futex),
    CALL(getrandom),
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(rt_sigreturn),
    CALL(restart_syscall),
    CALL(sched_yield),
    CALL(getpid),
    CALL(gettid),
    CALL(tgkill),
    CALL(exit),
    CALL(exit_group),
#if defined(SYS_open)
    CALL(open),
    CALL(stat),
#endif
};

// What a sanitizer's run time needs beside, for its memory and for a report.
constexpr int kOfSanitizer[] = {
#if defined(CORDON_SANITIZED)
    SYS_sigaltstack,
    SYS_getrusage,
    SYS_prlimit64,
    SYS_readlinkat,
    SYS_prctl,
    SYS_nanosleep,
    SYS_clock_nanosleep,
#if defined(SYS_readlink)
    SYS_readlink,
#endif
#endif
    -1};

// Landlock: every right that this ABI knows is handled, so that what is not granted below is refused.
std::uint64_t filesystem_rights(int abi) {
  constexpr std::uint64_t known[] = {0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};
  return known[std::clamp(abi, 0, 5)];
}

void allow_reading(int ruleset, const std::string& path) {
  const Fd at(open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat s{};
  if (!at || fstat(at.get(), &s) != 0) return;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  if (S_ISDIR(s.st_mode)) rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
  rule.parent_fd = at.get();
  syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

Result<void> restrict_files(const std::vector<std::string>& readable) {
  const int abi = static_cast<int>(syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (abi < 1) return {};  // seccomp still refuses every call that writes a file's name; openat(2) with O_CREAT, see restrict_calls
  // From ABI 6 on, also no signal and no abstract socket beyond this process.
  struct {
    std::uint64_t fs, net, scoped;
  } attr{filesystem_rights(abi), 0, abi >= 6 ? 3ULL : 0ULL};
  const Fd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attr, abi >= 6 ? 24 : 8, 0)));
  if (!ruleset) return impossible("egress cannot make its Landlock ruleset", errno, "see `cordon doctor`");
  for (const std::string& path : readable) allow_reading(ruleset.get(), path);
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return impossible("egress cannot apply Landlock to itself", errno, "see `cordon doctor`");
  return {};
}

Result<void> restrict_calls() {
  const scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (!c) return impossible("egress cannot make its seccomp filter", ENOMEM, "free some memory");
  int r = seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree: the relay makes many calls
  const auto add = [&](std::uint32_t action, int nr, auto... args) {
    if (r == 0) r = seccomp_rule_add(c, action, nr, sizeof...(args), args...);
  };
  for (const Call& call : kPermitted) {
    if (call.nr == SYS_openat) add(SCMP_ACT_ALLOW, call.nr, SCMP_A2_32(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
#if defined(SYS_open)
    else if (call.nr == SYS_open) add(SCMP_ACT_ALLOW, call.nr, SCMP_A1_32(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
#endif
    else if (call.nr == SYS_mmap || call.nr == SYS_mprotect) add(SCMP_ACT_ALLOW, call.nr, SCMP_A2_32(SCMP_CMP_MASKED_EQ, 4 /* PROT_EXEC */, 0));
    else add(SCMP_ACT_ALLOW, call.nr);
  }
  for (const int nr : kOfSanitizer)
    if (nr >= 0) add(SCMP_ACT_ALLOW, nr);
  for (unsigned family : {AF_INET, AF_INET6, AF_UNIX}) add(SCMP_ACT_ALLOW, SYS_socket, SCMP_A0_32(SCMP_CMP_EQ, family));
  for (unsigned family = 2; family < 64 && r == 0; ++family)
    if (family != AF_INET && family != AF_INET6) add(SCMP_ACT_ERRNO(EAFNOSUPPORT), SYS_socket, SCMP_A0_32(SCMP_CMP_EQ, family));
  if (r == 0) r = seccomp_load(c);
  seccomp_release(c);
  if (r != 0) return impossible("egress cannot load its seccomp filter", -r, "see `cordon doctor`");
  return {};
}

}  // namespace

std::vector<std::string> permitted_calls() {
  std::vector<std::string> names = {"socket"};
  for (const Call& call : kPermitted) names.emplace_back(call.name);
  return names;
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

Result<void> confine(const std::vector<std::string>& readable) {
  sanitizer::give_up_the_host();
  signal(SIGPIPE, SIG_IGN);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return impossible("egress cannot give up its privileges", errno, "use Linux 5.13 or newer");
  if (auto r = restrict_files(readable); !r) return r;
  return restrict_calls();
}

}  // namespace cordon::egress
