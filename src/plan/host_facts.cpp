// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <cstdio>

#include "plan/own_programs.hpp"
#include "plan/parts.hpp"

namespace cordon {
namespace {

std::string variable(const std::vector<std::string>& environment, const std::string& name) {
  for (const auto& e : environment)
    if (e.starts_with(name + "=")) return e.substr(name.size() + 1);
  return {};
}

std::string real_path(const std::string& path) {
  char* p = ::realpath(path.c_str(), nullptr);
  std::string s = p ? p : "";
  ::free(p);
  return s;
}

// The number in a file of /proc/sys, -1 where there is none.
long sysctl(const char* path) {
  const auto text = plan::real_host().read_file(path);
  return text && !text->empty() ? ::strtol(text->c_str(), nullptr, 10) : -1;
}

// /etc/passwd is read as text: getpwuid(3) does not work in a static program.
void read_passwd(HostFacts& f) {
  const std::string text = plan::real_host().read_file("/etc/passwd").value_or("");
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    std::vector<std::string> fields(1);
    for (const char c : text.substr(at, end - at)) {
      if (c == ':') fields.emplace_back();
      else fields.back() += c;
    }
    at = end + 1;
    if (fields.size() < 7 || fields[2] != std::to_string(f.uid)) continue;
    f.user = fields[0];
    if (f.home.empty()) f.home = fields[5];
    if (fields[5].starts_with('/') && fields[5] != "/") f.account_home = fields[5];
    return;
  }
}

int try_mount(void*) { return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 ? 0 : errno; }

// AppArmor lets the namespace be made and takes its capabilities away: so a mount call is tried in it.
void probe_namespaces(HostFacts& f) {
  alignas(16) static thread_local char stack[16384];
  const int child = ::clone(try_mount, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, nullptr);
  int status = 0;
  int error = child < 0 ? errno : 0;
  if (child > 0) {
    while (::waitpid(child, &status, __WCLONE) < 0 && errno == EINTR) {}
    error = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
  }
  if (error == 0) return;
  f.user_namespaces = false;
  f.user_namespaces_why = child < 0 ? std::string("clone: ") + ::strerror(error) : std::string("no capabilities in them: ") + ::strerror(error);
}

// Files that Cordon or its caller obeys or writes.
void find_own(HostFacts& f, const Request& request) {
  const auto add = [&](std::string path, const Origin& what) {
    if (path.empty()) return;
    if (!path.starts_with('/')) path = plan::join(f.cwd, path);
    if (::access(path.c_str(), F_OK) == 0) f.own.push_back({std::move(path), what, true});
  };
  const Origin ours{"Cordon's own", 0, 0};
  add(plan::own_program(), ours);
  for (std::string& place : plan::egress_places()) add(std::move(place), ours);
  for (const Rule& r : request.held) add(r.text, r.origin);
}

std::unexpected<Error> unspeakable(const std::string& project) {
  return refused("the project '" + project + "' has a newline or a NUL byte in its path", "give the directory another name");
}

Result<HostFacts> read_facts(const Request& request) {
  HostFacts f;
  f.uid = ::getuid();
  f.gid = ::getgid();
  f.home = variable(request.environment, "HOME");
  if (!f.home.starts_with('/')) f.home.clear();
  f.path = variable(request.environment, "PATH");
  f.moved = plan::moved_places(request.environment);
  read_passwd(f);
  if (!f.home.empty()) f.home = plan::canonical(plan::real_host(), f.home);
  if (!f.account_home.empty()) f.account_home = plan::canonical(plan::real_host(), f.account_home);
  if (!plan::real_host().is_dir(f.account_home)) f.account_home.clear();
  f.cwd = real_path(request.cwd.empty() ? "." : request.cwd);
  if (f.cwd.empty())
    return refused("the working directory " + (request.cwd.empty() ? "" : "'" + request.cwd + "' ") + "cannot be found",
                   "start in a directory that exists");
  f.project_explicit = request.project_explicit;
  std::string project = request.project.empty() ? f.cwd : request.project;
  if (project.find('\0') != std::string::npos || project.find('\n') != std::string::npos) return unspeakable(project);
  if (!project.starts_with('/')) project = plan::join(f.cwd, project);
  f.project = real_path(project);
  if (f.project.empty()) {
    const int e = errno;
    return std::unexpected(Error{ErrorKind::refused, "the project '" + project + "'", "name an existing directory with --project", e, 125});
  }
  if (f.project.find('\n') != std::string::npos) return unspeakable(f.project);
  if (!plan::real_host().is_dir(f.project))
    return refused("the project '" + f.project + "' is not a directory", "name an existing directory with --project");
  if (::access(f.project.c_str(), R_OK | X_OK) != 0)
    return std::unexpected(
        Error{ErrorKind::refused, "the project '" + f.project + "' cannot be read", "choose a project that you may read", errno, 125});
  f.project_writable = ::access(f.project.c_str(), W_OK) == 0;
  find_own(f, request);
  if (const std::string dir = variable(request.environment, "XDG_RUNTIME_DIR"); dir.starts_with('/')) f.runtime_dir = real_path(dir);
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1);
  f.landlock_abi = abi > 0 ? static_cast<int>(abi) : 0;
  const long errata = abi > 0 ? ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 2) : 0;
  f.landlock_errata = errata > 0 ? static_cast<std::uint32_t>(errata) : 0;
  const std::uint32_t notify = SECCOMP_RET_USER_NOTIF;
  f.seccomp_notify = ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &notify) == 0;
  const auto refuse = [&](const char* why) {
    f.user_namespaces = false;
    f.user_namespaces_why = why;
  };
  if (sysctl("/proc/sys/user/max_user_namespaces") == 0) refuse("user.max_user_namespaces is 0");
  else if (sysctl("/proc/sys/kernel/unprivileged_userns_clone") == 0 && f.uid != 0) refuse("kernel.unprivileged_userns_clone is 0");
  else if (sysctl("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1 && f.uid != 0)
    refuse("kernel.apparmor_restrict_unprivileged_userns is 1");
  if (request.probe_namespaces && f.user_namespaces) probe_namespaces(f);
  plan::find_cgroup(f);
  struct utsname kernel{};
  int major = 0, minor = 0;
  if (::uname(&kernel) == 0 && std::sscanf(kernel.release, "%d.%d", &major, &minor) == 2)
    f.pid_max_per_namespace = (major > 6 || (major == 6 && minor >= 14)) && ::access("/proc/sys/kernel/ns_last_pid", F_OK) == 0;
  f.memfd_noexec = ::access("/proc/sys/vm/memfd_noexec", F_OK) == 0;
  f.tty = plan::terminal();
  return f;
}

}  // namespace

std::string plan::terminal() {
  char name[256];
  for (int fd = 0; fd < 3; ++fd)
    if (::isatty(fd) && ::ttyname_r(fd, name, sizeof name) == 0) return name;
  return {};
}

Result<HostFacts> read_host_facts(const Request& request) {
  return plan::answered([&] { return read_facts(request); });
}

}  // namespace cordon
