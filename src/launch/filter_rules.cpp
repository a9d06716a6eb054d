// SPDX-License-Identifier: Apache-2.0
#include "launch/filter_rules.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "launch/seccomp.hpp"

namespace cordon::launch {
namespace {

struct Call {
  int nr;
  const char* name;
  int error;
};
#define REFUSED(n) {SYS_##n, #n, EPERM}

// Rare and telling: PID 1 answers, so that each is an event.
constexpr Call kTold[] = {
    // Mounts: the mask of a secret must not be lifted, nor a new tree be made. (Landlock refuses them as well.)
    REFUSED(mount),
    REFUSED(umount2),
    REFUSED(pivot_root),
    REFUSED(chroot),
    REFUSED(open_tree),
    REFUSED(move_mount),
    REFUSED(fsopen),
    REFUSED(fsconfig),
    REFUSED(fsmount),
    REFUSED(fspick),
    REFUSED(mount_setattr),
    {467, "open_tree_attr", EPERM},
    // Keyrings are shared by uid across the boundary; KEYCTL_SESSION_TO_PARENT once dropped Landlock (CVE-2024-42318).
    REFUSED(add_key),
    REFUSED(request_key),
    REFUSED(keyctl),
    // The kernel's wide interfaces: programs in the kernel, counters of the machine, page faults held, all files watched.
    REFUSED(bpf),
    REFUSED(perf_event_open),
    REFUSED(userfaultfd),
    REFUSED(fanotify_init),
    // A file by its number, past every directory on the way; a new label of a security module.
    REFUSED(open_by_handle_at),
    {460, "lsm_set_self_attr", EPERM},
    // The machine: its kernel, clock, name, swap, quota, log, terminals.
    REFUSED(init_module),
    REFUSED(finit_module),
    REFUSED(delete_module),
    REFUSED(kexec_load),
#ifdef SYS_kexec_file_load
    REFUSED(kexec_file_load),
#endif
    REFUSED(reboot),
    REFUSED(swapon),
    REFUSED(swapoff),
    REFUSED(acct),
    REFUSED(quotactl),
    REFUSED(quotactl_fd),
    REFUSED(settimeofday),
    REFUSED(clock_settime),
    REFUSED(syslog),
    REFUSED(vhangup),
    REFUSED(nfsservctl),
#if defined(__x86_64__)
    REFUSED(iopl),
    REFUSED(ioperm),
    REFUSED(uselib),
    REFUSED(modify_ldt),
#endif
};

// Probes of ordinary programs, which fall back: the kernel answers, without an event.
constexpr Call kQuiet[] = {
    // node and libuv try io_uring at every start; its operations pass every filter by.
    {SYS_io_uring_setup, "io_uring_setup", ENOSYS},
    {SYS_io_uring_enter, "io_uring_enter", ENOSYS},
    {SYS_io_uring_register, "io_uring_register", ENOSYS},
    {457, "statmount", ENOSYS},
    {458, "listmount", ENOSYS},                                // util-linux; /proc/self/mountinfo says the same
    {SYS_name_to_handle_at, "name_to_handle_at", EOPNOTSUPP},  // systemd's tools; the handle opens nothing here
    {447, "memfd_secret", ENOSYS},                             // pages that keep the host from hibernating
    REFUSED(adjtimex),
    REFUSED(clock_adjtime),  // ntpdate -q reads with them
    REFUSED(move_pages),
    REFUSED(migrate_pages),
    {SYS_lookup_dcookie, "lookup_dcookie", ENOSYS},
};

// clone(2)'s namespace flags; CLONE_NEWTIME is only for clone3(2) and unshare(2).
constexpr std::uint64_t kNamespaceFlags[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP};
constexpr std::uint64_t kTypeMask = 0xf;  // SOCK_TYPE_MASK
constexpr std::uint64_t kMultipathTcp = 262, kSmc = 256, kL2tp = 115, kSockPacket = 10;

class Builder {
 public:
  explicit Builder(const FilterChoice& choice) : choice_(choice) {}

  std::vector<FilterRule> build() {
    for (const Call& c : kTold) rules_.push_back({c.nr, c.name, 0, {}});
    for (const Call& c : kQuiet) rules_.push_back({c.nr, c.name, c.error, {}});
    namespaces();
    terminals();
    sockets();
    sends();
    set_id();
    first_process();
    leases();
    cores();
    // Watched where there are rules to tell of; mounts and Landlock hold them.
    if (choice_.watch_exec) {
      add(SYS_execve, "execve", 0);
      add(SYS_execveat, "execveat", 0);
    }
    // The pages of a memory file belong to no process and to no file system that PID 1 could ask; programs fall back to /dev/shm.
    if (choice_.metered_memory) add(SYS_memfd_create, "memfd_create", ENOSYS);
    // Landlock lets files without a mount be executed, and only root may set vm.memfd_noexec: memory files must give execution up.
    else if (choice_.restrict_exec) add(SYS_memfd_create, "memfd_create", EACCES, {is(1, 0, 8 /* MFD_NOEXEC_SEAL */)});
    return std::move(rules_);
  }

