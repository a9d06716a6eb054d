// SPDX-License-Identifier: Apache-2.0
#include "policy/meet.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "policy/env_rule.hpp"
#include "policy/host_rule.hpp"

namespace cordon::policy {
namespace {

struct Host {
  HostRule rule;
  const Rule* written;
};

// Rules by what they match, ports aside: the rules that cover a given one lie under few keys.
class Index {
 public:
  void add(const Host& h) { by_key_[key(h.rule)].push_back(h); }

  // Every rule whose host part covers that of `rule`.
  template <class F>
  void covering(const HostRule& rule, F&& each) const {
    at("*", each);
    switch (rule.kind) {
      case HostRule::Kind::any: return;
      case HostRule::Kind::name: at("=" + rule.name, each); break;
      case HostRule::Kind::below: at("." + rule.name, each); break;
      case HostRule::Kind::network:
        for (const std::uint8_t length : lengths_) {
          const HostRule wider{HostRule::Kind::network, {}, {masked(rule.network.address, length), length}, {}};
          if (within(rule.network, wider.network)) at(key(wider), each);
        }
        return;
    }
    for (auto dot = rule.name.find('.'); dot != std::string::npos; dot = rule.name.find('.', dot + 1)) at(rule.name.substr(dot), each);
  }

 private:
  std::string key(const HostRule& r) {
    if (r.kind == HostRule::Kind::network) lengths_.insert(r.network.length);
    return std::as_const(*this).key(r);
  }
  [[nodiscard]] std::string key(const HostRule& r) const {
    switch (r.kind) {
      case HostRule::Kind::any: return "*";
      case HostRule::Kind::name: return "=" + r.name;
      case HostRule::Kind::below: return "." + r.name;
      case HostRule::Kind::network: break;
    }
    std::string k = "/" + std::string(1, static_cast<char>(r.network.length));
    k.append(r.network.address.bytes.begin(), r.network.address.bytes.end());
    return k;
  }
  template <class F>
  void at(const std::string& k, F&& each) const {
    if (const auto it = by_key_.find(k); it != by_key_.end())
      for (const Host& h : it->second) each(h);
  }
  std::unordered_map<std::string, std::vector<Host>> by_key_;
  std::set<std::uint8_t> lengths_;
};

std::vector<Host> read(const Rules& rules) {
  std::vector<Host> out;
  for (const Rule& r : rules)
    if (auto h = parse_host_rule(r.text)) out.push_back({std::move(*h), &r});  // what cannot be read allows nothing
  return out;
}

}  // namespace

Rules meet_hosts(HostList a, HostList b) {
  const auto left = read(a.rules), right = read(b.rules);
  Index in_left, in_right;
  for (const Host& h : left) in_left.add(h);
  for (const Host& h : right) in_right.add(h);
  std::vector<std::pair<HostRule, Rule>> found;
  std::set<HostRule> known;
  const auto pair = [&](const Host& x, const Host& y) {
    auto m = meet(x.rule, y.rule);
    if (!m) return;
    // A network that names special addresses is kept only if both sides open them: "*" and 10.0.0.0/8 have nothing in common
    // where the former's policy leaves private addresses shut.
    if (opens_special(*m) && !((a.opens_all || opens_special(x.rule)) && (b.opens_all || opens_special(y.rule)))) return;
    if (!known.insert(*m).second) return;
    const Rule& narrower = covers_host(x.rule, y.rule) ? *y.written : *x.written;
    const Rule& written = *m == x.rule ? *x.written : *m == y.rule ? *y.written : narrower;
    const bool same = *m == x.rule || *m == y.rule;
    Rule rule{same ? written.text : m->text(), written.origin, false};
    found.emplace_back(std::move(*m), std::move(rule));
  };
  // The host parts of two rules are nested or apart: each pair is found from its narrower rule.
  for (const Host& x : left) in_right.covering(x.rule, [&](const Host& y) { pair(x, y); });
  for (const Host& y : right) in_left.covering(y.rule, [&](const Host& x) { pair(x, y); });
  Index all;
  for (const auto& [rule, written] : found) all.add({rule, nullptr});
  Rules out;
  for (auto& [rule, written] : found) {
    bool superfluous = false;
    all.covering(rule, [&](const Host& wider) {
      superfluous = superfluous || (wider.rule != rule && covers(wider.rule, rule) && (opens_special(wider.rule) || !opens_special(rule)));
    });
    if (!superfluous) out.push_back(std::move(written));
  }
  return out;
}

Rules meet_variables(const Rules& a, const Rules& b) {
  Rules out;
  std::unordered_set<std::string_view> written;
  const auto keep = [&](const Rules& narrower, const Rules& wider) {
    std::unordered_set<std::string_view> whole, prefixes;
    for (const Rule& r : wider) r.text.ends_with('*') ? prefixes.insert(std::string_view(r.text).substr(0, r.text.size() - 1)) : whole.insert(r.text);
    for (const Rule& r : narrower) {
      const std::string_view text = r.text;
      const bool pattern = text.ends_with('*');
      const std::string_view stem = pattern ? text.substr(0, text.size() - 1) : text;
      bool both = !pattern && whole.contains(text);
      if (pattern || !needs_exact_rule(text))
        for (std::size_t n = 0; n <= stem.size() && !both; ++n) both = prefixes.contains(stem.substr(0, n));
      if (both && written.insert(text).second) out.push_back(r);
    }
  };
  keep(a, b);
  keep(b, a);
  return out;
}

Rules unite(const Rules& a, const Rules& b) {
  Rules out;
  std::unordered_set<std::string_view> written;
  for (const Rules* list : {&a, &b})
    for (const Rule& r : *list)
      if (written.insert(r.text).second) out.push_back(r);
  return out;
}

}  // namespace cordon::policy
