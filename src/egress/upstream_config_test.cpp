// SPDX-License-Identifier: Apache-2.0
// Rows U1 and U2 of the upstream contract.
#include "egress/upstream_config.hpp"

#include <gmock/gmock.h>

#include "egress/test_table.hpp"

namespace cordon::egress {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

UpstreamChoice choose(const Environment& environment, std::string_view word = "env") { return choose_upstream(word, environment).value(); }
std::string proxy_of(const UpstreamChoice& choice) { return choice.config.direct() ? "direct" : choice.config.proxy()->text(); }
std::string parsed(std::string_view text) {
  const auto address = parse_proxy_address(text);
  return address ? address->host + " " + std::to_string(address->port) : "refused";
}

TEST(UpstreamConfig, U1_1_TheValueIsASnapshotCheapToCopyAndComparable) {
  Environment environment{{"HTTPS_PROXY", "a.corp:1"}, {"NO_PROXY", "x.corp"}};
  const UpstreamConfig first = choose(environment).config;
  const UpstreamConfig same = choose(environment).config, copy = first;
  environment["HTTPS_PROXY"] = "b.corp:2";
  EXPECT_EQ(first.proxy()->text(), "a.corp:1");
  EXPECT_EQ(first, same);
  EXPECT_EQ(copy.proxy(), first.proxy()) << "a copy shares what it holds";
  EXPECT_NE(first, choose(environment).config);
  environment["HTTPS_PROXY"] = "a.corp:1";
  environment["NO_PROXY"] = "y.corp";
  EXPECT_NE(first, choose(environment).config);
  EXPECT_NE(first, UpstreamConfig());
  EXPECT_EQ(UpstreamConfig(), choose({}).config);
}

TEST(UpstreamConfig, U1_2_DirectOrAProxyWithItsNoProxyList) {
  EXPECT_TRUE(choose({}).config.direct());
  EXPECT_EQ(choose({}).config.proxy_for("x"), nullptr);
  const auto config = choose({{"HTTPS_PROXY", "p.corp:8080"}, {"NO_PROXY", ".lab"}}).config;
  ASSERT_FALSE(config.direct());
  EXPECT_EQ(config.proxy()->host, "p.corp");
  EXPECT_EQ(config.proxy()->port, 8080);
  EXPECT_EQ(config.proxy_for("a.lab"), nullptr);
  EXPECT_EQ(config.proxy_for("example.com"), config.proxy());
}

TEST(UpstreamConfig, U1_3_UpperCaseWinsEvenWhenBlankAndOtherVariablesDoNotMatter) {
  EXPECT_EQ(proxy_of(choose({{"HTTPS_PROXY", "u.corp:1"}, {"https_proxy", "l.corp:2"}})), "u.corp:1");
  EXPECT_EQ(proxy_of(choose({{"https_proxy", "l.corp:2"}})), "l.corp:2");
  EXPECT_EQ(proxy_of(choose({{"HTTPS_PROXY", " "}, {"https_proxy", "l.corp:2"}})), "direct");
  EXPECT_EQ(proxy_of(choose({{"HTTP_PROXY", "h.corp:1"}, {"ALL_PROXY", "a.corp:1"}, {"http_proxy", "h.corp:1"}, {"all_proxy", "a.corp:1"}})),
            "direct");
  const auto through = [](Environment e) {
    e["HTTPS_PROXY"] = "p.corp:1";
    return choose(e).config.proxy_for("x.corp") != nullptr;
  };
  EXPECT_FALSE(through({{"no_proxy", "x.corp"}}));
  EXPECT_TRUE(through({{"NO_PROXY", ""}, {"no_proxy", "x.corp"}}));
  EXPECT_FALSE(through({{"NO_PROXY", "x.corp"}, {"no_proxy", ""}}));
}

TEST(UpstreamConfig, U1_4_UnsetEmptyOrBlankIsDirectWithoutAWarning) {
  for (const char* value : {"", " ", "\t\r\n\v\f "}) {
    EXPECT_EQ(proxy_of(choose({{"HTTPS_PROXY", value}})), "direct");
    EXPECT_EQ(choose({{"HTTPS_PROXY", value}}).warning, "");
  }
}

TEST(UpstreamConfig, U1_5_AValueThatDoesNotParseIsOneWarningThenDirect) {
  const auto choice = choose({{"https_proxy", "socks5://proxy.corp:1080"}});
  EXPECT_TRUE(choice.config.direct());
  EXPECT_EQ(choice.warning,
            "https_proxy=\"socks5://proxy.corp:1080\" is not the address of a proxy: only http:// and https:// are known; "
            "expected [http://]host:port; connecting directly");
}

TEST(UpstreamConfig, U1_5_TheWarningMasksCredentials) {
  for (const char* value :
       {"http://user:s3cret@proxy.corp:8080", "user:s3cret@proxy.corp:8080", "http://s3cret:@p", "http://u:s3@cret@p:1", "socks5h://u:s3cret@p:1",
        "u:http://s3cret@p:1", "http://u:s3cret%40p:1", "http://u:s3cret\xef\xbc\xa0p:1", " HTTP://s3cret@p:1", "s3cret://x@p:1"})
    EXPECT_THAT(choose({{"HTTPS_PROXY", value}}).warning,
                AllOf(HasSubstr("HTTPS_PROXY"), HasSubstr("***@p"), Not(HasSubstr("s3")), Not(HasSubstr("cret"))))
        << value;
}

TEST(UpstreamConfig, U1_5_TheWarningCannotDriveATerminalAndIsShort) {
  const auto warning = choose({{"HTTPS_PROXY", std::string("proxy\x1b[31m\r\n\xc2\x9b\xff.corp\0:8080", 24)}}).warning;
  EXPECT_THAT(warning, HasSubstr("proxy\\x1b[31m\\x0d\\x0a\\xc2\\x9b\\xff.corp\\x00"));
  for (const char c : warning) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
  EXPECT_LT(choose({{"HTTPS_PROXY", std::string(100'000, 'a')}}).warning.size(), 500U);
}

TEST(UpstreamConfig, U1_5_RequiredMakesItAnError) {
  EXPECT_EQ(proxy_of(choose({{"HTTPS_PROXY", "p.corp:1"}}, "required")), "p.corp:1");
  for (const Environment& bad : {Environment{}, Environment{{"HTTPS_PROXY", ""}}, Environment{{"HTTPS_PROXY", "http://u:s3cret@p:1"}}}) {
    const auto choice = choose_upstream("required", bad);
    ASSERT_FALSE(choice);
    EXPECT_EQ(choice.error().exit_status, 125);
    EXPECT_THAT(choice.error().sentence(), AllOf(HasSubstr("HTTPS_PROXY"), HasSubstr("[http://]host:port"), Not(HasSubstr("s3cret"))));
  }
}

TEST(UpstreamConfig, ThePolicyNamesTheProxyOrNone) {
  EXPECT_EQ(proxy_of(choose({{"HTTPS_PROXY", "p.corp:1"}}, "none")), "direct");
  const auto choice = choose({{"HTTPS_PROXY", "p.corp:1"}, {"NO_PROXY", "x.corp"}}, "http://own.corp:3128");
  EXPECT_EQ(proxy_of(choice), "own.corp:3128");
  EXPECT_EQ(choice.config.proxy_for("x.corp"), nullptr);
  const auto wrong = choose_upstream("http://u:s3cret@own.corp:1", {});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().sentence(), AllOf(HasSubstr("net.upstream"), HasSubstr("***@own.corp:1"), Not(HasSubstr("s3cret"))));
}

TEST(ProxyAddress, U2_1_HostAndPort) { EXPECT_EQ(parsed("proxy.corp:8080"), "proxy.corp 8080"); }
TEST(ProxyAddress, U2_2_WithHttp) { EXPECT_EQ(parsed("http://proxy.corp:8080"), "proxy.corp 8080"); }
TEST(ProxyAddress, U2_3_WithHttps) { EXPECT_EQ(parsed("https://proxy.corp:8080"), "proxy.corp 8080"); }
TEST(ProxyAddress, U2_4_OneTrailingSlashIsDropped) {
  EXPECT_EQ(parsed("http://proxy.corp:8080/"), "proxy.corp 8080");
  EXPECT_EQ(parsed("proxy.corp:8080//"), "refused");
}
TEST(ProxyAddress, U2_5_CredentialsAreRefused) {
  for (const char* text : {"http://user:pass@proxy.corp:8080", "@proxy.corp:8080", "proxy.corp:8080/@"}) EXPECT_EQ(parsed(text), "refused") << text;
}
TEST(ProxyAddress, U2_6_APortIsNeeded) {
  for (const char* text : {"proxy.corp", "http://proxy.corp", "[::1]", "http://"}) EXPECT_EQ(parsed(text), "refused") << text;
}
TEST(ProxyAddress, U2_7_APortIsFrom1To65535AndAHostIsNeeded) {
  for (const char* text : {"proxy.corp:0", "proxy.corp:eight", "proxy.corp:65536", "proxy.corp:", ":8080", "proxy.corp:4294967376"})
    EXPECT_EQ(parsed(text), "refused") << text;
  EXPECT_EQ(parsed("proxy.corp:65535"), "proxy.corp 65535");
}
TEST(ProxyAddress, U2_8_APathAndInnerBlanksAreRefused) {
  for (const char* text :
       {"http://proxy.corp:8080/some/path", "http://proxy.corp:8080?q", "proxy corp:8080", "http:// proxy.corp:8080", "proxy.corp:80\v80"})
    EXPECT_EQ(parsed(text), "refused") << text;
}
TEST(ProxyAddress, U2_9_AnIPv6AddressHasBrackets) {
  EXPECT_EQ(parsed("[::1]:3128"), "::1 3128");
  EXPECT_EQ(parsed("http://[fd00::1]:3128/"), "fd00::1 3128");
  EXPECT_EQ(parse_proxy_address("[::1]:3128")->text(), "[::1]:3128");
}
TEST(ProxyAddress, U2_10_BlanksAroundAreTheSixOfAscii) {
  EXPECT_EQ(parsed(" \t\r\n\v\fhttp://proxy.corp:8080\n"), "proxy.corp 8080");
  EXPECT_EQ(parsed("\xc2\xa0proxy.corp:8080"), "refused");
  EXPECT_EQ(parsed(std::string_view("proxy.corp:8080\0", 16)), "refused");
}
TEST(ProxyAddress, U2_11_TheSchemeHasNoCaseAndNoOtherIsKnown) {
  EXPECT_EQ(parsed("HTTP://proxy.corp:8080"), "proxy.corp 8080");
  for (const char* text : {"socks5://proxy.corp:1080", "ftp://proxy.corp:21", "://proxy.corp:1"}) EXPECT_EQ(parsed(text), "refused") << text;
}
TEST(ProxyAddress, U2_12_AHostIsANameKeptAsWrittenOrAnAddressInBrackets) {
  EXPECT_EQ(parsed("My_Proxy.Corp.:1"), "My_Proxy.Corp. 1");
  EXPECT_EQ(parsed("0x7f.0.0.1:1"), "0x7f.0.0.1 1");
  const std::string label(63, 'a'), longest = label + "." + label + "." + label + "." + std::string(61, 'a');
  EXPECT_EQ(parsed(longest + ".:1"), longest + ". 1");
  EXPECT_EQ(parsed(longest + "a:1"), "refused");
  EXPECT_EQ(parsed(label + "a:1"), "refused");
  for (const char* text : {"a%2eb:1", "::1:3128", "[a]:1", "[fe80::1%lo]:1", "[127.0.0.1]:1", "a..b:1", ".a:1", "a\x01:1", "proxy\343\200\202corp:1"})
    EXPECT_EQ(parsed(text), "refused") << text;
  EXPECT_EQ(parsed(std::string_view("[::\0001]:3128", 11)), "refused") << "a NUL ends nothing";
  EXPECT_THAT(choose({{"HTTPS_PROXY",
                       "http://b\xc3\xbc"
                       "cher.corp:8080/"}})
                  .warning,
              AllOf(HasSubstr("xn--bcher-kva.corp"), HasSubstr("b\\xc3\\xbccher.corp:8080")));
}
TEST(ProxyAddress, U2_13_APortIsDecimalDigits) {
  EXPECT_EQ(parsed("proxy.corp:03128"), "proxy.corp 3128");
  for (const char* text : {"proxy.corp:+8080", "proxy.corp:-1", "proxy.corp:0x50", "proxy.corp:8e3"}) EXPECT_EQ(parsed(text), "refused") << text;
}

TEST(ProxyAddress, U2_TheOracleTable) {
  for (const Row& row : read_table("tests/oracle/proxy_url.tsv")) {
    const auto choice = choose({{"HTTPS_PROXY", row["value"]}});
    const std::string outcome = !choice.config.direct() ? "proxy" : choice.warning.empty() ? "direct" : "refused";
    EXPECT_EQ(outcome, row["contract"]) << "line " << row.line << ": " << row.raw("value");
    if (choice.config.direct()) continue;
    EXPECT_EQ(choice.config.proxy()->host, row["host"]) << "line " << row.line;
    EXPECT_EQ(std::to_string(choice.config.proxy()->port), row["port"]) << "line " << row.line;
  }
}

}  // namespace
}  // namespace cordon::egress
