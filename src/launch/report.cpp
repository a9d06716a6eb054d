// SPDX-License-Identifier: Apache-2.0
#include "launch/report.hpp"

#include <cstdlib>

namespace cordon::launch {
namespace {

std::string array(const std::vector<std::string>& texts) {
  std::string s = "[";
  for (const auto& t : texts) s += (s.size() > 1 ? "," : "") + json_string(t);
  return s + "]";
}

// The number behind `key`, 0 where there is none: without a network nothing went out or came in.
std::uint64_t number_at(const std::string& json, const std::string& key) {
  const auto at = json.find(key);
  return at == std::string::npos ? 0 : std::strtoull(json.c_str() + at + key.size(), nullptr, 10);
}

}  // namespace

Event start_event(const Plan& plan, const std::string& policy_digest, pid_t pid) {
  Event e{EventKind::start, Decision::allowed, plan.executable, "", pid, plan.executable, "", {}, 0};
  e.extra = {{"tier", plan.tier == Tier::namespaces ? "\"namespaces\"" : "\"landlock\""},
             {"mechanisms", array(plan.mechanisms)},
             {"weaker", array(plan.weaker)},
             {"policy", json_string(policy_digest)}};
  return e;
}

Event limit_event(const std::string& name) {
  return {EventKind::limit, Decision::denied, name, "limits." + name, 0, "", "--limit " + name + "=...", {}, 0};
}

Event exec_denied_event(const Plan& plan) { return {EventKind::exec, Decision::denied, plan.executable, "", 0, "", "", {}, 0}; }

Event exit_event(const Plan& plan, const Usage& u, pid_t pid) {
  Event e{EventKind::exit, Decision::allowed, plan.executable, "", pid, plan.executable, "", {}, 0};
  e.extra = {{"status", std::to_string(u.status)},
             {"wall", std::to_string(u.wall)},
             {"cpu", std::to_string(u.cpu)},
             {"cpu_user", std::to_string(u.cpu_user)},
             {"cpu_system", std::to_string(u.cpu_system)},
             {"peak_memory", std::to_string(u.peak_memory)},
             {"refused", std::to_string(u.refused)},
             {"limits", std::to_string(u.limits)}};
  if (u.output) e.extra.emplace_back("output", std::to_string(*u.output));
  if (plan.net != NetMode::host) {  // there nobody counts
    e.extra.emplace_back("bytes_out", std::to_string(number_at(u.network, "\"bytes_up\":")));
    e.extra.emplace_back("bytes_in", std::to_string(number_at(u.network, "\"bytes_down\":")));
  }
  if (!u.network.empty()) e.extra.emplace_back("net", u.network);
  return e;
}

}  // namespace cordon::launch
