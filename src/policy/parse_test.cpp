// SPDX-License-Identifier: Apache-2.0
#include <cordon/policy.hpp>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "policy/reader.hpp"

namespace cordon {
namespace {
namespace fs = std::filesystem;

std::string said(const std::string& text, const std::string& name = "p.toml") {
  const auto p = parse_policy(text, name);
  return p ? "accepted" : p.error().sentence();
}
std::string toml(const std::string& lines) { return said("version = 1\n" + lines); }
std::string json(const std::string& text) { return said(text, "p.json"); }

TEST(PolicyErrors, NameFileLineAndColumnOfTheValue) {
  EXPECT_EQ(toml("[net]\nallow = [\"a.example\",\n  \"b..example\"]"),
            "p.toml:4:3: the host rule 'b..example' has an empty label; write one dot between labels");
  EXPECT_EQ(toml("[fs]\ngit_config = 1"), "p.toml:3:14: true or false is wanted here; write it without quotes");
  EXPECT_EQ(toml("[limits]\nwall = \"5x\""), "p.toml:3:8: limit wall: '5x' is not a limit; write it as 90s, 10m or 2h");
  EXPECT_EQ(toml("[net]\nmode = \"fltered\""), "p.toml:3:8: 'fltered' is not known here; choose one of none, filtered, host");
  EXPECT_EQ(toml("[net]\nlisten = [1, 65536]"), "p.toml:3:14: a port is wanted here; write a number from 1 to 65535");
  EXPECT_EQ(toml("[env]\nset = { A = \"x\", B = 2 }"), "p.toml:3:22: a string is wanted here; put it in quotes");
  EXPECT_EQ(toml("[fs]\nallow_write = \".\""), "p.toml:3:15: a list is wanted here; put it in [ ]");
  EXPECT_EQ(toml("fs = 3"), "p.toml:2:6: a table is wanted here; write [fs]");
  EXPECT_EQ(said("version = 2"), "p.toml:1:11: this is not version 1; write version = 1; a later version is for a later Cordon");
  EXPECT_EQ(said("[fs]"), "p.toml:1:1: the version is missing; write version = 1");
  EXPECT_EQ(said("version = 1\nversion = 1").substr(0, 9), "p.toml:2:");
}

TEST(PolicyErrors, UnknownKeysComeWithTheNearestOneInFull) {
  EXPECT_EQ(toml("[fs]\nallow_wrte = []"), "p.toml:3:1: unknown key 'fs.allow_wrte'; did you mean 'fs.allow_write'?");
  EXPECT_EQ(toml("[nett]\nmode = \"none\""), "p.toml:2:2: unknown key 'nett'; did you mean 'net'?");
  EXPECT_EQ(toml("allow_write = []"), "p.toml:2:1: unknown key 'allow_write'; did you mean 'fs.allow_write'?");
  EXPECT_EQ(toml("[net.modes]\nx = 1"), "p.toml:2:6: unknown key 'net.modes'; did you mean 'net.mode'?");
  EXPECT_EQ(toml("[[fs.also]]\nallow_reed = []"), "p.toml:3:1: unknown key 'fs.also.allow_reed'; did you mean 'fs.also.allow_read'?");
}

TEST(PolicyErrors, InJsonTooThePlaceIsThatOfTheValue) {
  // The same key stands in two tables; keys have escapes, characters of several bytes come before.
  EXPECT_EQ(
      json(
          "{\"version\": 1,\n \"env\": {\"set\": {\"allow\": \"b..c\", \"\\u0061\": \"\\\"é\"}},\n \"net\": {\"allow\": [\"a.example\", \"b..c\"]}}"),
      "p.json:3:33: the host rule 'b..c' has an empty label; write one dot between labels");
  EXPECT_EQ(json("{\"version\": 1, \"\\u0066s\": {\"git_config\": [] }}"), "p.json:1:42: true or false is wanted here; write it without quotes");
  EXPECT_EQ(json("{\"version\": 1, \"env\": {\"set\": {\"é\": \"é\"}},\"limits\":{\"memory\":\n  -4}}"),
            "p.json:2:3: limit memory: '-4' is not a limit; write it as 64MiB or 2GiB");
  EXPECT_EQ(json("{\"version\":1,\"fss\":{}}"), "p.json:1:14: unknown key 'fss'; did you mean 'fs'?");
  EXPECT_EQ(json("{\"version\":1,\"limits\":{\"memory\":18446744073709551615}}"),
            "p.json:1:33: this number is too large; write one of at most 63 bits");
  EXPECT_EQ(json("{\"version\":1,\"limits\":{\"memory\":1.5}}"),
            "p.json:1:33: this is no whole number of at most 63 bits; write a string, a whole number or a boolean");
  EXPECT_EQ(json("{\"version\":1,\"fs\":null}"), "p.json:1:19: null has no meaning in a policy; leave the key out");
  EXPECT_EQ(json("\xef\xbb\xbf{\"version\":2}"), "p.json:1:12: this is not version 1; write version = 1; a later version is for a later Cordon");
  EXPECT_EQ(json("[]"), "p.json:1:1: a policy is a table; write { \"version\": 1, ... }");
  EXPECT_EQ(json("{\"version\":1,\n \"fs\":{]}").substr(0, 28), "p.json:2:8: this is not JSON");
  EXPECT_EQ(json("").substr(0, 28), "p.json:1:1: this is not JSON");
  EXPECT_EQ(json("{} {}").substr(0, 28), "p.json:1:4: this is not JSON");
}

TEST(PolicyErrors, DuplicateKeysAreRefusedInBothFormats) {
  EXPECT_EQ(json("{\"version\":1,\"net\":{\"mode\":\"none\",\n\"mode\":\"host\"}}"),
            "p.json:2:1: the key 'mode' is written twice; remove one of them");
  EXPECT_EQ(json("{\"version\":1,\"net\":{\"mode\":\"none\",\"\\u006dode\":\"host\"}}"),
            "p.json:1:35: the key 'mode' is written twice; remove one of them");
  EXPECT_NE(toml("[net]\nmode = \"none\"\nmode = \"host\"").find("p.toml:4:"), std::string::npos);
  EXPECT_NE(toml("[net]\n[net]"), "accepted");
}

TEST(PolicyErrors, EveryKindOfValueIsChecked) {
  for (const char* bad : {"[fs]\nallow_write=[\"\"]",
                          "[fs]\nallow_write=[\"*.txt\"]",
                          "[fs]\ndeny_read=[\"~bob/x\"]",
                          "[fs]\ndeny_read=[\"a\\u0000b\"]",
                          "[fs]\ndeny_read=[\"a\\nb\"]",
                          "[fs]\ndeny_read=[1]",
                          "[fs]\ntraps=\"maybe\"",
                          "[net]\nallow=[\"\"]",
                          "[net]\ndeny=[\"http://a\"]",
                          "[net]\nupstream=\"proxy\"",
                          "[net]\nupstream=\"socks5://a:1\"",
                          "[net]\nupstream=\"http://u:p@a:1\"",
                          "[net]\nupstream=\"http://a:0\"",
                          "[net]\nupstream=\"http://[a]:1\"",
                          "[net]\nupstream=\"http://a:1/x\"",
                          "[net]\nca_bundle=\"\"",
                          "[net]\nca_bundle=\"a\\nb\"",
                          "[net.route]\n\"a..b\"=\"unix:x\"",
                          "[net.route]\na=\"tcp:x\"",
                          "[net.route]\na=\"unix:\"",
                          "[net]\nlisten=[0]",
                          "[net]\nlisten=[\"80\"]",
                          "[exec]\nallow=[\"/bin/*\"]",
                          "[exec]\nallow=[\"\"]",
                          "[exec]\ndeny=[\"*\"]",
                          "[exec]\nnested_namespaces=\"yes\"",
                          "[limits]\nwall=0",
                          "[limits]\nprocesses=-1",
                          "[limits]\nmemory=\"9999999999TiB\"",
                          "[limits]\nwall=1.5",
                          "[limits]\nwall=1979-05-27",
                          "[env]\npass=[\"A*B\"]",
                          "[env]\npass=[\"A=B\"]",
                          "[env]\npass=[\"\"]",
                          "[env.set]\n\"A=\"=\"x\"",
                          "[env.set]\n\"\"=\"x\"",
                          "[env.set]\nA=\"\\u0000\"",
                          "[enforce]\nrequire=\"none\"",
                          "extends=\"\"",
                          "extends=1",
                          "[[exec.also]]\nx=1",
                          "[exec]\nalso=[\"a\"]",
                          "[fs]\nalso=[1]",
                          "[[fs.also]]\nallow_write=[\"*\"]"})
    EXPECT_TRUE(toml(bad).starts_with("p.toml:")) << bad << ": " << toml(bad);
  for (const char* secret : {"http://u:hunter2@a:1", "http://u:hunter2%40a:1", "hunter2"})
    EXPECT_EQ(toml("[net]\nupstream=\"" + std::string(secret) + "\"").find("hunter2"), std::string::npos) << "an error repeats a password";
  for (const char* good :
       {"[fs]\nallow_write=[\"a[1].tsx\", \"../beside\", \"~\", \"/\"]\ndeny_write=[\"**/.env\", \"~/x/[ab]?\"]",
        "[net]\nupstream=\"HTTP://Proxy.corp:8080/\"", "[net]\nupstream=\"[fd00::1]:3128\"", "[net]\nupstream=\"required\"",
        "[net.route]\n\"api.example.com\"=\"unix:~/mitm.sock\"", "[net]\nca_bundle=\"corp.pem\"",
        "[exec]\nallow=[\"*\"]\nalso=[[\"git\",\"/usr/bin\"],[]]", "[limits]\nwall=90\nmemory=\"4GiB\"\nprocesses=\"512\"",
        "[env]\npass=[\"*\",\"LC_*\",\"npm_config_//r/:x\"]", "[env.set]\nA=\"two\\nlines\"", "[[fs.also]]\nallow_write=[\".\"]\n[[fs.also]]"})
    EXPECT_EQ(toml(good), "accepted") << good;
}

TEST(PolicyErrors, BombsAreRefusedQuicklyAndInBoundedMemory) {
  const auto many = [](const char* s, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += s;
    return out;
  };
  const auto start = std::clock();
  for (const std::string& bomb : {many("[", 500'000), "a" + many(".a", 500'000) + " = 1", "a = " + many("{a=", 300'000),
                                  "[" + many("a.", 400'000) + "a]", "a" + many(".\"a\"", 200'000) + "=1", "a" + many(".'a'", 200'000) + "=1"}) {
    EXPECT_NE(toml(bomb).find("nested too deeply"), std::string::npos) << bomb.substr(0, 10);
  }
  EXPECT_EQ(json("{\"version\":1,\"a\":" + many("[", 500'000)), "p.json:1:33: this is nested too deeply; a policy has three levels");
  EXPECT_NE(json(many("{\"a\":", 200'000)).find("nested too deeply"), std::string::npos);
  EXPECT_EQ(said("version = 1\n" + std::string(10 << 20, '#')), "the policy p.toml is larger than 1 MiB; name a policy file");
  EXPECT_NE(toml(many("[[a]]\n", 150'000)), "accepted");
  EXPECT_NE(toml(many("a.b=1\n", 150'000)), "accepted");
  EXPECT_LT(std::clock() - start, 5 * CLOCKS_PER_SEC);
  // Dots and brackets in strings and comments are no nesting.
  EXPECT_EQ(toml("[net]\nallow=[\"" + many("a.", 100) + "example\", 'b.c'] # [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"),
            "accepted");
}

struct Files : testing::Test {
  fs::path dir;
  Files() {
    char name[] = "/tmp/cordon_policy_XXXXXX";
    dir = mkdtemp(name);
  }
  ~Files() override { fs::remove_all(dir); }
  std::string write(const std::string& name, const std::string& text) {
    fs::create_directories((dir / name).parent_path());
    std::ofstream(dir / name) << text;
    return dir / name;
  }
  std::string load(const std::string& path) {
    const auto p = load_policy(path);
    if (p) return "accepted";
    std::string s = p.error().sentence();
    for (std::size_t at; (at = s.find(dir.string() + "/")) != std::string::npos;) s.erase(at, dir.string().size() + 1);
    return s;
  }
};

TEST_F(Files, ExtendsIsRelativeToTheFileThatSaysIt) {
  write("base/b.toml",
        "version=1\nextends=\"../c.toml\"\n[fs]\nallow_write=[\"b\"]\n[env.set]\nX=\"b\"\nY=\"b\"\n[exec]\nallow=[\"git\"]\n[limits]\nwall=5\ncpu=5");
  write("c.toml", "version=1\n[fs]\nallow_write=[\"c\"]\ngit_config=true\n[exec]\nallow=[\"*\"]\n[net]\nlisten=[80]");
  const auto p =
      load_policy(write("a.toml",
                        "version=1\nextends=\"base/"
                        "b.toml\"\n[fs]\nallow_write=[\"a\"]\n[env.set]\nX=\"a\"\n[exec]\nallow=[]\n[limits]\nwall=7\n[net]\nlisten=[443,80]"));
  ASSERT_TRUE(p) << p.error().sentence();
  std::vector<std::string> writable;
  for (const auto& r : p->fs.allow_write) writable.push_back(r.text);
  EXPECT_EQ(writable, (std::vector<std::string>{"c", "b", "a"}));
  EXPECT_EQ(p->fs.allow_write[0].origin.text(), dir / "base/../c.toml:3:14");
  EXPECT_EQ(p->env.set, (std::map<std::string, std::string>{{"X", "a"}, {"Y", "b"}}));
  EXPECT_TRUE(p->exec.allow.empty()) << "an empty list allows nothing";
  EXPECT_TRUE(p->fs.git_config);
  EXPECT_EQ(p->limits.wall, std::chrono::seconds(7));
  EXPECT_EQ(p->limits.cpu, std::chrono::seconds(5));
  EXPECT_EQ(p->net.listen, (std::vector<std::uint16_t>{80, 443}));
}

TEST_F(Files, CirclesAndChainsEnd) {
  write("a.toml", "version=1\nextends=\"./b.toml\"");
  write("b.toml", "version=1\n\nextends = \"a.toml\"");
  EXPECT_EQ(load(dir / "a.toml"), "./b.toml:3:11: extends: the policy ./a.toml extends itself; break the circle");
  EXPECT_EQ(load(write("self.toml", "version=1\nextends=\"self.toml\"")),
            "self.toml:2:9: extends: the policy self.toml extends itself; break the circle");
  write("d0.toml", "version=1");
  for (int i = 1; i <= 20; ++i) write("d" + std::to_string(i) + ".toml", "version=1\nextends=\"d" + std::to_string(i - 1) + ".toml\"");
  EXPECT_EQ(load(dir / "d8.toml"), "accepted");
  EXPECT_NE(load(dir / "d20.toml").find("more than 8 deep"), std::string::npos);
}

TEST_F(Files, WhatCannotBeExtendedIsSaidWhereItIsWritten) {
  EXPECT_EQ(load(write("a.toml", "version=1\nextends=\"sfe\"")),
            "a.toml:2:9: extends: there is no preset 'sfe'; did you mean 'safe'? the presets are plan, safe and auto");
  EXPECT_EQ(load(write("a.toml", "version=1\nextends=\"no.toml\"")),
            "a.toml:2:9: extends: cannot read the policy no.toml: No such file or directory; name an existing file that you may read");
  EXPECT_EQ(load(write("a.toml", "version=1\nextends=\"~/x.toml\"")),
            "a.toml:2:9: extends does not know '~'; write the path relative to this file, or in full");
  write("bad.toml", "version=1\n[fs]\nx=1");
  EXPECT_EQ(load(write("a.toml", "version=1\nextends=\"bad.toml\"")).substr(0, 13), "bad.toml:3:1:");
}

TEST_F(Files, WhatIsNoFileIsRefusedAndNotWaitedFor) {
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(load(dir / "fifo"), "the policy fifo is not a file; name a TOML or JSON file");
  EXPECT_NE(load(dir).find("is not a file"), std::string::npos);
  EXPECT_NE(load(dir / "none").find("No such file"), std::string::npos);
  EXPECT_NE(load(std::string("a\0b", 3)).find("NUL"), std::string::npos);
  EXPECT_EQ(load(write("big.toml", "version=1\n" + std::string(10 << 20, '#'))), "the policy big.toml is larger than 1 MiB; name a policy file");
  EXPECT_EQ(load(write("empty.toml", "")), "empty.toml:1:1: the version is missing; write version = 1");
  EXPECT_EQ(load(write("json_inside.toml", " {\"version\":1}")), "accepted");
}

// toml++ looks such characters up in a table with holes: found by the fuzzer.
TEST(Policy, CharactersBeyondAsciiStandInStringsAndCommentsAlone) {
  const auto said = [](const std::string& text) {
    const auto p = parse_policy(text, "p.toml");
    return p ? std::string("accepted") : p.error().sentence();
  };
  const std::string why = ": a character that is not ASCII stands outside of strings and comments; put it into quotes";
  EXPECT_EQ(said("\xef\xbb\x9fvervsi"), "p.toml:1:1" + why);
  EXPECT_EQ(said("version = 1\n# Ünïcode\n[fs]\ndeny_read = [\"ä\", ö]\n"), "p.toml:4:19" + why);
  EXPECT_EQ(said("version = 1\nx = \"\"\"a\"\"\"\"\" ä"), "p.toml:2:15" + why) << "two quotes before the end of a string are its text";
  EXPECT_EQ(said("version = 1 \u00a0"), "p.toml:1:13" + why) << "a blank that is none";
  EXPECT_EQ(said("\xef\xbb\xbfversion = 1 # ä\n[fs]\ndeny_read = [\"ä\", 'ö', \"\"\"\\\"\"\"ü\"\"\"]\n"), "accepted");
}

// toml++ takes for granted that a name or a value follows; in a build without assertions what it then does is undefined.
TEST(Policy, ATableHasANameAndAListEndsByABracket) {
  const auto said = [](const std::string& text) {
    const auto p = parse_policy(text, "p.toml");
    return p ? std::string("accepted") : p.error().sentence();
  };
  const std::string nameless = ": a table has no name; write [name] or [[name]]", brace = ": a list is closed by a brace; write ]";
  for (const char* header : {"[[[a]]]", "[=]", "[.a]", "[\na]", "[ # x\n]", "[[ \t{", "[[\n"})
    EXPECT_EQ(said(header), "p.toml:1:1" + nameless) << header;
  EXPECT_EQ(said("\xef\xbb\xbfversion = 1\n[fs]\ndeny_read = [\"[\",\n]\n \t[[[x]]]"), "p.toml:5:3" + nameless);
  EXPECT_EQ(said("version = 1\nx = [}"), "p.toml:2:6" + brace);
  EXPECT_EQ(said("x = [{a = [\n1, # }\n}]}]"), "p.toml:3:1" + brace);
  for (const char* other : {"[", "[[", "[[ ", "[]", "[[]]", "[a", "x = }", "x = {]", "x = [[[1]]]", "x = [\n[[1]]]", "}"}) {
    EXPECT_EQ(said(other).find("p.toml:"), 0U) << other;
    EXPECT_EQ(said(other).find(nameless), std::string::npos) << other;
    EXPECT_EQ(said(other).find(brace), std::string::npos) << other << ": " << said(other);
  }
  EXPECT_EQ(said("version = 1\n[ 'fs' ]\nallow_read = [\n[\"x]\"][0]\n").find(nameless), std::string::npos);
  EXPECT_EQ(said("version = 1\n[[ \"fs\" . also ]] # [\nallow_write = ['}',\n '[' # }\n]\n"), "accepted");
}

TEST(Policy, AStringStandsWhereAValueBegins) {
  const auto said = [](const std::string& text) {
    const auto p = parse_policy(text, "p.toml");
    return p ? std::string("accepted") : p.error().sentence();
  };
  const std::string within = "a quote stands within a value; begin the value with it";
  for (const char* text : {"x=0o2{\"\u01be", "x = 1\"\u01be\"", "x=[0.'\u01be']", "x = [1, 2\"\u01be\"]", "x = {a = 1[\"\u01be\"]}",
                           "x = [\n1=\"\u01be\"]", "a.b = -\"\u01be\""})
    EXPECT_NE(said(text).find(within), std::string::npos) << text << ": " << said(text);
  EXPECT_EQ(said("version=1\n[\"fs\".'also']#\u01be\n").find(within), std::string::npos);
  EXPECT_EQ(said("version=1# \"\u01be\n[fs]\nallow_read=[\"\u01be\",'\u01be'\n,\n\"x\"]\n[env]\nset={\"A\"=\"\u01be\",B='1'}\n"), "accepted");
  EXPECT_EQ(said("version=1\n[net]\nroute={\"r.example\"=\"unix:/s\"}\nmode='filtered'\n"), "accepted");
  EXPECT_EQ(said("version=1\nnet.route.\"r.example\"='unix:/s'\nnet.mode = \"filtered\"\n"), "accepted");
}

TEST(Policy, TenThousandRulesAreReadInTime) {
  std::string text = "version = 1\n[fs]\ndeny_read = [\n";
  for (int i = 0; i < 10'000; ++i) text += "  \"~/some/where/else/" + std::to_string(i) + "\",\n";
  text += "]\n[net]\nmode = \"filtered\"\nallow = [\n";
  for (int i = 0; i < 10'000; ++i) text += "  \"host" + std::to_string(i) + ".example.com:443\",\n";
  text += "]\n";
  // The processor's time, which a busy machine does not stretch; what grows with the square of the rules takes minutes.
  const auto milliseconds = [] { return std::clock() * 1000LL / CLOCKS_PER_SEC; };
  const auto start = milliseconds();
  const auto p = parse_policy(text, "big.toml");
  const auto took = milliseconds() - start;
  ASSERT_TRUE(p) << p.error().sentence();
  EXPECT_EQ(p->net.allow.size(), 10'000U);
  RecordProperty("milliseconds", static_cast<int>(took));
  EXPECT_LT(took, 5000) << "a bound for sanitizers; without, it takes a hundredth";
  const auto again = milliseconds();
  const Policy both = compose(*p, *p);
  EXPECT_EQ(both, *p);
  EXPECT_LT(milliseconds() - again, 5000);
}

TEST(Policy, JsonAndTomlReadBackToAnEqualPolicy) {
  const auto q = parse_policy(R"(
version = 1
extends = "safe"
[fs]
allow_write = [".", "a \"b\" \\ é", "x[1]"]
deny_read = ["**/.env"]
git_config = true
traps = "report"
[[fs.also]]
allow_write = ["x"]
deny_write = ["*.c"]
[[fs.also]]
[net]
mode = "filtered"
allow = ["a.example", "*.b.example:*", "[2001:db8::/32]:1"]
deny = ["c.example"]
listen = [3000, 1]
upstream = "http://p:1"
sni_check = false
private_addresses = true
ca_bundle = "ca.pem"
route = { "r.example" = "unix:/s" }
[exec]
allow = ["git", "/usr/bin"]
deny = ["sudo"]
also = [["git"], []]
nested_namespaces = true
[limits]
wall = "1500ms"
cpu = 3
memory = "1GiB"
processes = 7
open_files = 8
file_size = 9
output = "10KB"
[env]
pass = ["A_*"]
set = { "x.z" = "1", B = "\t\u0001\n" }
[enforce]
require = "landlock"
)",
                              "p.toml");
  ASSERT_TRUE(q) << q.error().sentence();
  const auto from_json = parse_policy(to_json(*q), "back.json"), from_toml = parse_policy(to_toml(*q), "back.toml");
  ASSERT_TRUE(from_json) << from_json.error().sentence() << to_json(*q);
  ASSERT_TRUE(from_toml) << from_toml.error().sentence() << to_toml(*q);
  EXPECT_EQ(*from_json, *q);
  EXPECT_EQ(*from_toml, *q);
  EXPECT_EQ(digest(*from_toml), digest(*q));
  EXPECT_EQ(digest(*q).size(), 64U);
  EXPECT_NE(to_toml(*q).find("\"**/.env\",  # p.toml:6:14\n"), std::string::npos) << to_toml(*q);
  for (const auto name : preset_names()) {
    const auto preset = cordon::preset(name).value();
    const auto read = parse_policy(preset_source(name).value(), "preset " + std::string(name)).value();
    EXPECT_EQ(to_json(preset, true), to_json(read, true)) << "what the build made of it";
    EXPECT_EQ(parse_policy(to_toml(preset), "x").value(), preset);
    EXPECT_EQ(parse_policy(to_json(preset), "x.json").value(), preset);
    EXPECT_FALSE(preset.fs.deny_read.empty());
    EXPECT_EQ(preset.net.mode, name == "plan" ? NetMode::none : NetMode::filtered) << name;
  }
}

TEST(Policy, AnAllowRuleOfAnOptionAllowsInAComposedPolicyToo) {
  Policy p = compose(preset("safe").value(), parse_policy("version=1\n[fs]\nallow_write=[\"src\"]\n[exec]\nallow=[\"git\"]", "c").value());
  ASSERT_EQ(p.fs.also.size(), 1U);
  ASSERT_TRUE(add_rule(p, RuleList::allow_write, "build", {"--allow-write"}));
  ASSERT_TRUE(add_rule(p, RuleList::deny_read, "x", {"--deny-read"}));
  EXPECT_EQ(p.fs.allow_write.back().text, "build");
  EXPECT_EQ(p.fs.also[0].allow_write.back().text, "build");
  EXPECT_EQ(p.fs.deny_read.back().origin.text(), "--deny-read");
  EXPECT_EQ(add_rule(p, RuleList::allow_host, "a..b", {"--allow-host"}).error().sentence(),
            "--allow-host: the host rule 'a..b' has an empty label; write one dot between labels");
  EXPECT_EQ(add_rule(p, RuleList::allow_read, "a\nb", {"--allow-read"}).error().sentence(),
            "--allow-read: the path 'a\\x0ab' has a NUL, newline or other control character in it; name a path without it");
  EXPECT_EQ(add_environment(p, "=x", {"--env"}).error().sentence(), "--env: a variable has no name; write NAME or NAME=VALUE");
  ASSERT_TRUE(add_environment(p, "A=b=c", {"--env"}));
  EXPECT_EQ(p.env.set["A"], "b=c");
}

}  // namespace
}  // namespace cordon