 private:
  void add(int nr, const char* name, int error, std::vector<Match> matches = {}) { rules_.push_back({nr, name, error, std::move(matches)}); }
  static Match is(unsigned argument, std::uint64_t value, std::uint64_t mask = 0xffffffff) { return {argument, mask, value, false, false}; }

  // A nested user namespace gives capabilities, and the kernel's code behind them: only where the policy says so.
  void namespaces() {
    if (choice_.nested_namespaces) return;
    add(SYS_setns, "setns", 0);
    add(SYS_sethostname, "sethostname", 0);
    add(SYS_setdomainname, "setdomainname", 0);
    for (const std::uint64_t flag : kNamespaceFlags) {
      add(SYS_clone, "clone", 0, {is(0, flag, flag)});
      add(SYS_unshare, "unshare", 0, {is(0, flag, flag)});
    }
    add(SYS_unshare, "unshare", 0, {is(0, 0x80, 0x80)});  // CLONE_NEWTIME
    add(SYS_clone3, "clone3", ENOSYS);                    // its flags lie behind a pointer; libc falls back to clone(2)
  }

  // Typing into a terminal for another to read, line disciplines, and the mark that nobody may open it any more, which would stay
  // on the user's terminal. The kernel looks at the lower half of the command alone.
  void terminals() {
    for (const std::uint64_t request :
         {static_cast<std::uint64_t>(TIOCSTI), std::uint64_t{0x541c} /* TIOCLINUX */, static_cast<std::uint64_t>(TIOCSETD),
          static_cast<std::uint64_t>(TIOCCONS), static_cast<std::uint64_t>(TIOCEXCL)})
      add(SYS_ioctl, "ioctl", 0, {is(1, request)});
    // A terminal whose output is stopped is so for its user, too, and for what Cordon has to say.
    add(SYS_ioctl, "ioctl", 0, {is(1, TCXONC), is(2, TCOOFF)});
  }

  void sockets() {
    add(SYS_socket, "socket", EAFNOSUPPORT, {is(0, AF_NETLINK), {2, ~0ULL, NETLINK_ROUTE, true, true}});
    const bool landlock = !choice_.namespaces;
    for (const std::uint64_t family : {AF_INET, AF_INET6}) {
      if (landlock && choice_.net == NetMode::none) {
        add(SYS_socket, "socket", EACCES, {is(0, family)});
        continue;
      }
      // Landlock holds TCP ports and nothing else.
      if (landlock && choice_.net == NetMode::filtered)
        for (const std::uint64_t type : {SOCK_DGRAM, SOCK_RDM, SOCK_SEQPACKET, SOCK_DCCP})
          add(SYS_socket, "socket", EACCES, {is(0, family), is(1, type, kTypeMask)});
      for (const std::uint64_t protocol : {kMultipathTcp, std::uint64_t{IPPROTO_SCTP}, std::uint64_t{IPPROTO_DCCP}, kSmc, kL2tp})
        add(SYS_socket, "socket", EPROTONOSUPPORT, {is(0, family), is(2, protocol)});
      for (const std::uint64_t type : {std::uint64_t{SOCK_RAW}, kSockPacket})
        add(SYS_socket, "socket", EPERM, {is(0, family), is(1, type, kTypeMask)});
    }
  }

  // Calls that name a socket by an address behind a pointer are made on the command's behalf. send(2) and sendto(2) without an
  // address stay in the kernel. MSG_OOB on unix sockets has been a way into the kernel (CVE-2025-38236).
  void sends() {
    add(SYS_connect, "connect", 0);
    add(SYS_sendmsg, "sendmsg", 0);
    add(SYS_sendmmsg, "sendmmsg", 0);
    add(SYS_sendto, "sendto", 0, {{4, ~0ULL, 0, true, true}});
    add(SYS_sendto, "sendto", 0, {is(3, MSG_OOB, MSG_OOB)});
    // Without a network namespace a socket was made inside if its bind(2) was seen.
    if (!choice_.namespaces || choice_.net == NetMode::host) add(SYS_bind, "bind", 0);
    // A send that refers to the caller's pages cannot be made for it.
    add(SYS_setsockopt, "setsockopt", EOPNOTSUPP, {is(1, SOL_SOCKET), is(2, SO_ZEROCOPY)});
  }

  // No file gets the set-user-id or set-group-id bit: left in the project, a program that has it makes whoever runs it the user
  // that ran the command, and a mount's nosuid guards the inside alone. As systemd's RestrictSUIDSGID=, and like there
  // openat2(2), whose mode lies behind a pointer, does not exist: programs fall back to openat(2).
  void set_id() {
    add(SYS_openat2, "openat2", ENOSYS);
    for (const std::uint64_t bit : {S_ISUID, S_ISGID}) {
      add(SYS_fchmod, "fchmod", EPERM, {is(1, bit, bit)});
      add(SYS_fchmodat, "fchmodat", EPERM, {is(2, bit, bit)});
      add(452, "fchmodat2", EPERM, {is(2, bit, bit)});
      add(SYS_mknodat, "mknodat", EPERM, {is(2, bit, bit)});
#if defined(__x86_64__)
      add(SYS_chmod, "chmod", EPERM, {is(1, bit, bit)});
      add(SYS_creat, "creat", EPERM, {is(1, bit, bit)});
      add(SYS_mknod, "mknod", EPERM, {is(1, bit, bit)});
#endif
      // Only where the flags make a file is the mode more than what a register happened to hold.
      for (const std::uint64_t flag : {std::uint64_t{O_CREAT}, std::uint64_t{O_TMPFILE & ~O_DIRECTORY}}) {
        add(SYS_openat, "openat", EPERM, {is(2, flag, flag), is(3, bit, bit)});
#if defined(__x86_64__)
        add(SYS_open, "open", EPERM, {is(1, flag, flag), is(2, bit, bit)});
#endif
      }
    }
  }

