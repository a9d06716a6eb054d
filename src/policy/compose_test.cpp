// SPDX-License-Identifier: Apache-2.0
// Composition narrows: for generated policies, whatever the composed one allows both allow, and the other way round. The reference
// asks each policy by itself, in the slowest and plainest way. Paths and programs, which mean something on a host only, are
// asked in plan/compose_test.cpp.
//
// CORDON_PROPERTY_RUNS=100000 runs all of it, CORDON_PROPERTY_SEED repeats a failure.
#include <cordon/policy.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "policy/env_rule.hpp"
#include "policy/host_rule.hpp"
#include "policy/reader.hpp"

namespace cordon {
namespace {

using namespace policy;

unsigned long setting(const char* name, unsigned long otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoul(text, nullptr, 10) : otherwise;
}

class Random {
 public:
  explicit Random(unsigned long seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <std::size_t N>
  const char* of(const char* const (&words)[N]) {
    return words[below(N)];
  }

 private:
  std::mt19937_64 engine_;
};

const char* const kHosts[] = {"example",   "a.example",       "b.a.example", "c.b.a.example", "other",   "ba.example", "10.0.0.1", "10.1.2.3",
                              "127.0.0.1", "169.254.169.254", "1.1.1.1",     "11.0.0.1",      "2606::1", "::1",        "fd00::5",  "2001:db8::1"};
const char* const kHostRules[] = {"*",          "*.example",     "a.example",   "*.a.example",     "b.a.example", "example",
                                  "other",      "*.b.a.example", "A.Example.",  "10.0.0.0/8",      "10.1.0.0/16", "10.1.2.3",
                                  "0.0.0.0/0",  "1.1.1.1",       "1.0.0.0/8",   "169.254.169.254", "127.0.0.0/8", "[::1]",
                                  "[fd00::/8]", "[::/0]",        "[2606::/16]", "[2001:db8::1]"};
const char* const kPorts[] = {"", "", ":443", ":80", ":22", ":*"};
const std::uint16_t kAskedPorts[] = {22, 80, 443, 8443};
const char* const kVariables[] = {"PATH", "LC_ALL", "LC_TIME", "LANG", "AWS_PROFILE", "API_TOKEN", "LD_PRELOAD", "CI", "X"};
const char* const kPatterns[] = {"PATH",  "LC_*",      "L*",   "LC_ALL",     "*",  "AWS_*", "AWS_PROFILE",
                                 "API_*", "API_TOKEN", "LD_*", "LD_PRELOAD", "CI", "LANG"};
const char* const kValues[] = {"1", "2"};
const char* const kUpstreams[] = {"env", "none", "required", "http://a:1", "http://b:1"};

Rules some(Random& r, std::size_t most, auto&& text) {
  Rules out;
  for (std::size_t n = r.below(most + 1); n > 0; --n) out.push_back({text(), {"test", 0, 0}, false});
  return out;
}

Policy generate(Random& r) {
  Policy p;
  const auto host = [&] { return std::string(r.of(kHostRules)) + r.of(kPorts); };
  p.net.mode = static_cast<NetMode>(r.one_in(8) ? 0 : r.one_in(6) ? 2 : 1);
  p.net.allow = some(r, 5, host);
  p.net.deny = some(r, 2, host);
  for (std::uint16_t port = 1; port <= 5; ++port)
    if (r.one_in(2)) p.net.listen.push_back(port);
  p.net.upstream = r.of(kUpstreams);
  p.net.sni_check = r.one_in(2);
  p.net.private_addresses = r.one_in(4);
  if (r.one_in(2)) p.net.ca_bundle = r.of(kValues);
  if (r.one_in(2)) p.net.route["a.example"] = std::string("unix:") + r.of(kValues);
  p.exec.nested_namespaces = r.one_in(2);
  const auto limit = [&](auto& to) {
    if (r.one_in(2)) to = std::decay_t<decltype(*to)>(1 + r.below(5));
  };
  limit(p.limits.wall), limit(p.limits.cpu), limit(p.limits.memory), limit(p.limits.file_size), limit(p.limits.output), limit(p.limits.processes),
      limit(p.limits.open_files);
  p.env.pass = some(r, 4, [&] { return std::string(r.of(kPatterns)); });
  for (std::size_t n = r.below(3); n > 0; --n) p.env.set[r.of(kVariables)] = r.of(kValues);
  p.fs.git_config = r.one_in(2);
  p.fs.traps = r.one_in(2) ? Traps::report : Traps::quarantine;
  p.require = static_cast<Tier>(r.below(3));
  return p;
}

// The reference: hosts. A name may resolve to `resolved`; a literal is its own address.
bool any_match(const Rules& rules, const HostName& h, std::uint16_t port) {
  for (const Rule& rule : rules)
    if (matches(parse_host_rule(rule.text).value(), h, port)) return true;
  return false;
}
bool open(const NetPolicy& n, const Address& address, std::uint16_t port) {
  if (n.mode == NetMode::host || n.private_addresses || special_range(address).empty()) return true;
  for (const Rule& rule : n.allow)
    if (const auto h = parse_host_rule(rule.text).value(); opens_special(h) && matches(h, HostName{{}, address}, port)) return true;
  return false;
}
bool reaches(const NetPolicy& n, const HostName& h, const Address& resolved, std::uint16_t port) {
  if (n.mode == NetMode::none || any_match(n.deny, h, port)) return false;
  if (n.mode != NetMode::host && !any_match(n.allow, h, port)) return false;
  return open(n, h.is_address() ? h.address : resolved, port);
}

// The reference: what a variable of the caller's is inside; nothing if it is absent.
std::optional<std::string> variable(const EnvPolicy& e, const std::string& name, const std::optional<std::string>& callers) {
  if (const auto it = e.set.find(name); it != e.set.end()) return it->second;
  for (const Rule& r : e.pass)
    if (r.text == name || (r.text.back() == '*' && name.starts_with(r.text.substr(0, r.text.size() - 1)) && !needs_exact_rule(name))) return callers;
  return {};
}

struct Compose : testing::Test {
  unsigned long seed = setting("CORDON_PROPERTY_SEED", std::random_device{}());
  unsigned long runs = setting("CORDON_PROPERTY_RUNS", 5'000);
  Random random{seed};
  void SetUp() override { std::printf("seed %lu, %lu runs\n", seed, runs); }
  std::string show(const Policy& a, const Policy& b) {
    return "seed " + std::to_string(seed) + "\n" + to_json(a) + "\n" + to_json(b) + "\n" + to_json(compose(a, b));
  }
};

TEST_F(Compose, AHostIsReachedExactlyIfBothReachIt) {
  std::vector<HostName> hosts;
  for (const char* text : kHosts) hosts.push_back(parse_host(text).value());
  const Address addresses[] = {parse_address("1.2.3.4").value(), parse_address("10.1.2.3").value(), parse_address("127.0.0.1").value(),
                               parse_address("fd00::5").value()};
  unsigned long asked = 0, allowed = 0, narrower = 0;
  for (unsigned long i = 0; i < runs; ++i) {
    const Policy a = generate(random), b = generate(random), both = compose(a, b);
    for (int k = 0; k < 16; ++k) {
      const HostName& h = hosts[random.below(hosts.size())];
      const Address& resolved = addresses[random.below(4)];
      const std::uint16_t port = kAskedPorts[random.below(4)];
      const bool expected = reaches(a.net, h, resolved, port) && reaches(b.net, h, resolved, port), is = reaches(both.net, h, resolved, port);
      ++asked;
      allowed += expected;
      if (expected == is) continue;
      // The one meet that no list says: a name that resolves to a private address, which one policy opens for every name and the
      // other by naming the address. To name it in the result would open it as a literal.
      ++narrower;
      ASSERT_FALSE(is) << h.text() << ":" << port << "\n" << show(a, b);
      ASSERT_FALSE(h.is_address()) << h.text() << ":" << port << "\n" << show(a, b);
      ASSERT_FALSE(special_range(resolved).empty()) << show(a, b);
      const auto opens_all = [](const NetPolicy& n) { return n.private_addresses || n.mode == NetMode::host; };
      ASSERT_NE(opens_all(a.net), opens_all(b.net)) << show(a, b);
    }
  }
  std::printf("%lu hosts asked, %lu allowed by both, %lu narrower than both\n", asked, allowed, narrower);
  EXPECT_GT(allowed, asked / 50) << "the generator makes policies that have something in common";
  EXPECT_LT(narrower, asked / 200);
}

TEST_F(Compose, AVariableIsTheParentsAndOnlyIfTheChildTakesIt) {
  for (unsigned long i = 0; i < runs; ++i) {
    const Policy parent = generate(random), child = generate(random), both = compose(parent, child);
    for (const char* name : kVariables)
      for (const auto& callers : {std::optional<std::string>(), std::optional<std::string>("caller's")}) {
        const auto from_parent = variable(parent.env, name, callers), is = variable(both.env, name, callers);
        const auto own = child.env.set.find(name);
        const bool takes =
            passes(child.env.pass, name) || (own != child.env.set.end() && own->second == from_parent && parent.env.set.contains(name));
        ASSERT_EQ(is, takes ? from_parent : std::nullopt) << name << "\n" << show(parent, child);
      }
  }
}

TEST_F(Compose, LimitsAndFlagsAreTheNarrowerOfTheTwo) {
  const auto narrower = [](const auto& is, const auto& x, const auto& y) { return x && y ? is == std::min(*x, *y) : is == (x ? x : y); };
  for (unsigned long i = 0; i < runs; ++i) {
    const Policy a = generate(random), b = generate(random), m = compose(a, b);
    ASSERT_TRUE(narrower(m.limits.wall, a.limits.wall, b.limits.wall) && narrower(m.limits.cpu, a.limits.cpu, b.limits.cpu) &&
                narrower(m.limits.memory, a.limits.memory, b.limits.memory) && narrower(m.limits.file_size, a.limits.file_size, b.limits.file_size) &&
                narrower(m.limits.output, a.limits.output, b.limits.output) && narrower(m.limits.processes, a.limits.processes, b.limits.processes) &&
                narrower(m.limits.open_files, a.limits.open_files, b.limits.open_files))
        << show(a, b);
    ASSERT_EQ(m.fs.git_config, a.fs.git_config && b.fs.git_config);
    ASSERT_EQ(m.fs.traps == Traps::report, a.fs.traps == Traps::report && b.fs.traps == Traps::report);
    ASSERT_EQ(m.exec.nested_namespaces, a.exec.nested_namespaces && b.exec.nested_namespaces);
    ASSERT_EQ(m.net.sni_check, a.net.sni_check || b.net.sni_check);
    ASSERT_EQ(m.require, std::max(a.require, b.require));
    ASSERT_EQ(m.net.mode, std::min(a.net.mode, b.net.mode));
    for (std::uint16_t port = 1; port <= 5; ++port) {
      const auto has = [&](const Policy& p) { return std::ranges::count(p.net.listen, port) == 1; };
      ASSERT_EQ(has(m), has(a) && has(b)) << show(a, b);
    }
    // A choice is the parent's.
    ASSERT_EQ(m.net.upstream, a.net.upstream == "env" && b.net.upstream == "required" ? "required" : a.net.upstream);
    ASSERT_EQ(m.net.ca_bundle, a.net.ca_bundle);
    ASSERT_EQ(m.net.route, a.net.route);
  }
}

TEST_F(Compose, ItIsAssociativeAndComposingTwiceChangesNothing) {
  for (unsigned long i = 0; i < runs / 4; ++i) {
    const Policy a = generate(random), b = generate(random), c = generate(random);
    const Policy ab = compose(a, b);
    ASSERT_EQ(compose(ab, ab), ab) << show(a, b);
    const Policy left = compose(ab, c), right = compose(a, compose(b, c));
    for (const char* text : kHosts)
      for (const std::uint16_t port : kAskedPorts) {
        const HostName h = parse_host(text).value();
        const Address address = parse_address("1.2.3.4").value();
        ASSERT_EQ(reaches(left.net, h, address, port), reaches(right.net, h, address, port)) << text << ":" << port << "\n"
                                                                                             << show(a, b) << to_json(c);
        ASSERT_EQ(reaches(compose(b, a).net, h, address, port), reaches(ab.net, h, address, port));
        ASSERT_EQ(reaches(compose(a, a).net, h, address, port), reaches(a.net, h, address, port)) << text << ":" << port << "\n" << to_json(a);
      }
    ASSERT_EQ(left.fs, right.fs);
    ASSERT_EQ(left.exec, right.exec);
    ASSERT_EQ(left.limits, right.limits);
    // Composed from the left a variable may survive that b passes and that a and c set to the same value.
    for (const char* name : kVariables) {
      const auto l = variable(left.env, name, "x"), r = variable(right.env, name, "x");
      const bool same = a.env.set.contains(name) && c.env.set.contains(name) && a.env.set.at(name) == c.env.set.at(name);
      ASSERT_TRUE(l == r || (same && !r)) << name << "\n" << show(a, b) << to_json(c);
    }
  }
}

TEST_F(Compose, WhatIsComposedIsAPolicyFileToo) {
  for (unsigned long i = 0; i < runs / 20; ++i) {
    Policy a = generate(random), b = generate(random);
    add_floor(a.fs), add_floor(b.fs);
    a.fs.allow_write.push_back({"a", {}, false});
    b.exec.allow.push_back({"git", {}, false});
    const Policy m = compose(a, b);
    const auto json = parse_policy(to_json(m), "m.json"), toml = parse_policy(to_toml(m), "m.toml");
    ASSERT_TRUE(json && toml) << (json ? toml : json).error().sentence();
    ASSERT_EQ(*json, m);
    ASSERT_EQ(*toml, m);
  }
}

TEST_F(Compose, AProjectsOwnFileInjectsNothing) {
  const Policy parent = preset("safe").value();
  const Policy child =
      parse_policy(
          "version=1\n[fs]\nallow_write=[\"/\"]\ngit_config=true\n[net]\nmode=\"host\"\nallow=[\"*:*\"]\nlisten=[80]\nupstream=\"http://"
          "evil:1\"\nca_bundle=\"evil.pem\"\n"
          "route={\"a.example\"=\"unix:evil\"}\nsni_check=false\nprivate_addresses=true\n[exec]\nallow=[\"*\"]\nnested_namespaces=true\n"
          "[env]\npass=[\"*\",\"LD_PRELOAD\",\"SSH_AUTH_SOCK\"]\nset={LD_PRELOAD=\"/evil.so\",PATH=\"/"
          "evil\",GIT_SSH_COMMAND=\"evil\",LANG=\"evil\"}\n[enforce]\nrequire=\"any\"",
          "cordon.toml")
          .value();
  const Policy m = compose(parent, child);
  EXPECT_EQ(m.net, parent.net);
  EXPECT_TRUE(m.env.set.empty());
  EXPECT_EQ(m.env.pass, parent.env.pass);
  EXPECT_EQ(m.exec, parent.exec);
  EXPECT_EQ(m.require, parent.require);
  EXPECT_EQ(m.limits, parent.limits);
  EXPECT_FALSE(m.fs.git_config);
  EXPECT_EQ(static_cast<const PathRules&>(m.fs), static_cast<const PathRules&>(parent.fs));
}

// 100,000 host spellings: however an allowed or denied host is written, the verdict is that of its plain form.
TEST_F(Compose, HostSpellingsDoNotChangeAVerdict) {
  const char* const plain[] = {"a.example", "xn--bcher-kva.example", "127.0.0.1", "10.1.2.3", "192.0.2.255", "2001:db8::1", "::1"};
  const auto respell = [&](const std::string& text) {
    std::string s = text;
    const auto h = parse_host(text).value();
    if (h.is_address() && h.address.v4()) {
      const auto& b = h.address.bytes;
      const std::uint32_t all = std::uint32_t{b[12]} << 24 | std::uint32_t{b[13]} << 16 | std::uint32_t{b[14]} << 8 | b[15];
      char buffer[64];
      switch (random.below(8)) {
        case 0: std::snprintf(buffer, sizeof buffer, "%u", all); break;
        case 1: std::snprintf(buffer, sizeof buffer, "0x%x", all); break;
        case 2: std::snprintf(buffer, sizeof buffer, "0%o.%u", b[12], all & 0xffffffU); break;
        case 3: std::snprintf(buffer, sizeof buffer, "0X%X.%u.0%o", b[12], b[13], all & 0xffffU); break;
        case 4: std::snprintf(buffer, sizeof buffer, "::ffff:%x:%x", all >> 16, all & 0xffffU); break;
        case 5: std::snprintf(buffer, sizeof buffer, "[0::FFFF:%u.%u.%u.%u]", b[12], b[13], b[14], b[15]); break;
        case 6: std::snprintf(buffer, sizeof buffer, "%u.%u.%u.%u.", b[12], b[13], b[14], b[15]); break;
        default: std::snprintf(buffer, sizeof buffer, "%u.0%o.0x%x.%u", b[12], b[13], b[14], b[15]); break;
      }
      s = buffer;
    } else if (h.is_address()) {
      if (random.one_in(2)) s = "[" + s + "]";
      if (random.one_in(2) && s.find("::1") == 0) s = "0:0:0:0:0:0:0:1";
      for (char& c : s)
        if (random.one_in(2)) c = static_cast<char>(std::toupper(c));
      return s;
    } else if (text.starts_with("xn--") && random.one_in(2)) {
      s = random.one_in(2) ? "bücher.example" : "BÜCHER.example";
    }
    std::string out;
    for (const char c : s) {
      const bool name = !h.is_address();
      if (c == '.' && random.one_in(4) && s[0] != '[') out += random.one_in(2) ? "。" : "．";  // ideographic and fullwidth full stop
      else if (c >= 'a' && c <= 'z' && name && random.one_in(4)) out += {'\xef', '\xbd', static_cast<char>(0x81 + c - 'a')};  // fullwidth
      else if (c >= '0' && c <= '9' && s.find(':') == std::string::npos && random.one_in(4))
        out += {'\xef', '\xbc', static_cast<char>(0x90 + c - '0')};
      else out += c >= 'a' && c <= 'z' && random.one_in(3) ? static_cast<char>(c - 'a' + 'A') : c;
    }
    if (!h.is_address() && random.one_in(3)) out += '.';
    return out;
  };
  unsigned long spellings = 0;
  for (unsigned long i = 0; i < runs; ++i) {
    const std::string text = random.of(plain);
    const std::string other = respell(text);
    const auto h = parse_host(other);
    ASSERT_TRUE(h) << other << ": " << h.error().sentence();
    ASSERT_EQ(h->text(), parse_host(text).value().text()) << other << " seed " << seed;
    ++spellings;
  }
  EXPECT_EQ(spellings, runs);
}

}  // namespace
}  // namespace cordon
