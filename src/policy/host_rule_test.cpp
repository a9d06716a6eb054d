// SPDX-License-Identifier: Apache-2.0
#include "policy/host_rule.hpp"

#include <gtest/gtest.h>

namespace cordon::policy {
namespace {

std::string host(std::string_view text) {
  const auto h = parse_host(text);
  return h ? (h->is_address() ? "@" : "") + h->text() : "refused";
}
std::string rule(std::string_view text) {
  const auto r = parse_host_rule(text);
  return r ? r->text() : "refused: " + r.error().sentence();
}
HostRule make(std::string_view text) { return parse_host_rule(text).value(); }
bool says(std::string_view r, std::string_view h, std::uint16_t port = 443) { return matches(make(r), parse_host(h).value(), port); }

TEST(HostName, CaseAndOneTrailingDotDoNotMatter) {
  for (const char* spelling : {"example.com", "EXAMPLE.com", "example.com.", "eXample.COM."}) EXPECT_EQ(host(spelling), "example.com");
}

TEST(HostName, ALabelsAndULabelsAreOneName) {
  for (const char* spelling : {"bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "XN--BCHER-KVA.EXAMPLE.", "bu\u0308cher.example",
                               "ｂücher。ｅxample", "bücher.example."})
    EXPECT_EQ(host(spelling), "xn--bcher-kva.example") << spelling;
  EXPECT_EQ(host("faß.example"), "xn--fa-hia.example") << "non-transitional";
}

TEST(HostName, EveryTextualFormOfAnAddressIsThatAddress) {
  for (const char* spelling : {"127.0.0.1",
                               "127.0.0.1.",
                               "2130706433",
                               "0x7f000001",
                               "0X7F.1",
                               "0x7f.0.0.1",
                               "0177.0.0.1",
                               "017700000001",
                               "127.1",
                               "127.0.1",
                               "127.0x1",
                               "::ffff:127.0.0.1",
                               "[::ffff:127.0.0.1]",
                               "::FFFF:7f00:1",
                               "0:0:0:0:0:ffff:127.0.0.1",
                               "１２７.0.0.1",
                               "127。0。0。1",
                               "①②⑦.1",
                               "00000000177.1",
                               "0x0000007f.1"})
    EXPECT_EQ(host(spelling), "@127.0.0.1") << spelling;
  for (const char* spelling : {"::1", "[::1]", "0:0::1", "0000:0000:0000:0000:0000:0000:0000:0001", "::0.0.0.1"})
    EXPECT_EQ(host(spelling), "@::1") << spelling;
}

TEST(HostName, WhatIsNeitherNameNorAddressIsRefused) {
  for (const std::string& bad : std::vector<std::string>{"",
                                                         ".",
                                                         "..",
                                                         "a..b",
                                                         ".a",
                                                         "a..",
                                                         "a b",
                                                         " a",
                                                         "a\t",
                                                         "a\n",
                                                         "a\r\nb",
                                                         std::string("evil\0.allowed.com", 17),
                                                         "%00",
                                                         "a%2eb",
                                                         "a/b",
                                                         "a@b",
                                                         "a:80",
                                                         "[a]",
                                                         "[::1",
                                                         "::1]",
                                                         "[::1]:80",
                                                         "fe80::1%eth0",
                                                         "[fe80::1%25eth0]",
                                                         "1.2.3.4.5",
                                                         "256.1.1.1",
                                                         "1.2.3.256",
                                                         "4294967296",
                                                         "0x100000000",
                                                         "08.1.1.1",
                                                         "a.1",
                                                         "a.0x1f",
                                                         "1.2.3.4..",
                                                         "-\x7f",
                                                         "\xff.com",
                                                         "a\u3000b",
                                                         "::ffff:127.1",
                                                         "[127.0.0.1]",
                                                         "[]",
                                                         ":",
                                                         "*",
                                                         "a*b",
                                                         "ex\u00adample..com",
                                                         "a\u2024\u2024b",
                                                         "xn--a\u00fc",
                                                         "\u2488example",
                                                         "a\u2028b",
                                                         "a,b",
                                                         "a\\b",
                                                         "a'b",
                                                         "a+b"})
    EXPECT_EQ(host(bad), "refused") << bad;
}

TEST(HostName, LengthsAreThoseOfDns) {
  const std::string label(63, 'a');
  EXPECT_EQ(host(label + ".b"), label + ".b");
  EXPECT_EQ(host(label + "a.b"), "refused");
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  ASSERT_EQ(longest.size(), 253U);
  EXPECT_EQ(host(longest), longest);
  EXPECT_EQ(host(longest + "."), longest);
  EXPECT_EQ(host(longest + "c"), "refused");
  EXPECT_EQ(host(std::string(100'000, 'a')), "refused");
  EXPECT_EQ(host("_dmarc.a-.-b.3com.x1"), "_dmarc.a-.-b.3com.x1");
}

TEST(HostRule, AnExactNameMatchesThatNameAlone) {
  EXPECT_TRUE(says("GitHub.com", "github.COM."));
  EXPECT_FALSE(says("github.com", "api.github.com"));
  EXPECT_FALSE(says("github.com", "evilgithub.com"));
  EXPECT_TRUE(says("bücher.example", "xn--bcher-kva.example"));
}

TEST(HostRule, AStarMatchesBelowAtAnyDepthButNotTheNameItself) {
  EXPECT_TRUE(says("*.example.com", "a.example.com"));
  EXPECT_TRUE(says("*.example.com", "a.b.c.example.com"));
  EXPECT_FALSE(says("*.example.com", "example.com"));
  EXPECT_FALSE(says("*.example.com", "evilexample.com"));
  EXPECT_FALSE(says("*.example.com", "example.com.evil"));
}

TEST(HostRule, NoPortMeansTheTwoOfTheWebForAddressesToo) {
  for (const char* r : {"a.example", "*.example", "*", "192.0.2.1", "2001:db8::/32"}) {
    const char* h = r[0] == '1' ? "192.0.2.1" : r[0] == '2' ? "2001:db8::7" : "a.example";
    EXPECT_TRUE(says(r, h, 80)) << r;
    EXPECT_TRUE(says(r, h, 443)) << r;
    EXPECT_FALSE(says(r, h, 22)) << r;
  }
  EXPECT_TRUE(says("a.example:*", "a.example", 22));
  EXPECT_TRUE(says("[2001:db8::1]:22", "2001:db8::1", 22));
  EXPECT_FALSE(says("[2001:db8::1]:22", "2001:db8::1", 443));
}

TEST(HostRule, ANameRuleNeverMatchesAnAddressNorTheOtherWayRound) {
  EXPECT_FALSE(says("*.example", "192.0.2.1"));
  EXPECT_FALSE(says("0.0.0.0/0", "a.example"));
  EXPECT_TRUE(says("*", "192.0.2.1"));
  EXPECT_TRUE(says("203.0.113.0/24:8443", "203.0.113.255", 8443));
  EXPECT_FALSE(says("203.0.113.0/24:8443", "203.0.114.0", 8443));
  EXPECT_TRUE(says("203.0.113.7", "::ffff:203.0.113.7"));
  EXPECT_TRUE(says("::ffff:203.0.113.7", "203.0.113.7"));
  EXPECT_FALSE(says("::/0", "203.0.113.7")) << "::/0 is IPv6 alone";
  EXPECT_TRUE(says("::/0", "2001:db8::1"));
  EXPECT_TRUE(says("::ffff:0:0/96", "203.0.113.7"));
}

TEST(HostRule, ItsTextReadsBackToTheSameRule) {
  for (const char* text : {"*", "*:*", "*:25", "a.example", "*.a.example:443", "10.0.0.0/8", "192.0.2.1:22", "[2001:db8::1]", "[2001:db8::/32]:*",
                           "[::]:1", "[::/0]", "0.0.0.0/0:65535"}) {
    EXPECT_EQ(rule(text), text);
    EXPECT_EQ(make(rule(text)), make(text));
  }
  EXPECT_EQ(rule("2001:DB8:0::1"), "[2001:db8::1]");
  EXPECT_EQ(rule("BÜCHER.example.:0443"), "xn--bcher-kva.example:443");
  EXPECT_EQ(rule("::ffff:10.0.0.0/104"), "10.0.0.0/8");
}

TEST(HostRule, AWrongRuleSaysWhatToWrite) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "a host rule is empty; name a host, or '*' for every host"},
      {"https://a.example/", "the host rule 'https://a.example/' is a URL; write the host alone, as in example.com:443"},
      {"127.1", "the host rule '127.1' is an unusual spelling of an address; write 127.0.0.1"},
      {"0x7f.0.0.1:80", "the host rule '0x7f.0.0.1:80' is an unusual spelling of an address; write 127.0.0.1"},
      {"10.0.0.1/8", "the host rule '10.0.0.1/8' has bits set behind its prefix; write 10.0.0.0/8"},
      {"10.0.0.0/33", "the host rule '10.0.0.0/33' has no prefix length behind its '/'; write a number from 0 to 32; a host is named without a path"},
      {"a.example/path", "the host rule 'a.example/path' names no address before its '/'; write it as 10.0.0.0/8 or [2001:db8::/32]"},
      {"a.example:0",
       "the host rule 'a.example:0' has no port from 1 to 65535 behind its colon; write a number from 1 to 65535, or '*' for any port"},
      {"a*.example", "the host rule 'a*.example' has a '*' inside; '*' stands alone, or in front as in *.example.com"},
      {"*.10.0.0.1", "the host rule '*.10.0.0.1' has a '*.' in front of an address; write a network, as in 10.0.0.0/8"},
      {"a..example", "the host rule 'a..example' has an empty label; write one dot between labels"},
      {"[2001:db8::]/32:443", "the host rule '[2001:db8::]/32:443' has its prefix length behind the bracket; write it as [2001:db8::/32]:443"},
  };
  for (const auto& [text, sentence] : cases) EXPECT_EQ(rule(text), std::string("refused: ") + sentence);
  for (const char* bad : {"*.", "*.*", "**", "a.example:", "a.example:65536", "a.example:+1", "[a]:1", "[::1", "[::1]x", "[1.2.3.4]", "::1/129",
                          "a b", "fe80::1%lo", ":80", "a:b:c", "[]", "*.*.example", "1.2.3.4/", "1.2.3.4/-1"})
    EXPECT_TRUE(rule(bad).starts_with("refused")) << bad << " gave " << rule(bad);
}

TEST(HostRule, OnlyANetworkThatIsWhollySpecialOpensSpecialAddresses) {
  for (const char* r : {"10.0.0.0/8", "127.0.0.1", "169.254.169.254:80", "[fd00::/8]", "[::1]", "192.168.1.0/24:*", "[64:ff9b::/96]"})
    EXPECT_TRUE(opens_special(make(r))) << r;
  for (const char* r : {"*", "0.0.0.0/0", "8.0.0.0/5", "1.1.1.1", "localhost", "[::/0]", "[2606:4700::1]", "172.0.0.0/8"})
    EXPECT_FALSE(opens_special(make(r))) << r;
}

TEST(HostRule, MeetIsExactlyWhatBothMatch) {
  // Every pair of these rules against every one of these hosts and ports.
  const char* rules[] = {"*",
                         "*:*",
                         "*:443",
                         "*:22",
                         "a.example",
                         "a.example:22",
                         "a.example:80",
                         "*.example",
                         "*.example:*",
                         "*.a.example",
                         "*.a.example:443",
                         "b.a.example:*",
                         "10.0.0.0/8",
                         "10.1.0.0/16:*",
                         "10.1.0.1:443",
                         "[2001:db8::/32]",
                         "[2001:db8::1]:443",
                         "[::/0]:*",
                         "0.0.0.0/0:22",
                         "[::ffff:0:0/96]",
                         "xample"};
  const char* hosts[] = {"a.example", "b.a.example", "c.b.a.example", "example",     "xample", "10.0.0.1",
                         "10.1.0.1",  "11.0.0.1",    "2001:db8::1",   "2001:db8::2", "::1"};
  for (const char* x : rules)
    for (const char* y : rules) {
      const auto a = make(x), b = make(y);
      const auto m = meet(a, b);
      EXPECT_EQ(m, meet(b, a)) << x << " " << y;
      bool covered = true;
      for (const char* h : hosts)
        for (const std::uint16_t port : {22, 80, 443, 8080}) {
          const auto n = parse_host(h).value();
          EXPECT_EQ(m && matches(*m, n, port), matches(a, n, port) && matches(b, n, port)) << x << " and " << y << " at " << h << ":" << port;
          covered = covered && (!matches(b, n, port) || matches(a, n, port));
        }
      if (covers(a, b)) {
        EXPECT_TRUE(covered) << x << " " << y;
        EXPECT_EQ(m, b);
      }
    }
}

}  // namespace
}  // namespace cordon::policy
