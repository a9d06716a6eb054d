// SPDX-License-Identifier: Apache-2.0
// What one run leaves in a writable place for the next one to follow: links on the way to what the policy opens.
#include "plan/node_preload.hpp"
#include "plan/paths.hpp"

namespace cordon::plan {

std::string absolute(const std::string& text, const HostFacts& facts) {
  if (text == "~") return facts.home;
  if (text.starts_with("~/")) return join(facts.home, text.substr(2));
  if (text.starts_with('/')) return text;
  return join(facts.project, text);
}

void PathPolicy::cross(const std::string& path, const Rule& rule, const HostView& view) {
  for (std::string& link : links_on_way(view, path)) crossings_.push_back({std::move(link), rule});
}

// The key that the command has put in its place, or a link to it, is opened by no word about certificates.
void PathPolicy::show(const std::string& file, const Rule& rule, const HostView& view) {
  if (const Decision d = decide(file, Operation::read); d.allowed || !d.rule->floor) put(RuleKind::allow_read, file, rule);
  if (view.exists(file)) put(RuleKind::deny_write, file, rule);
}

void PathPolicy::add_ca_bundle(const std::string& path, const Rule& rule, const HostView& view) {
  ca_bundle_ = canonical(view, path);
  cross(path, rule, view);
  show(ca_bundle_, rule, view);
}

// What is named elsewhere than in lists of paths.
void PathPolicy::add_named(const Policy& policy, const HostFacts& facts, const HostView& view) {
  if (const auto& bundle = policy.net.ca_bundle; !bundle.empty())
    add_ca_bundle(absolute(bundle, facts), {bundle, {"net.ca_bundle", 0, 0}, false}, view);
  if (policy.net.mode != NetMode::filtered) return;
  if (const std::string preload = node_preload(view); !preload.empty()) show(preload, {preload, {"net.mode", 0, 0}, false}, view);
  for (const auto& [host, to] : policy.net.route) {
    const std::string socket = absolute(to.substr(std::string_view("unix:").size()), facts);
    cross(socket, {to, {"net.route", 0, 0}, false}, view);
    routes_[host] = "unix:" + canonical(view, socket);
  }
}

Result<void> PathPolicy::check_crossings(bool mounted) const {
  for (const Crossing& c : crossings_) {
    const std::string directory = parent_of(c.link);
    bool open = may(directory, Operation::write) && (!mounted || may(c.link, Operation::write));
    // Without mounts a denial within a writable tree is not held.
    for (std::string up = directory; !mounted && !open && up != "/"; up = parent_of(up)) open = may(up, Operation::write);
    if (open)
      return refused(
          "the link " + c.link + " lies where the command may write, so it decides what " + c.rule.origin.text() + " '" + c.rule.text + "' opens",
          "look where it leads, then name that place itself, or remove the link");
  }
  return {};
}

}  // namespace cordon::plan
