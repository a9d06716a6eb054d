// SPDX-License-Identifier: Apache-2.0
// Plans for a host that nobody has at hand, whole and in words: a change of a plan is seen in review.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "plan/node_preload.hpp"
#include "plan/parts.hpp"

namespace cordon::plan {
namespace {

// A host of these paths alone. A trailing '/' makes a directory, "a -> b" a link.
HostView made_up(std::initializer_list<std::string> lines) {
  std::map<std::string, std::pair<FileKind, std::string>> tree{{"/", {FileKind::directory, ""}}};
  for (std::string line : lines) {
    const auto arrow = line.find(" -> ");
    const bool dir = line.ends_with('/');
    const std::string path = arrow != std::string::npos ? line.substr(0, arrow) : dir ? line.substr(0, line.size() - 1) : line;
    tree[path] = {arrow != std::string::npos ? FileKind::symlink
                  : dir                      ? FileKind::directory
                                             : FileKind::file,
                  arrow != std::string::npos ? line.substr(arrow + 4) : ""};
    for (std::string up = parent_of(path); up != "/"; up = parent_of(up)) tree.try_emplace(up, FileKind::directory, "");
  }
  HostView v;
  v.kind = [tree](const std::string& p) {
    const auto at = tree.find(p);
    return at == tree.end() ? FileKind::absent : at->second.first;
  };
  v.list = [tree](const std::string& p) {
    std::vector<Entry> entries;
    for (const auto& [path, what] : tree)
      if (path != "/" && parent_of(path) == p) entries.push_back({name_of(path), what.first});
    return entries;
  };
  v.readlink = [tree](const std::string& p) -> std::optional<std::string> {
    const auto at = tree.find(p);
    if (at == tree.end() || at->second.first != FileKind::symlink) return std::nullopt;
    return at->second.second;
  };
  v.read_file = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  v.executable = [](const std::string& p) { return p == "/bin/sh"; };
  return v;
}

const HostView& machine() {
  static const HostView v = made_up({"/bin/sh", "/etc/passwd", "/proc/", "/sys/", "/dev/null", "/tmp/", "/run/", "/home/u/.ssh/id", "/home/u/notes",
                                     "/home/u/p/.git/config", "/home/u/p/.git/hooks/", "/home/u/p/src", "/home/u/p/rc -> ../rc", "/home/u/rc"});
  return v;
}

struct Case {
  Policy policy;
  HostFacts facts;
  Request request;
  Case() {
    const auto r = [](const char* t, bool floor = false) { return Rule{t, {floor ? "floor" : "test", 0, 0}, floor}; };
    policy.fs.allow_write = {r(".")};
    policy.fs.deny_read = {r("~/.ssh", true)};
    policy.fs.deny_write = {r(".git/hooks", true), r(".git/config", true), r(".envrc", true), r("rc")};
    policy.exec.allow = {r("*")};
    facts.uid = facts.gid = 1000;
    facts.home = "/home/u";
    facts.cwd = facts.project = "/home/u/p";
    facts.landlock_abi = 7;
    request.argv = {"/bin/sh"};
  }
  Plan plan() {
    auto p = make_plan(policy, request, facts, machine());
    EXPECT_TRUE(p.has_value()) << (p ? "" : p.error().sentence());
    return p ? *p : Plan{};
  }
};

std::string mounts(const Plan& p) {
  std::string s;
  static constexpr const char* kKinds[] = {"tmpfs",   "bind_rw",   "bind_ro",   "mask_dir",   "mask_file", "hole_dir", "skeleton",
                                           "symlink", "hold_link", "empty_dir", "empty_file", "dev",       "proc"};
  for (const auto& m : p.mounts) s += std::string(kKinds[static_cast<int>(m.kind)]) + " " + m.target + (m.noexec ? " noexec" : "") + "\n";
  return s;
}
std::string landlock(const Plan& p) {
  std::string s;
  char hex[32];
  for (const auto& r : p.landlock) {
    std::snprintf(hex, sizeof hex, "%04llx", static_cast<unsigned long long>(r.access));
    s += std::string(hex) + (r.in_stage ? " inside " : " ") + r.path + "\n";
  }
  return s;
}

TEST(Golden, Mounts) {
  EXPECT_EQ(mounts(Case().plan()),
            "dev /dev\n"
            "proc /proc\n"
            "tmpfs /run\n"
            "tmpfs /tmp\n"
            "mask_dir /home/u/.ssh\n"
            "bind_rw /home/u/p\n"
            "empty_dir /home/u/p/.envrc\n"
            "bind_rw /home/u/p/.git\n"
            "hold_link /home/u/p/rc\n"
            "bind_ro /home/u/p/.git/config\n"
            "bind_ro /home/u/p/.git/hooks\n");
}
TEST(Golden, LandlockOfAbi1HasNoRightsThatItDoesNotKnow) {
  Case c;
  c.facts.landlock_abi = 1;
  const Plan p = c.plan();
  EXPECT_EQ(p.landlock_fs, 0x1fffU);
  EXPECT_EQ(p.landlock_scoped, 0U);
  for (const auto& r : p.landlock) EXPECT_EQ(r.access & ~0x1fffULL, 0U) << r.path;
  EXPECT_FALSE(p.weaker.empty());
}
TEST(Golden, LandlockOfAbi4HoldsPortsOnlyWhereNoNamespaceDoes) {
  Case c;
  c.facts.landlock_abi = 4;
  EXPECT_EQ(c.plan().landlock_net, 0U);
  c.facts.user_namespaces = false;
  c.policy.require = Tier::landlock;
  EXPECT_EQ(c.plan().landlock_net, 3U);
}
TEST(Golden, LandlockOfAbi7) {
  EXPECT_EQ(landlock(Case().plan()),
            "0008 /\n"
            "0005 /bin\n"
            "0005 /etc\n"
            "0005 /home/u/notes\n"
            "7fff /home/u/p\n"
            "0005 /home/u/rc\n"
            "c00e inside /dev\n"
            "7fff inside /dev/shm\n"
            "000f inside /proc\n"
            "7fff inside /run\n"
            "7fff inside /tmp\n"
            "000c inside /sys\n");
}
TEST(Golden, WithoutNamespacesThePlanHasNoMountsAndSaysWhatIsWeaker) {
  Case c;
  c.facts.user_namespaces = false;
  c.policy.require = Tier::landlock;
  const Plan p = c.plan();
  EXPECT_TRUE(p.mounts.empty() && p.placeholders.empty());
  EXPECT_TRUE(std::ranges::any_of(p.weaker, [](const std::string& w) { return w.find("/home/u/p/.git/hooks") != std::string::npos; }));
  for (const auto& r : p.landlock) EXPECT_FALSE(within("/home/u/.ssh", r.path) && (r.access & 4)) << r.path;
}
TEST(Golden, FilteredNetworkOnABarePortNeedsAbi4) {
  Case c;
  c.policy.net.mode = NetMode::filtered;
  c.facts.user_namespaces = false;
  c.policy.require = Tier::landlock;
  c.facts.landlock_abi = 3;
  EXPECT_EQ(make_plan(c.policy, c.request, c.facts, machine()).error().exit_status, 125);
  c.facts.landlock_abi = 4;
  Plan p = c.plan();
  bind_egress(p, 4711, "t0k");
  EXPECT_EQ(p.landlock_connect_ports, std::vector<std::uint16_t>{4711});
  EXPECT_TRUE(std::ranges::find(p.environment, "HTTPS_PROXY=http://cordon:t0k@127.0.0.1:4711") != p.environment.end());
  EXPECT_TRUE(std::ranges::find(p.environment, "all_proxy=socks5h://cordon:t0k@127.0.0.1:4711") != p.environment.end());
}
TEST(Golden, TheProxyVariablesOfANamespace) {
  Case c;
  c.policy.net.mode = NetMode::filtered;
  c.policy.net.ca_bundle = "/etc/passwd";
  c.policy.env.set["NO_PROXY"] = "mine";
  c.request.environment = {"https_proxy=http://corp:1"};
  const Plan p = c.plan();
  const auto has = [&](const char* e) { return std::ranges::find(p.environment, e) != p.environment.end(); };
  EXPECT_TRUE(has("HTTP_PROXY=http://127.0.0.1:3128") && has("ALL_PROXY=socks5h://127.0.0.1:1080") && has("no_proxy=localhost,127.0.0.1,::1"));
  EXPECT_TRUE(has("NO_PROXY=mine") && has("SSL_CERT_FILE=/etc/passwd") && has("NODE_EXTRA_CA_CERTS=/etc/passwd"));
  EXPECT_EQ(p.egress.upstream, std::vector<std::string>{"https_proxy=http://corp:1"});
  EXPECT_TRUE(p.egress.enabled && !p.egress.on_host && p.egress.variables.empty());
}
TEST(Golden, YarnMeetsNoNameThatItDoesNotKnow) {  // from version 2 on it takes each YARN_* for a setting, and ends at an unknown one
  Case c;
  c.policy.net.mode = NetMode::filtered;
  c.policy.net.ca_bundle = "/etc/passwd";
  std::vector<std::string> names;
  for (const auto& e : c.plan().environment)
    if (e.starts_with("YARN_")) names.push_back(e.substr(0, e.find('=')));
  EXPECT_EQ(names, (std::vector<std::string>{"YARN_HTTPS_PROXY", "YARN_HTTP_PROXY"}));
}
TEST(Golden, NodeLoadsOurFetchWhereItCanBeRead) {
  const HostView host = made_up({"/bin/sh", "/etc/passwd", "/proc/self/exe -> /opt/a b/bin/cordon", "/sys/", "/dev/null", "/tmp/", "/run/",
                                 "/home/u/p/", "/opt/a b/bin/cordon", "/opt/a b/libexec/cordon/node-fetch.cjs"});
  const auto option = [&](const Case& c) -> std::string {
    const auto p = make_plan(c.policy, c.request, c.facts, host);
    if (!p) return p.error().sentence();
    for (const auto& e : p->environment)
      if (e.starts_with("NODE_OPTIONS=")) return e;
    return "";
  };
  Case c;
  EXPECT_EQ(option(c), "");  // no network
  c.policy.net.mode = NetMode::filtered;
  EXPECT_EQ(option(c), "NODE_OPTIONS=--require=\"/opt/a b/libexec/cordon/node-fetch.cjs\"");
  c.policy.env.set["NODE_OPTIONS"] = "--no-warnings";
  EXPECT_EQ(option(c), "NODE_OPTIONS=--no-warnings --require=\"/opt/a b/libexec/cordon/node-fetch.cjs\"");
  c.policy.fs.deny_read.push_back({"/opt/a b/libexec/cordon/node-fetch.cjs", {"test", 0, 0}, false});
  EXPECT_EQ(option(c), "NODE_OPTIONS=--no-warnings");
}
TEST(Golden, TenThousandRulesAreSensible) {
  Case c;
  for (int i = 0; i < 10000; ++i)
    c.policy.fs.deny_read.push_back({"/home/u/p/d" + std::to_string(i % 100) + "/f" + std::to_string(i), {"test", 0, 0}, false});
  const Plan p = c.plan();
  EXPECT_EQ(p.placeholders.size(), 101U);  // of each missing directory one, and .envrc
}

}  // namespace
}  // namespace cordon::plan
