// SPDX-License-Identifier: Apache-2.0
#include "launch/acting.hpp"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace cordon::launch {
namespace {
// Of linux/landlock.h; written out, for the header may be older than the kernel.
constexpr std::uint64_t kConnectTcp = 1U << 1, kAbstractSockets = 1U << 0;
constexpr int kNetPort = 2;
}  // namespace

NotifyOptions notify_options(const Plan& plan) {
  const bool own = plan.tier == Tier::namespaces && plan.net != NetMode::host;
  return {own,
          !own && (plan.landlock_scoped & kAbstractSockets) != 0,
          !own && (plan.landlock_net & kConnectTcp) != 0,
          plan.net == NetMode::filtered,
          &plan.exec_rules,
          plan.restrict_exec};
}

Result<Fd> acting_ruleset(const Plan& plan) {
  const NotifyOptions options = notify_options(plan);
  if (!options.scoped && !options.ports) return Fd();
  const struct {
    std::uint64_t fs, net, scoped;
  } attr{0, options.ports ? kConnectTcp : 0, options.scoped ? kAbstractSockets : 0};
  Fd fd(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attr, options.scoped ? 24 : 16, 0)));
  if (!fd) return impossible("cannot make PID 1's own Landlock ruleset", errno, "see `cordon doctor`");
  if (options.ports)
    for (const std::uint16_t port : plan.landlock_connect_ports) {
      const struct {
        std::uint64_t access, port;
      } rule{kConnectTcp, port};
      if (syscall(SYS_landlock_add_rule, fd.get(), kNetPort, &rule, 0) != 0)
        return impossible("cannot add PID 1's own Landlock rule for port " + std::to_string(port), errno, "see `cordon doctor`");
    }
  return fd;
}

}  // namespace cordon::launch
