// SPDX-License-Identifier: Apache-2.0
#include <cordon/policy.hpp>

#include <nlohmann/json.hpp>

#include "policy/sha256.hpp"

namespace cordon {
namespace {

using nlohmann::ordered_json;

ordered_json list(const Rules& rules, bool with_origins) {
  auto out = ordered_json::array();
  for (const Rule& r : rules) {
    if (with_origins) out.push_back({{"rule", r.text}, {"from", r.origin.text()}});
    else if (!r.floor) out.push_back(r.text);  // the floor comes back by itself
  }
  return out;
}

}  // namespace

std::string to_json(const Policy& p, bool with_origins) {
  ordered_json j;
  j["version"] = 1;
  const auto rules = [&](const Rules& r) { return list(r, with_origins); };
  const auto paths = [&](const PathRules& r) {
    return ordered_json{{"allow_write", rules(r.allow_write)},
                        {"deny_write", rules(r.deny_write)},
                        {"allow_read", rules(r.allow_read)},
                        {"deny_read", rules(r.deny_read)}};
  };
  j["fs"] = paths(p.fs);
  j["fs"]["git_config"] = p.fs.git_config;
  j["fs"]["traps"] = p.fs.traps == Traps::report ? "report" : "quarantine";
  for (const PathRules& also : p.fs.also) j["fs"]["also"].push_back(paths(also));
  static constexpr const char* modes[] = {"none", "filtered", "host"};
  j["net"] = {{"mode", modes[static_cast<int>(p.net.mode)]},
              {"allow", rules(p.net.allow)},
              {"deny", rules(p.net.deny)},
              {"listen", p.net.listen},
              {"upstream", p.net.upstream},
              {"sni_check", p.net.sni_check},
              {"private_addresses", p.net.private_addresses},
              {"route", p.net.route}};
  if (!p.net.ca_bundle.empty()) j["net"]["ca_bundle"] = p.net.ca_bundle;
  j["exec"] = {{"allow", rules(p.exec.allow)}, {"deny", rules(p.exec.deny)}, {"nested_namespaces", p.exec.nested_namespaces}};
  for (const Rules& also : p.exec.also) j["exec"]["also"].push_back(rules(also));
  auto& l = j["limits"] = ordered_json::object();
  if (p.limits.wall) l["wall"] = std::to_string(p.limits.wall->count()) + "ms";
  if (p.limits.cpu) l["cpu"] = std::to_string(p.limits.cpu->count()) + "ms";
  if (p.limits.memory) l["memory"] = *p.limits.memory;
  if (p.limits.processes) l["processes"] = *p.limits.processes;
  if (p.limits.open_files) l["open_files"] = *p.limits.open_files;
  if (p.limits.file_size) l["file_size"] = *p.limits.file_size;
  if (p.limits.output) l["output"] = *p.limits.output;
  j["env"] = {{"pass", rules(p.env.pass)}, {"set", p.env.set}};
  static constexpr const char* tiers[] = {"any", "landlock", "namespaces"};
  j["enforce"] = {{"require", tiers[static_cast<int>(p.require)]}};
  return j.dump(with_origins ? 2 : -1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string digest(const Policy& p) { return policy::sha256(to_json(p)); }

}  // namespace cordon
