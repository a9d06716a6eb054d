// SPDX-License-Identifier: Apache-2.0
#include "policy/net_json.hpp"

#include <cordon/events.hpp>

#include <nlohmann/json.hpp>

namespace cordon::policy {
namespace {

std::string pairs(const Rules& rules) {
  std::string list;
  for (const Rule& r : rules) list += (list.empty() ? "[" : ",[") + json_string(r.text) + "," + json_string(r.origin.text()) + "]";
  return "[" + list + "]";
}

Rules from_pairs(const nlohmann::json& list) {
  Rules rules;
  for (const auto& pair : list) rules.push_back({pair.at(0).get<std::string>(), {pair.at(1).get<std::string>(), 0, 0}, false});
  return rules;
}

const char* word(bool b) { return b ? "true" : "false"; }

}  // namespace

std::string net_to_json(const NetPolicy& net) {
  std::string route;
  for (const auto& [host, to] : net.route) route += (route.empty() ? "" : ",") + json_string(host) + ":" + json_string(to);
  return "{\"allow\":" + pairs(net.allow) + ",\"deny\":" + pairs(net.deny) + ",\"upstream\":" + json_string(net.upstream) +
         ",\"sni_check\":" + word(net.sni_check) + ",\"private_addresses\":" + word(net.private_addresses) + ",\"route\":{" + route + "}}";
}

NetPolicy net_from_json(const nlohmann::json& json) {
  NetPolicy net;
  net.mode = NetMode::filtered;
  net.allow = from_pairs(json.at("allow"));
  net.deny = from_pairs(json.at("deny"));
  json.at("upstream").get_to(net.upstream);
  json.at("sni_check").get_to(net.sni_check);
  json.at("private_addresses").get_to(net.private_addresses);
  json.at("route").get_to(net.route);
  return net;
}

}  // namespace cordon::policy
