// SPDX-License-Identifier: Apache-2.0
// Which mechanism holds which limit: a cgroup where one is delegated, the kernel's other means where not, PID 1 for the rest.
#include <sys/resource.h>

#include "plan/parts.hpp"

namespace cordon::plan {
namespace {

constexpr std::uint64_t kMostPids = 4'194'304 - 300;  // PID_MAX_LIMIT less the numbers that are not given out a second time

Result<void> limit_processes(const Context& c, Plan& plan, std::uint64_t most) {
  if (!plan.cgroup_dir.empty() && c.facts.cgroup_controllers) {
    plan.by_cgroup.processes = most;
    plan.mechanisms.push_back("processes: cgroup");
  } else if (plan.tier == Tier::namespaces && c.facts.pid_max_per_namespace && most <= kMostPids) {
    plan.pid_limit = most;
    plan.mechanisms.push_back("processes: pid_max of the pid namespace");
  } else if (c.facts.uid != 0) {
    // Since Linux 5.14 it counts in the user namespace: the sandbox's own processes alone, PID 1 among them.
    plan.rlimits.push_back({RLIMIT_NPROC, plan.tier == Tier::namespaces ? most + 1 : most, "processes"});
    plan.mechanisms.push_back("processes: RLIMIT_NPROC");
    if (plan.tier != Tier::namespaces) plan.weaker.push_back("without namespaces limits.processes counts all processes of this user");
  } else if (plan.tier == Tier::namespaces) {  // root is exempt from RLIMIT_NPROC
    plan.by_meter.processes = most;
    plan.mechanisms.push_back("processes: counted by PID 1");
    plan.weaker.push_back("limits.processes is looked at ten times a second: the sandbox is ended after it was passed");
  } else {
    return impossible("limits.processes does not hold for root without namespaces and without a cgroup", 0,
                      "run as an ordinary user, delegate a cgroup, or leave limits.processes out");
  }
  return {};
}

void limit_memory(const Context& c, Plan& plan, std::uint64_t most) {
  if (!plan.cgroup_dir.empty() && c.facts.cgroup_controllers) {
    plan.by_cgroup.memory = most;
    plan.mechanisms.push_back("memory: cgroup");
    return;
  }
  plan.rlimits.push_back({RLIMIT_DATA, most, "memory"});  // at once, for one process; RLIMIT_AS would break who reserves much
  if (plan.tier == Tier::namespaces) {
    plan.by_meter.memory = most;
    plan.mechanisms.push_back("memory: RLIMIT_DATA, and all together measured by PID 1");
    plan.weaker.push_back("memory of all processes together is measured 10 to 50 times a second and may be passed for so long; bytes in pipes" +
                          std::string(plan.net == NetMode::host ? " and sockets" : "") +
                          " and memory files that nobody maps are not seen: no cgroup with controllers is delegated");
  } else {
    plan.mechanisms.push_back("memory: RLIMIT_DATA");
    plan.weaker.push_back(
        "memory is limited for each process, not for all together, and without what the kernel keeps for it (bytes in sockets and pipes)");
  }
}

void limit_cpu(Plan& plan, std::chrono::milliseconds most) {
  // For one process. Where all together are counted this is the second line: a second later, for the kernel tells nobody why it kills.
  const std::uint64_t later = plan.tier == Tier::namespaces ? 1 : 0;
  plan.rlimits.push_back({RLIMIT_CPU, static_cast<std::uint64_t>((most.count() + 999) / 1000) + later, "cpu"});
  if (!plan.cgroup_dir.empty()) {  // cpu.stat needs no controller
    plan.by_cgroup.cpu = most;
    plan.mechanisms.push_back("cpu: cgroup");
  } else if (plan.tier == Tier::namespaces) {
    plan.by_meter.cpu = most;
    plan.mechanisms.push_back("cpu: RLIMIT_CPU, and all together measured by PID 1");
    plan.weaker.push_back(
        "the time of a process that nobody waits for and that ends within a tenth of a second is not counted in limits.cpu: no cgroup is delegated");
  } else {
    plan.mechanisms.push_back("cpu: RLIMIT_CPU");
    plan.weaker.push_back("cpu is limited for each process, not for all together");
  }
}

}  // namespace

Result<void> add_limits(const Context& c, Plan& plan) {
  const Limits& l = c.policy.limits;
  plan.limits = l;
  if (plan.tier == Tier::namespaces && (l.cpu || (c.facts.cgroup_controllers && (l.memory || l.processes)))) plan.cgroup_dir = c.facts.cgroup_dir;
  if (l.cpu) limit_cpu(plan, *l.cpu);
  if (l.memory) limit_memory(c, plan, *l.memory);
  if (l.processes)
    if (auto r = limit_processes(c, plan, *l.processes); !r) return r;
  if (l.open_files) plan.rlimits.push_back({RLIMIT_NOFILE, *l.open_files, "open_files"});
  if (l.file_size) plan.rlimits.push_back({RLIMIT_FSIZE, *l.file_size, "file_size"});
  // 1 and not 0: a program of the host's that cores are piped to gets them whatever the limit, only at 1 it is never started.
  plan.rlimits.push_back({RLIMIT_CORE, 1, "core"});
  return {};
}

}  // namespace cordon::plan
