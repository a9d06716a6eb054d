// SPDX-License-Identifier: Apache-2.0
#include "egress/socks5_message.hpp"

#include <gtest/gtest.h>

namespace cordon::egress::socks5 {
namespace {

std::string bytes(std::initializer_list<int> all) {
  std::string s;
  for (const int b : all) s += static_cast<char>(b);
  return s;
}
std::string named(std::string_view name, int port = 443, int command = 1) {
  return bytes({5, command, 0, 3, static_cast<int>(name.size())}) + std::string(name) + bytes({port >> 8, port & 255});
}
// Every true prefix of a good message is incomplete, and what follows it is not counted.
template <class Parse>
void check_prefixes(const std::string& message, Parse parse) {
  for (std::size_t i = 0; i < message.size(); ++i) EXPECT_TRUE(parse(message.substr(0, i)).incomplete()) << i;
  const auto whole = parse(message + "tunnel");
  ASSERT_TRUE(whole.message);
  EXPECT_EQ(whole.length, message.size());
  EXPECT_LE(message.size(), kMostBytes);
}
Reply error(const std::string& request) { return parse_request(request).error.value_or(Reply::succeeded); }

TEST(Socks5, AGreetingListsMethods) {
  check_prefixes(bytes({5, 2, 0, 2}), parse_greeting);
  check_prefixes(bytes({5, 255}) + std::string(255, '\x80'), parse_greeting);
  const auto g = parse_greeting(bytes({5, 2, 1, 2}));
  EXPECT_TRUE(g.message->offers(Method::user_password));
  EXPECT_FALSE(g.message->offers(Method::none));
  for (const auto& bad : {bytes({4}), bytes({'G'}), bytes({5, 0})}) EXPECT_TRUE(parse_greeting(bad).error) << "seen at its first wrong byte";
}

TEST(Socks5, CredentialsOfAnyLengthAndBytes) {
  check_prefixes(bytes({1, 1, 'u', 1, 'p'}), parse_credentials);
  check_prefixes(bytes({1, 255}) + std::string(255, 'u') + bytes({255}) + std::string(255, 'p'), parse_credentials);
  const auto c = parse_credentials(bytes({1, 6, 'c', 'o', 'r', 'd', 'o', 'n', 2, 0, 255}));
  EXPECT_EQ(c.message->user, "cordon");
  EXPECT_EQ(c.message->password, std::string("\0\xff", 2));
  EXPECT_TRUE(parse_credentials(bytes({1, 0, 0})).message);
  EXPECT_TRUE(parse_credentials(bytes({5})).error);
}

TEST(Socks5, ARequestNamesAHostInThreeForms) {
  check_prefixes(named("example.com"), parse_request);
  check_prefixes(named(std::string(255, 'a')), parse_request);
  check_prefixes(bytes({5, 1, 0, 1, 192, 0, 2, 1, 1, 187}), parse_request);
  check_prefixes(bytes({5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80}), parse_request);
  EXPECT_EQ(parse_request(named("Example.com.", 8443)).message->host, "Example.com.");
  EXPECT_EQ(parse_request(named("Example.com.", 8443)).message->port, 8443);
  EXPECT_EQ(parse_request(bytes({5, 1, 0, 1, 192, 0, 2, 1, 1, 187})).message->host, "192.0.2.1");
  EXPECT_EQ(parse_request(bytes({5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80})).message->host, "2001:db8::1");
}

TEST(Socks5, OtherCommandsAreReadSoThatTheyCanBeAnswered) {
  EXPECT_EQ(parse_request(named("a", 0, 2)).message->command, Command::bind);
  EXPECT_EQ(parse_request(named("a", 0, 3)).message->command, Command::udp_associate);
  EXPECT_EQ(error(named("a", 1, 4)), Reply::command_not_supported);
  EXPECT_EQ(error(named("a", 1, 0)), Reply::command_not_supported);
}

TEST(Socks5, WhatIsWrongIsAnsweredByItsOwnCode) {
  EXPECT_EQ(error(bytes({5, 1, 0, 2})), Reply::address_type_not_supported);
  EXPECT_EQ(error(bytes({5, 1, 0, 0xff})), Reply::address_type_not_supported);
  EXPECT_EQ(error(bytes({5, 1, 1})), Reply::failure) << "the reserved byte";
  EXPECT_EQ(error(bytes({4, 1})), Reply::failure);
  EXPECT_EQ(error(named("a", 0)), Reply::failure) << "port 0";
}

TEST(Socks5, ANameThatTwoProgramsMayReadDifferentlyIsRefused) {
  for (const std::string& bad : {std::string(""), std::string("evil\0.allowed.com", 17), std::string("a\r\nX: y"), std::string("a b"),
                                 std::string("a\x7f"), std::string("b\xc3\xbc.com"), std::string("\t")})
    EXPECT_EQ(error(named(bad)), Reply::failure) << bad;
}

TEST(Socks5, AnswersAreThoseOfTheRfc) {
  EXPECT_EQ(method_answer(Method::none), bytes({5, 0}));
  EXPECT_EQ(method_answer(Method::unacceptable), bytes({5, 255}));
  EXPECT_EQ(credentials_answer(true), bytes({1, 0}));
  EXPECT_EQ(credentials_answer(false), bytes({1, 1}));
  EXPECT_EQ(request_answer(Reply::not_allowed), bytes({5, 2, 0, 1, 0, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace cordon::egress::socks5