  // PID 1 measures what the command uses and has its user: without descriptors, or never scheduled, it would measure nothing. By a
  // user or by a process group, which the command has in common with PID 1 and with those who started Cordon, it is reached as well.
  void first_process() {
    add(SYS_prlimit64, "prlimit64", EPERM, {is(0, 1), {2, ~0ULL, 0, true, true}});
    add(SYS_setpriority, "setpriority", EPERM, {is(0, PRIO_PROCESS), is(1, 1)});
    for (const std::uint64_t which : {PRIO_PGRP, PRIO_USER}) add(SYS_setpriority, "setpriority", EPERM, {is(0, which)});
    add(SYS_ioprio_set, "ioprio_set", EPERM, {is(0, 1 /* IOPRIO_WHO_PROCESS */), is(1, 1)});
    for (const std::uint64_t which : {2 /* IOPRIO_WHO_PGRP */, 3 /* IOPRIO_WHO_USER */}) add(SYS_ioprio_set, "ioprio_set", EPERM, {is(0, which)});
    add(SYS_sched_setscheduler, "sched_setscheduler", EPERM, {is(0, 1)});
    add(SYS_sched_setparam, "sched_setparam", EPERM, {is(0, 1)});
    add(SYS_sched_setattr, "sched_setattr", EPERM, {is(0, 1)});
    add(SYS_sched_setaffinity, "sched_setaffinity", EPERM, {is(0, 1)});
  }

  // A lease holds up whoever opens the file, PID 1 and programs of the host too, until its holder lets go or a minute is over.
  void leases() {
    for (const std::uint64_t command : {F_SETLEASE, 1040 /* F_SETDELEG */}) add(SYS_fcntl, "fcntl", EPERM, {is(1, command)});
  }

  // The limit of cores is 1, at which the kernel gives none to the program of the host's that core_pattern(5) may name; at 0 it does.
  // Programs that keep secrets end if they cannot set it.
  void cores() {
    add(SYS_setrlimit, "setrlimit", kPretended, {is(0, RLIMIT_CORE)});
    add(SYS_prlimit64, "prlimit64", kPretended, {is(1, RLIMIT_CORE), {2, ~0ULL, 0, true, true}, {3, ~0ULL, 0, false, true}});
    add(SYS_prlimit64, "prlimit64", EPERM, {is(1, RLIMIT_CORE), {2, ~0ULL, 0, true, true}, {3, ~0ULL, 0, true, true}});
  }

  const FilterChoice& choice_;
  std::vector<FilterRule> rules_;
};

}  // namespace

Refusal refusal(int nr) {
  for (const Call& c : kTold)
    if (c.nr == nr) return {c.name, c.error};
  // Told only for the arguments that are refused.
  constexpr const char* kNested = "exec.nested_namespaces = true";
  if (nr == SYS_clone) return {"clone", EPERM, kNested};
  if (nr == SYS_unshare) return {"unshare", EPERM, kNested};
  if (nr == SYS_ioctl) return {"ioctl", EPERM};
  if (nr == SYS_setns) return {"setns", EPERM};
  if (nr == SYS_sethostname) return {"sethostname", EPERM};
  if (nr == SYS_setdomainname) return {"setdomainname", EPERM};
  return {nullptr, 0};
}

std::vector<FilterRule> filter_rules(const FilterChoice& choice) { return Builder(choice).build(); }

std::string render(const std::vector<FilterRule>& rules) {
  std::string text = "ENOSYS every call above " + std::to_string(kLastReviewed) + ", of x32, of another architecture\n";
  char line[96];
  std::snprintf(line, sizeof line, "EPERM personality a0 has a bit not of 0x%x and is not 0xffffffff\n", kPersonality);
  text += line;
  text += "EAFNOSUPPORT socket a0 is none of";
  for (const std::uint32_t family : kFamilies) text += " " + std::to_string(family);
  text += '\n';
  for (const FilterRule& r : rules) {
    text += std::string(r.error == 0 ? "notify" : r.error == kPretended ? "pretend" : strerrorname_np(r.error)) + " " + r.name;
    for (const Match& m : r.matches) {
      std::snprintf(line, sizeof line, " a%u&0x%llx%s0x%llx", m.argument, static_cast<unsigned long long>(m.mask),
                    m.differs ? "!=" : "==", static_cast<unsigned long long>(m.value));
      text += line;
    }
    text += '\n';
  }
  return text;
}

}  // namespace cordon::launch
