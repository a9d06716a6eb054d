// SPDX-License-Identifier: Apache-2.0
// Composition of paths and programs, asked on made-up hosts: with symlinks, a home above, below or beside the project, globs and
// floor rules, what the composed policy allows is exactly what both allow. The reference reads the rules of one policy in the
// slowest and plainest way.
//
// CORDON_PROPERTY_RUNS=100000 runs all of it, CORDON_PROPERTY_SEED repeats a failure.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "plan/glob.hpp"
#include "plan/parts.hpp"

namespace cordon::plan {
namespace {

unsigned long setting(const char* name, unsigned long otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoul(text, nullptr, 10) : otherwise;
}

struct Host {
  std::map<std::string, std::string> links;  // everything else is a directory, or a file where its name begins with 'f'
  bool missing = false;                      // "none" is absent
  HostFacts facts;
  [[nodiscard]] HostView view() const {
    HostView v;
    v.kind = [this](const std::string& p) {
      if (links.contains(p)) return FileKind::symlink;
      const std::string name = name_of(p);
      return (name == "none" && missing) || name == ".git" || name == "cordon.toml" ? FileKind::absent
             : name.starts_with('f')                                                ? FileKind::file
                                                                                    : FileKind::directory;
    };
    v.list = [](const std::string&) { return std::vector<Entry>(); };
    v.readlink = [this](const std::string& p) {
      const auto it = links.find(p);
      return it == links.end() ? std::nullopt : std::optional(it->second);
    };
    v.read_file = [](const std::string&) { return std::optional<std::string>(); };
    v.executable = [](const std::string& p) { return name_of(p).starts_with('f'); };
    return v;
  }
};

const char* const kPaths[] = {".",     "a",      "a/b",  "a/f",    "./b//a", "b/../a/b", "../a",   "~",          "~/a",
                              "~/a/b", "~/b",    "~/.s", "~/.s/f", "/",      "/h",       "/h/u/a", "/h/u/p/a/b", "/p",
                              "/p/a",  "/p/b/f", "/x/y", "/x/y/f", "none/a", "l",        "l/a",    "~/l/b",      "/x/l"};
const char* const kGlobs[] = {"**/.s", "*/b", "~/**/b", "/**/f", "a/*", "/h/u/?/b", "[ab]/f"};
const char* const kPrograms[] = {"/bin", "/bin/f1", "f1", "f2", "/x", "/x/y/f", "a/f", "~/b", "l/f1", "/x/l"};

class Random {
 public:
  explicit Random(unsigned long seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <std::size_t N>
  std::string of(const char* const (&words)[N]) {
    return words[below(N)];
  }

 private:
  std::mt19937_64 engine_;
};

Host generate_host(Random& r) {
  Host h;
  const std::pair<const char*, const char*> places[] = {{"/h/u", "/h/u/p"}, {"/h/u", "/p"}, {"/p/h", "/p"}, {"/h/u", "/h/u"}, {"/h/u", "/x/y"}};
  const auto& [home, project] = places[r.below(5)];
  h.facts.home = home;
  h.facts.project = h.facts.cwd = project;
  h.facts.project_explicit = true;
  h.missing = r.one_in(4);
  for (const char* place : {"/l", "/a", "/a/b", "/.s"})
    for (const std::string& base : {h.facts.home, h.facts.project})
      if (r.one_in(4)) h.links[base + place] = r.one_in(2) ? r.one_in(2) ? "/x/y" : "b" : r.one_in(2) ? "/h/u/.s" : "../b";
  if (r.one_in(3)) h.links["/x/l"] = r.one_in(2) ? h.facts.project : "/bin";
  return h;
}

Policy generate(Random& r) {
  Policy p;
  const auto fill = [&](Rules& to, bool deny) {
    for (std::size_t n = r.below(4); n > 0; --n) to.push_back({deny && r.one_in(4) ? r.of(kGlobs) : r.of(kPaths), {"test", 0, 0}, false});
  };
  fill(p.fs.allow_write, false), fill(p.fs.deny_write, true), fill(p.fs.allow_read, false), fill(p.fs.deny_read, true);
  for (const char* floor : {"~/.s", "~/b"}) {
    p.fs.deny_write.push_back({floor, {"floor", 0, 0}, true});
    if (r.one_in(2)) p.fs.deny_read.push_back({floor, {"floor", 0, 0}, true});
  }
  for (std::size_t n = r.below(5); n > 0; --n) p.exec.allow.push_back({r.one_in(6) ? "*" : r.of(kPrograms), {"test", 0, 0}, false});
  for (std::size_t n = r.below(2); n > 0; --n) p.exec.deny.push_back({r.of(kPrograms), {"test", 0, 0}, false});
  return p;
}

// The reference. A rule speaks of the path that it names, and of the place of a symlink that it names; the longest decides; a deny of
// the floor of writing always holds; what may not be read may not be written.
std::vector<std::string> named(const Rule& rule, const Host& h, const HostView& view) {
  std::string text = rule.text;
  text = text[0] == '~' ? h.facts.home + text.substr(1) : text[0] == '/' ? text : h.facts.project + "/" + text;
  std::vector<std::string> paths{canonical(view, text)};
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  if (const auto name = name_of(text); name != "." && name != "..") paths.push_back(join(canonical(view, parent_of(text)), name));
  return paths;
}
bool inside(const std::string& path, const std::string& tree) { return tree == "/" || path == tree || path.starts_with(tree + "/"); }

bool reference(const PathRules& rules, const Host& h, const std::string& path, bool write) {
  const HostView view = h.view();
  int best_length = -1, best_rank = -1;
  bool allowed = !write;
  const auto ask = [&](const Rules& list, int rank_of_own, int rank_of_floor, bool allow) {
    for (const Rule& rule : list) {
      const int rank = rule.floor ? rank_of_floor : rank_of_own;
      const auto speak = [&](const std::string& tree) {
        const int length = tree == "/" ? 0 : static_cast<int>(tree.size());
        if (length < best_length || (length == best_length && rank <= best_rank)) return;
        best_length = length, best_rank = rank, allowed = allow;
      };
      if (!allow && rule.text.find_first_of("*?[") != std::string::npos) {
        std::string pattern = rule.text[0] == '~'   ? h.facts.home + rule.text.substr(1)
                              : rule.text[0] == '/' ? rule.text
                                                    : h.facts.project + "/" + rule.text;
        // The part before the first wildcard is a path of the host.
        const auto wild = pattern.rfind('/', pattern.find_first_of("*?["));
        const std::string prefix = canonical(view, pattern.substr(0, wild + 1));
        pattern = (prefix == "/" ? "" : prefix) + pattern.substr(wild);
        for (std::string p = path; p != "/"; p = parent_of(p))
          if (glob_matches(pattern, p)) speak(p);
      } else {
        for (const std::string& tree : named(rule, h, view))
          if (inside(path, tree)) speak(tree);
      }
    }
  };
  if (!write) {
    ask(rules.allow_write, 0, 0, true), ask(rules.deny_read, 3, 1, false), ask(rules.allow_read, 2, 2, true);
    return allowed;
  }
  for (const Rule& rule : rules.deny_write)
    if (rule.floor)
      for (const std::string& tree : named(rule, h, view))
        if (inside(path, tree)) return false;
  ask(rules.allow_write, 0, 0, true), ask(rules.deny_write, 3, 3, false), ask(rules.deny_read, 3, 1, false);
  return allowed && reference(rules, h, path, false);
}

bool reference(const ExecPolicy& exec, const Host& h, const std::string& program) {
  const HostView view = h.view();
  const auto speaks = [&](const Rule& rule, bool deny) {
    if (rule.text == "*") return true;
    if (rule.text.find('/') != std::string::npos) return inside(program, named(rule, h, view)[0]);
    std::vector<std::string> dirs{"/bin", "/x"};
    if (deny) dirs.insert(dirs.end(), {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin"});
    return std::ranges::any_of(dirs, [&](const std::string& dir) { return program == canonical(view, dir + "/" + rule.text); });
  };
  return std::ranges::any_of(exec.allow, [&](const Rule& r) { return speaks(r, false); }) &&
         std::ranges::none_of(exec.deny, [&](const Rule& r) { return speaks(r, true); });
}

struct ComposedPlan : testing::Test {
  unsigned long seed = setting("CORDON_PROPERTY_SEED", std::random_device{}());
  unsigned long runs = setting("CORDON_PROPERTY_RUNS", 5'000);
  Random random{seed};
  void SetUp() override { std::printf("seed %lu, %lu runs\n", seed, runs); }
  std::string show(const Policy& a, const Policy& b, const Host& h) {
    std::string s = "seed " + std::to_string(seed) + " home " + h.facts.home + " project " + h.facts.project;
    for (const auto& [from, to] : h.links) s += " " + from + "->" + to;
    return s + "\n" + to_json(a, true) + "\n" + to_json(b, true);
  }
};

const char* const kAsked[] = {"", "/a", "/a/b", "/a/b/f", "/a/f", "/b", "/b/a", "/b/f", "/.s", "/.s/f", "/none", "/none/a", "/l", "/f"};
const char* const kElsewhere[] = {"/", "/x/y", "/x/y/f", "/x/l", "/bin", "/bin/f1", "/x/f2", "/h", "/other"};

TEST_F(ComposedPlan, APathIsOpenExactlyIfBothOpenIt) {
  unsigned long asked = 0, allowed = 0;
  for (unsigned long i = 0; i < runs; ++i) {
    const Host h = generate_host(random);
    const HostView view = h.view();
    const Policy a = generate(random), b = generate(random);
    const auto both = PathPolicy::make(compose(a, b), h.facts, view);
    // Denied paths that are missing are held at their first missing name, which the reference does not know; there each policy is
    // asked through PathPolicy itself.
    const auto alone_a = PathPolicy::make(a, h.facts, view), alone_b = PathPolicy::make(b, h.facts, view);
    for (int k = 0; k < 12; ++k) {
      std::string path = random.one_in(3) ? random.of(kElsewhere) : (random.one_in(2) ? h.facts.home : h.facts.project) + random.of(kAsked);
      path = canonical(view, path);
      const bool write = random.one_in(2);
      const auto op = write ? Operation::write : Operation::read;
      const bool by_a = h.missing ? alone_a.may(path, op) : reference(a.fs, h, path, write),
                 by_b = h.missing ? alone_b.may(path, op) : reference(b.fs, h, path, write);
      ++asked;
      allowed += by_a && by_b;
      ASSERT_EQ(both.may(path, op), by_a && by_b) << (write ? "write " : "read ") << path << " a " << by_a << " b " << by_b << ": "
                                                  << both.decide_canonical(path, op).rule.text << "\n"
                                                  << show(a, b, h);
    }
  }
  std::printf("%lu paths asked, %lu allowed by both\n", asked, allowed);
  EXPECT_GT(allowed, asked / 10);
}

TEST_F(ComposedPlan, AProgramRunsExactlyIfBothRunIt) {
  unsigned long allowed = 0;
  for (unsigned long i = 0; i < runs; ++i) {
    const Host h = generate_host(random);
    const HostView view = h.view();
    const Policy a = generate(random), b = generate(random), c = generate(random);
    const bool three = random.one_in(3);
    const Policy m = three ? compose(compose(a, b), c) : compose(a, b);
    const Programs programs = resolve_programs(m.exec, h.facts, view, "/bin:/x");
    for (const char* text : {"/bin/f1", "/bin/f2", "/x/f1", "/x/y/f", "/bin/sub/f", "/usr/bin/f1", "/h/u/b/f", "/h/u/p/a/f", "/p/a/f", "/h/u/f1"}) {
      const std::string program = canonical(view, text);
      const bool expected = reference(a.exec, h, program) && reference(b.exec, h, program) && (!three || reference(c.exec, h, program));
      allowed += expected;
      ASSERT_EQ(programs.decide(program).allowed, expected) << program << "\n" << show(a, b, h) << (three ? to_json(c) : "");
    }
  }
  EXPECT_GT(allowed, runs / 10);
}

// 100,000 path spellings: what a rule says does not depend on how it, or the path, is written.
TEST_F(ComposedPlan, PathSpellingsDoNotChangeAVerdict) {
  const auto respell = [&](std::string text) {
    const std::string root = text.starts_with("~") ? "~" : text.starts_with("/") ? "" : ".";
    std::string rest = text.starts_with("~") ? text.substr(1) : text.starts_with("/") ? text : "/" + text;
    std::string out = root;
    while (!rest.empty()) {
      const auto slash = rest.find('/', 1);
      const std::string part = rest.substr(1, slash == std::string::npos ? slash : slash - 1);
      rest = slash == std::string::npos ? "" : rest.substr(slash);
      switch (random.below(5)) {
        case 0: out += "//"; break;
        case 1: out += "/./"; break;
        case 2: out += "/plain/../"; break;
        case 3: out += "/none/../"; break;
        default: out += "/"; break;
      }
      out += part == "." ? "./." : part;
    }
    return out + (random.one_in(3) && out.size() > 1 ? "/" : "");
  };
  unsigned long spellings = 0;
  while (spellings < runs) {
    const Host h = generate_host(random);
    const HostView view = h.view();
    Policy a = generate(random), b = a;
    for (auto* list : {&b.fs.allow_write, &b.fs.deny_write, &b.fs.allow_read, &b.fs.deny_read})
      for (Rule& r : *list)
        if (r.text.find_first_of("*?[") == std::string::npos) r.text = respell(r.text), ++spellings;
    const auto x = PathPolicy::make(a, h.facts, view), y = PathPolicy::make(b, h.facts, view);
    for (int k = 0; k < 4; ++k) {
      const std::string path = (random.one_in(2) ? h.facts.home : h.facts.project) + random.of(kAsked), other = respell(path);
      ++spellings;
      ASSERT_EQ(canonical(view, path), canonical(view, other)) << path << " " << other;
      for (const auto op : {Operation::read, Operation::write})
        ASSERT_EQ(x.may(canonical(view, path), op), y.may(canonical(view, other), op)) << path << " and " << other << "\n" << show(a, b, h);
    }
  }
  std::printf("%lu spellings\n", spellings);
}

}  // namespace
}  // namespace cordon::plan
