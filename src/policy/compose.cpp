// SPDX-License-Identifier: Apache-2.0
// The meet of two policies, field by field. Where the meet of two lists is no list (paths and programs, whose names mean
// something on a host only), both are kept, and a decision asks both.
#include <algorithm>

#include "policy/env_rule.hpp"
#include "policy/meet.hpp"

namespace cordon {
namespace {

using namespace policy;

FsPolicy meet(const FsPolicy& a, const FsPolicy& b) {
  FsPolicy m = a;
  const auto add = [&](const PathRules& layer) {
    if (layer != static_cast<const PathRules&>(m) && std::ranges::find(m.also, layer) == m.also.end()) m.also.push_back(layer);
  };
  add(b);
  for (const PathRules& layer : b.also) add(layer);
  m.git_config = a.git_config && b.git_config;
  m.traps = a.traps == Traps::report && b.traps == Traps::report ? Traps::report : Traps::quarantine;
  return m;
}

bool everything(const Rules& rules) {
  return std::ranges::any_of(rules, [](const Rule& r) { return r.text == "*"; });
}

ExecPolicy meet(const ExecPolicy& a, const ExecPolicy& b) {
  std::vector<Rules> lists;
  for (const ExecPolicy* e : {&a, &b}) {
    std::vector<const Rules*> all{&e->allow};
    for (const Rules& r : e->also) all.push_back(&r);
    for (const Rules* r : all)
      if (!everything(*r) && std::ranges::find(lists, *r) == lists.end()) lists.push_back(*r);
  }
  ExecPolicy m;
  if (lists.empty()) lists.push_back(a.allow);
  m.allow = std::move(lists.front());
  m.also.assign(std::make_move_iterator(lists.begin() + 1), std::make_move_iterator(lists.end()));
  m.deny = unite(a.deny, b.deny);
  m.nested_namespaces = a.nested_namespaces && b.nested_namespaces;
  return m;
}

NetPolicy meet(const NetPolicy& a, const NetPolicy& b) {
  NetPolicy m;
  m.mode = std::min(a.mode, b.mode);
  // Mode "host" is every host and port, private ones too.
  static const Rules every{{"*:*", {"net.mode = \"host\"", 0, 0}, false}};
  const auto list = [](const NetPolicy& n) { return n.mode == NetMode::host ? HostList{every, true} : HostList{n.allow, n.private_addresses}; };
  if (m.mode != NetMode::host) m.allow = meet_hosts(list(a), list(b));
  m.deny = unite(a.deny, b.deny);
  std::ranges::copy_if(a.listen, std::back_inserter(m.listen), [&](auto port) { return std::ranges::find(b.listen, port) != b.listen.end(); });
  const auto open = [](const NetPolicy& n) { return n.private_addresses || n.mode == NetMode::host; };
  m.private_addresses = m.mode == NetMode::host ? a.private_addresses && b.private_addresses : open(a) && open(b);
  m.sni_check = a.sni_check || b.sni_check;
  m.upstream = a.upstream == "env" && b.upstream == "required" ? b.upstream : a.upstream;
  m.ca_bundle = a.ca_bundle;
  m.route = a.route;
  return m;
}

EnvPolicy meet(const EnvPolicy& parent, const EnvPolicy& child) {
  EnvPolicy m;
  m.pass = meet_variables(parent.pass, child.pass);
  for (const auto& [name, value] : parent.set) {
    const auto own = child.set.find(name);
    if ((own != child.set.end() && own->second == value) || passes(child.pass, name)) m.set.emplace(name, value);
  }
  return m;
}

template <class T>
std::optional<T> least(const std::optional<T>& a, const std::optional<T>& b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

Limits meet(const Limits& a, const Limits& b) {
  return {least(a.wall, b.wall),
          least(a.cpu, b.cpu),
          least(a.memory, b.memory),
          least(a.file_size, b.file_size),
          least(a.output, b.output),
          least(a.processes, b.processes),
          least(a.open_files, b.open_files)};
}

}  // namespace

Policy compose(const Policy& parent, const Policy& child) {
  return {meet(parent.fs, child.fs),         meet(parent.net, child.net), meet(parent.exec, child.exec),
          meet(parent.limits, child.limits), meet(parent.env, child.env), std::max(parent.require, child.require)};
}

}  // namespace cordon
