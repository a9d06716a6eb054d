// SPDX-License-Identifier: Apache-2.0
#include "plan/paths.hpp"

#include <algorithm>

#include "plan/glob.hpp"

namespace cordon::plan {
namespace {

// Root's own secrets outside its home. For others the files' modes hold.
constexpr const char* kOfRoot[] = {"/etc/shadow",
                                   "/etc/shadow-",
                                   "/etc/gshadow",
                                   "/etc/gshadow-",
                                   "/etc/security/opasswd",
                                   "/etc/ssl/private",
                                   "/etc/wireguard",
                                   "/etc/krb5.keytab",
                                   "/etc/kubernetes",
                                   "/etc/NetworkManager/system-connections",
                                   "/etc/ssh/ssh_host_rsa_key",
                                   "/etc/ssh/ssh_host_ecdsa_key",
                                   "/etc/ssh/ssh_host_ed25519_key"};

}  // namespace

PathPolicy PathPolicy::make(const Policy& policy, const HostFacts& facts, const HostView& view) {
  PathPolicy p;
  p.git_config_ = policy.fs.git_config;
  p.dot_git_ = join(facts.project, ".git");
  p.git_.absent = !view.exists(p.dot_git_);
  p.rules_.reserve(policy.fs.allow_read.size() + policy.fs.deny_read.size() + policy.fs.allow_write.size() + policy.fs.deny_write.size() + 64);
  p.at_.reserve(p.rules_.capacity());
  for (const std::string& home : {facts.home, facts.account_home})
    if (!home.empty()) view.list(home);  // most of the floor's names lie there, and Landlock's rules need it anyway
  const bool holds_home = facts.project == "/" || (!facts.home.empty() && within(facts.home, facts.project));
  const auto is_project = [&](const Rule& r) {
    return !r.text.starts_with('/') && !r.text.starts_with('~') && canonical(view, absolute(r.text, facts)) == facts.project;
  };
  for (const auto& r : policy.fs.allow_read) p.add(RuleKind::allow_read, r, facts, view);
  for (const auto& r : policy.fs.deny_read) p.add(RuleKind::deny_read, r, facts, view);
  if (const Decision d = p.decide(facts.project, Operation::read); !d.allowed && d.rule) p.project_denied_ = *d.rule;
  for (const auto& r : policy.fs.allow_write) {
    if (holds_home && (facts.project == "/" || !facts.project_explicit) && is_project(r)) {
      p.note("the project " + facts.project + " holds the home directory: not writable; name what to write with --allow-write");
      continue;
    }
    if (!facts.project_writable && is_project(r)) {
      p.note("the project " + facts.project + " is not yours to write: read-only");
      continue;
    }
    p.add(RuleKind::allow_write, r, facts, view);
  }
  for (const auto& r : policy.fs.deny_write) p.add(RuleKind::deny_write, r, facts, view);
  for (const auto& r : facts.own) p.add(RuleKind::deny_write, {r.text, r.origin, true}, facts, view);
  if (facts.uid == 0)
    for (const char* secret : kOfRoot)
      for (const auto kind : {RuleKind::deny_read, RuleKind::deny_write})
        if (view.exists(secret)) p.add(kind, {secret, {"floor", 0, 0}, true}, facts, view);
  // Who sets HOME to another place has not moved the keys that lie in the account's own.
  if (!facts.account_home.empty() && facts.account_home != facts.home) {
    HostFacts account = facts;
    account.home = facts.account_home;
    for (const auto& [rules, kind] : {std::pair{&policy.fs.deny_read, RuleKind::deny_read}, {&policy.fs.deny_write, RuleKind::deny_write}})
      for (const auto& r : *rules)
        if (r.floor && r.text.starts_with("~/")) p.add(kind, r, account, view);
  }
  p.add_moved(policy, facts, view);
  p.hold_missing(view);
  if (p.may(facts.project, Operation::write)) {
    p.add_git(facts, view);
    // A policy in the project is followed by the next run.
    if (const std::string own = join(facts.project, "cordon.toml"); view.exists(own)) p.protect(own, "cordon.toml", view);
  }
  p.add_named(policy, facts, view);
  for (const PathRules& layer : policy.fs.also) {
    Policy one;
    static_cast<PathRules&>(one.fs) = layer;
    one.fs.git_config = policy.fs.git_config;
    one.net.ca_bundle = policy.net.ca_bundle;
    one.net.mode = policy.net.mode;
    one.env.pass = policy.env.pass;
    const PathPolicy& also = p.also_.emplace_back(make(one, facts, view));
    // The places where its decisions change; they are no keys of `at_`, so that only `also` decides by them.
    p.rules_.insert(p.rules_.end(), also.rules_.begin(), also.rules_.end());
    p.crossings_.insert(p.crossings_.end(), also.crossings_.begin(), also.crossings_.end());
    p.expanded_.insert(p.expanded_.end(), also.expanded_.begin(), also.expanded_.end());
    for (const auto& note : also.notes_) p.note(note);
  }
  p.conclude();
  return p;
}

void PathPolicy::note(std::string sentence) {
  if (std::find(notes_.begin(), notes_.end(), sentence) == notes_.end()) notes_.push_back(std::move(sentence));
}

void PathPolicy::add(RuleKind kind, const Rule& rule, const HostFacts& facts, const HostView& view) {
  if (rule.text.empty() || (rule.text.starts_with('~') && facts.home.empty())) return;
  const std::string text = absolute(rule.text, facts);
  // Home and project may be called what looks like a pattern (`app/[slug]`): only the rule's own words are one.
  const bool at_home = rule.text == "~" || rule.text.starts_with("~/"), at_root = rule.text.starts_with('/');
  const std::string_view words = std::string_view(rule.text).substr(at_home || at_root ? 1 : 0);
  if (is_deny(kind) && has_wildcard(words)) {
    // The fixed prefix is resolved; the rest is matched.
    std::string prefix = at_root ? "/" : at_home ? facts.home : facts.project, rest;
    for (const auto& part : components(words)) {
      if (rest.empty() && !has_wildcard(part)) prefix = join(prefix, part);
      else rest += "/" + part;
    }
    prefix = canonical(view, prefix);
    globs_.push_back({kind, prefix, (prefix == "/" ? "" : literally(prefix)) + rest, rule});
    expand(globs_.back(), view);
    if (!view.exists(text)) return;  // else it is a name as well
  }
  // The link's own place counts too.
  std::string_view spelled = text;
  while (spelled.size() > 1 && spelled.ends_with('/')) spelled.remove_suffix(1);
  const std::string_view name = spelled.substr(spelled.rfind('/') + 1);
  std::string place = name.empty() || name == "." || name == ".." ? std::string() : join(canonical_directory(view, above(spelled)), name);
  const bool link = !place.empty() && view.is_link(place);
  std::string target = place.empty() || link ? canonical(view, text) : place;
  const bool liftable = kind == RuleKind::deny_write && rule.floor && git_config_;
  const auto lifted = [&](const std::string& path) { return liftable && path == canonical(view, join(facts.project, ".git/config")); };
  // Where no repository is there is nothing of it to protect: `git init` works.
  if (rule.floor && git_.absent && within(target, dot_git_)) return;
  // The links on the way count as well, for who swaps one moves the rule; what is opened is judged once all rules are known.
  if (target != text) {
    if (!is_deny(kind)) cross(text, rule, view);
    else
      for (const std::string& met : links_on_way(view, text))
        if (met != place) put(RuleKind::deny_write, met, rule, true);  // it may be read: where it leads is no secret
  }
  const bool apart = link && place != target && !lifted(place);
  if (!lifted(target)) put(kind, std::move(target), rule);
  if (apart) put(kind, std::move(place), rule, true);
}

void PathPolicy::put(RuleKind kind, std::string path, const Rule& rule, bool link, bool file) {
  auto& here = at_[path];
  for (const auto i : here)
    if (rules_[i].kind == kind && rules_[i].link == link && rules_[i].rule.floor == rule.floor) return;  // the first origin is told
  here.push_back(static_cast<std::uint32_t>(rules_.size()));
  rules_.push_back({kind, std::move(path), rule, link, file, false, false});
}

// What is missing with its parents is held at the first missing name: a directory made there could hold the rest.
void PathPolicy::hold_missing(const HostView& view) {
  const std::size_t given = rules_.size();
  std::string first, last;  // the directory of the rule before: many lie in the same
  for (std::size_t i = 0; i < given; ++i) {
    if (!is_deny(rules_[i].kind) || above(rules_[i].path) == last) continue;
    first = last = above(rules_[i].path);
    if (view.exists(first)) continue;
    last.clear();
    while (parent_of(first) != "/" && !view.exists(parent_of(first))) first = parent_of(first);
    if (view.is_dir(parent_of(first)) && may(first, Operation::write)) put(RuleKind::deny_write, first, Rule(rules_[i].rule));
  }
}

void PathPolicy::conclude() {
  for (PathRule& r : rules_) {
    r.readable = may(r.path, Operation::read);
    r.writable = may(r.path, Operation::write);
  }
}

void PathPolicy::expand(const GlobRule& glob, const HostView& view) {
  std::vector<std::string> known;
  const bool whole = each_match(glob.start, glob.pattern, view.list, [&](const std::string& path) {
    const std::string target = canonical(view, path);
    put(glob.kind, target, glob.rule);
    if (target != path) put(glob.kind, path, glob.rule, true);
    known.push_back(path);
  });
  notes_.push_back("the pattern '" + glob.rule.text + "' holds for what matched at the start, to a depth of " + std::to_string(kGlobDepth) +
                   " and in " + std::to_string(kGlobEntries) + " names" + (whole ? "" : ", and not all of it was looked at"));
  expanded_.push_back(
      {glob.start, glob.pattern, glob.kind == RuleKind::deny_read, glob.rule.text + " (" + glob.rule.origin.text() + ")", std::move(known)});
}

Decision PathPolicy::decide(std::string_view path, Operation op, Globs globs) const {
  const bool write = op == Operation::write;
  struct Best {
    int rank = -1;
    const Rule* rule = nullptr;
    bool allow = false;
  } best;
  const Rule* floor_write = nullptr;
  // At equal length the higher rank wins: allow, floor deny of reading, an allow_read that lifts it, a user's deny.
  const auto consider = [&](RuleKind kind, const Rule& rule, bool decided) {
    if (kind == (write ? RuleKind::allow_read : RuleKind::deny_write)) {
      return;
    }
    if (kind == RuleKind::allow_write && !write) {
      if (decided) return;
      if (best.rank < 0) best = {0, &rule, true};
      return;
    }
    if (kind == RuleKind::deny_write && rule.floor && !floor_write) floor_write = &rule;
    if (decided) return;
    int rank = 0;
    if (kind == RuleKind::deny_read && rule.floor) rank = 1;
    else if (kind == RuleKind::allow_read && !rule.floor) rank = 2;
    else if (is_deny(kind)) rank = 3;
    if (rank > best.rank) best = {rank, &rule, !is_deny(kind)};
  };
  for (std::string_view p = path;;) {
    const bool decided = best.rule != nullptr;
    if (decided && !write) break;
    const auto here = at_.find(p);
    if (here != at_.end())
      for (const auto i : here->second) consider(rules_[i].kind, rules_[i].rule, decided);
    if (globs == Globs::as_written || here != at_.end())
      for (const auto& g : globs_)
        if (p != "/" && glob_matches(g.pattern, p)) consider(g.kind, g.rule, decided);
    if (p == "/") break;
    const auto slash = p.rfind('/');
    p = slash == 0 || slash == std::string_view::npos ? std::string_view("/") : p.substr(0, slash);
  }
  if (write && floor_write) return {false, floor_write};
  const Decision d{best.rule ? best.allow : !write, best.rule};
  // What may not be read may not be written; an allow_read that lifted the denial opens nothing for writing.
  if (write && d.allowed)
    if (const Decision r = decide(path, Operation::read, globs); !r.allowed) return r;
  if (d.allowed)
    for (const PathPolicy& also : also_)
      if (const Decision other = also.decide(path, op, globs); !other.allowed) return other;
  return d;
}

Verdict PathPolicy::decide_canonical(const std::string& path, Operation op) const {
  const bool write = op == Operation::write;
  const Decision d = decide(path, op);
  Verdict v{d.allowed, path, d.rule ? *d.rule : Rule{write ? "writes are denied" : "reads are allowed", {"default", 0, 0}, false}, {}};
  if (v.allowed) return v;
  if (write && v.rule.floor) {
    if (v.rule.text == ".git/config") v.hint = "fs.git_config = true";
    return v;
  }
  if (!denied_for_good(path, op)) v.hint = (write ? "--allow-write " : "--allow-read ") + path;
  return v;
}

// A user's deny of this very path, or one of a composed policy: no option beats it.
bool PathPolicy::denied_for_good(const std::string& path, Operation op) const {
  const auto holds = [&](RuleKind kind, const Rule& rule) {
    return !rule.floor && (kind == RuleKind::deny_read || (kind == RuleKind::deny_write && op == Operation::write));
  };
  if (std::ranges::any_of(also_, [&](const PathPolicy& also) { return !also.decide(path, op).allowed; })) return true;
  if (const auto here = at_.find(path);
      here != at_.end() && std::ranges::any_of(here->second, [&](auto i) { return holds(rules_[i].kind, rules_[i].rule); }))
    return true;
  return std::ranges::any_of(globs_, [&](const GlobRule& g) { return holds(g.kind, g.rule) && glob_matches(g.pattern, path); });
}

}  // namespace cordon::plan
