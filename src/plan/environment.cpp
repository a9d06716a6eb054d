// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "plan/parts.hpp"
#include "policy/env_rule.hpp"

namespace cordon::plan {
std::vector<std::string> make_environment(const EnvPolicy& env, const std::vector<std::string>& caller) {
  std::map<std::string, std::string> chosen;
  for (const auto& entry : caller) {
    const auto equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) continue;
    const std::string name = entry.substr(0, equals);
    if (policy::passes(env.pass, name)) chosen.emplace(name, entry.substr(equals + 1));
  }
  for (const auto& [name, value] : env.set) chosen[name] = value;
  std::vector<std::string> result;
  for (const auto& [name, value] : chosen) result.push_back(name + "=" + value);
  return result;
}

void add_private_places(const Context& c, Plan& plan) {
  const auto offer = [&](const char* name, const std::string& value) {
    const std::string start = std::string(name) + "=";
    for (const auto& e : plan.environment)
      if (e.starts_with(start)) return;
    plan.environment.push_back(start + value);
  };
  if (strictly_within(c.facts.runtime_dir, "/run")) offer("XDG_RUNTIME_DIR", c.facts.runtime_dir);
  if (c.facts.home.empty()) return;
  struct {
    const char* directory;
    const char* variable;
    const char* value;
  } const caches[] = {
      {".cache", "XDG_CACHE_HOME", "/tmp/.cache"}, {".npm", "npm_config_cache", "/tmp/.npm"}, {".cargo", "CARGO_HOME", "/tmp/.cargo"}};
  for (const auto& cache : caches)
    if (const std::string path = join(c.facts.home, cache.directory); !c.view.exists(path) && !c.paths.may(path, Operation::write))
      offer(cache.variable, cache.value);
  std::sort(plan.environment.begin(), plan.environment.end());
}

std::string search_path(const std::vector<std::string>& environment) {
  for (const auto& entry : environment)
    if (entry.starts_with("PATH=")) return entry.substr(5);
  return "/usr/local/bin:/usr/bin:/bin";
}

}  // namespace cordon::plan
