// SPDX-License-Identifier: Apache-2.0
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "cli/cli.hpp"
#include <cordon/events.hpp>

namespace cordon::cli {
namespace {

struct Row {
  const char* name;
  bool there;
  std::string detail;
  const char* gives;
  std::string remedy;
};

bool in_container() { return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0; }

// The profile names the program that it is for, so only an installed one has one.
std::string apparmor_remedy() {
  std::error_code e;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", e);
  const auto profile = (program.parent_path().parent_path() / "share/cordon/apparmor/cordon").string();
  const bool there = std::filesystem::exists(profile, e);
  return (there ? "" : "install Cordon (./dev install PREFIX), then ") + std::string("cp ") +
         (there ? profile : "PREFIX/share/cordon/apparmor/cordon") +
         " /etc/apparmor.d/cordon && apparmor_parser -r /etc/apparmor.d/cordon; or sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
}

// What hands the controllers down to us: cgroup v2 may not have them.
std::string cgroup_remedy(const HostFacts& f) {
  bool mounted = false;
  for (const char* place : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    std::ifstream in(std::string(place) + "/cgroup.controllers");
    if (!in) continue;
    mounted = true;
    std::string controllers;
    std::getline(in, controllers);
    controllers = " " + controllers + " ";
    if (controllers.find(" memory ") == std::string::npos || controllers.find(" pids ") == std::string::npos) continue;
    if (f.uid != 0) return "systemd-run --user --scope -p Delegate=yes cordon run ...";
    return "echo '+memory +pids' > " + (f.cgroup_dir.empty() ? place : f.cgroup_dir) +
           "/cgroup.subtree_control (where systemd runs: systemd-run --scope -p Delegate=yes cordon ...)";
  }
  return mounted ? "boot with systemd.unified_cgroup_hierarchy=1 or cgroup_no_v1=memory,pids: the controllers belong to cgroup v1 here"
                 : "mount -t cgroup2 none /sys/fs/cgroup";
}

// The command that takes away what refuses user namespaces here. What the kernel says comes before what we guess of a container:
// its options do not lift a limit of the host.
std::string namespaces_remedy(const std::string& why) {
  const std::string where = in_container() ? " (on the host of this container)" : "";
  if (why.find("max_user_namespaces") != std::string::npos) return "sysctl -w user.max_user_namespaces=15000" + where;
  if (why.find("unprivileged_userns_clone") != std::string::npos) return "sysctl -w kernel.unprivileged_userns_clone=1" + where;
  if (in_container())
    return "start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined";
  if (why.find("apparmor") != std::string::npos || why.find("no capabilities") != std::string::npos) return apparmor_remedy();
  return "build the kernel with CONFIG_USER_NS, or ask who confines this process with seccomp or a security module";
}

std::string landlock_detail(const HostFacts& f) {
  if (f.landlock_abi == 0) return "";
  char errata[24] = "";
  if (f.landlock_errata) std::snprintf(errata, sizeof errata, ", errata 0x%x", f.landlock_errata);
  const int abi = f.landlock_abi;
  return "ABI " + std::to_string(abi) + errata + ": files" + (abi >= 2 ? ", renames" : "") + (abi >= 3 ? ", truncation" : "") +
         (abi >= 4 ? ", TCP ports" : "") + (abi >= 5 ? ", device ioctl" : "") + (abi >= 6 ? ", signals and abstract sockets" : "");
}

std::vector<Row> rows(const HostFacts& f) {
  const UpstreamHealth upstream = upstream_health();
  return {
      {"user namespaces", f.user_namespaces, f.user_namespaces ? "tried: mounts can be made in one" : f.user_namespaces_why,
       "the tier namespaces: mounts, processes, network, IPC and host name of its own", namespaces_remedy(f.user_namespaces_why)},
      {"landlock", f.landlock_abi > 0, landlock_detail(f), "a second wall, which holds when the host replaces what a mount hides",
       "boot with lsm=landlock,... on Linux 5.13 or newer (cat /sys/kernel/security/lsm shows the present list)"},
      {"seccomp notification", f.seccomp_notify, "", "refused calls as events; unix sockets of the host out of reach",
       "use Linux 5.5 or newer with CONFIG_SECCOMP_FILTER"},
      {"cgroup v2 delegation", f.cgroup_controllers, f.cgroup_controllers ? f.cgroup_dir : f.cgroup_why,
       "memory and processes limited by the kernel for the sandbox as a whole; without it PID 1 counts and ends what is over", cgroup_remedy(f)},
      {"vm.memfd_noexec", f.memfd_noexec, "", "exec.allow holds against programs in memory files", "use Linux 6.3 or newer"},
      {"upstream proxy", upstream.good, upstream.text, "the way out of net.mode 'filtered' where only a proxy leads out",
       "set HTTPS_PROXY to http://HOST:PORT, or unset it"},
  };
}

// One line: what `cordon run` does here without further options.
std::string verdict(const HostFacts& f) {
  if (f.landlock_abi == 0 || !f.seccomp_notify) return "nothing: cordon run does not start here";
  if (f.user_namespaces)
    return f.landlock_abi >= 6 ? "tier namespaces, complete" : "tier namespaces; signals and abstract sockets are held by the namespaces alone";
  return "tier landlock only: cordon run starts with --require landlock";
}

int doctor(bool json) {
  Request asked = request({}, {"true"});
  asked.probe_namespaces = true;
  const auto facts = read_host_facts(asked);
  if (!facts) return fail(facts.error());
  utsname kernel{};
  uname(&kernel);
  const auto all = rows(*facts);
  if (json) {
    std::string s = "{\"kernel\":" + json_string(kernel.release) + ",\"tier\":" +
                    json_string(facts->landlock_abi == 0 || !facts->seccomp_notify ? "none"
                                : facts->user_namespaces                           ? "namespaces"
                                                                                   : "landlock") +
                    ",\"verdict\":" + json_string(verdict(*facts));
    for (const Row& r : all)
      s += "," + json_string(r.name) + ":{\"available\":" + (r.there ? "true" : "false") + ",\"detail\":" + json_string(r.detail) +
           ",\"gives\":" + json_string(r.gives) + (r.there ? "" : ",\"remedy\":" + json_string(r.remedy)) + "}";
    std::printf("%s}\n", s.c_str());
    return 0;
  }
  std::printf("Linux %s\n", kernel.release);
  for (const Row& r : all) {
    std::printf("%-3s  %s%s%s\n     gives: %s\n", r.there ? "yes" : "no", r.name, r.detail.empty() ? "" : ": ", printable(r.detail).c_str(), r.gives);
    if (!r.there) std::printf("     to get it: %s\n", r.remedy.c_str());
  }
  std::printf("=> %s\n", verdict(*facts).c_str());
  return 0;
}

}  // namespace

void add_doctor(CLI::App& app, int& status) {
  auto* sub = app.add_subcommand("doctor", "what this host can enforce, what is missing and how to get it");
  auto json = std::make_shared<bool>(false);
  sub->add_flag("--json", *json, "as JSON");
  sub->callback([json, &status] { status = doctor(*json); });
}

}  // namespace cordon::cli
