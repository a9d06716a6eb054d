// SPDX-License-Identifier: Apache-2.0
#include "session/run.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "launch/supervisor.hpp"
#include "plan/making.hpp"

namespace cordon::session {

Result<int> run(const Policy& policy, const Request& request, const SuperviseOptions& options, launch::Nursery& nursery, Outlet& said,
                Outlet* events) {
  if (policy.net.mode == NetMode::host) nursery.close();
  auto facts = read_host_facts(request);
  if (!facts) return std::unexpected(facts.error());
  const auto attempt = [&]() -> Result<int> {
    plan::Making making(policy, request, *facts);
    if (auto r = making.begin(); !r) return std::unexpected(r.error());
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);  // for good: one that comes when the command has ended must not become its status
    return launch::supervise(making.plan(), options, {&nursery, [&] { return making.landlock(); }, &said, events});
  };
  auto status = attempt();
  // A host may refuse user namespaces in ways that no file tells. What the policy accepts below them is tried once, and told.
  if (!status && status.error().kind == ErrorKind::impossible && facts->user_namespaces && policy.require != Tier::namespaces) {
    facts->user_namespaces = false;
    facts->user_namespaces_why = status.error().sentence();
    status = attempt();
  }
  return status;
}

Result<Policy> read_policy(int fd) {
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return impossible("cannot read the policy of the library", errno, "`cordon run --served` is for the library alone");
    if (n == 0) return parse_policy(text, "policy");
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

}  // namespace cordon::session
