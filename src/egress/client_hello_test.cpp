// SPDX-License-Identifier: Apache-2.0
#include "egress/client_hello.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace cordon::egress {

namespace {

using Result = ClientHello::Result;

std::string number(std::size_t n, int width) {
  std::string s;
  while (width-- > 0) s += static_cast<char>(n >> (8 * width));
  return s;
}
std::string vector(const std::string& bytes, int width) { return number(bytes.size(), width) + bytes; }
std::string extension(std::size_t type, const std::string& data) { return number(type, 2) + vector(data, 2); }
std::string server_name(const std::string& name, int type = 0) {
  return extension(0, vector(number(static_cast<std::size_t>(type), 1) + vector(name, 2), 2));
}

// A hello's body; `extensions` with their length in front, or nothing at all.
std::string body(const std::string& extensions, bool with_extensions = true) {
  return "\x03\x03" + std::string(32, 'r') + vector(std::string(32, 's'), 1) + vector("\x13\x01\x13\x02", 2) + vector(std::string(1, '\0'), 1) +
         (with_extensions ? vector(extensions, 2) : "");
}
std::string handshake(const std::string& of, int type = 1) { return number(static_cast<std::size_t>(type), 1) + vector(of, 3); }
std::string records(const std::string& message, std::size_t most = 16384) {
  std::string out;
  for (std::size_t i = 0; i < message.size(); i += most) out += "\x16\x03\x01" + vector(message.substr(i, most), 2);
  return out;
}
std::string hello(const std::string& extensions) { return records(handshake(body(extensions))); }

struct Read {
  Result result;
  std::string name;
  bool encrypted;
  bool operator==(const Read&) const = default;
};
void PrintTo(const Read& r, std::ostream* os) { *os << static_cast<int>(r.result) << " '" << r.name << "' " << r.encrypted; }

Read read(const std::string& bytes, std::size_t piece) {
  ClientHello h;
  for (std::size_t i = 0; i < bytes.size(); i += piece) h.feed(std::string_view(bytes).substr(i, piece));
  return {h.result(), h.name(), h.encrypted()};
}
// The same however the stream is cut.
Read read(const std::string& bytes) {
  const Read whole = read(bytes, bytes.size() + 1);
  for (const std::size_t piece : {1, 2, 5, 7, 517, 1460}) EXPECT_EQ(read(bytes, piece), whole) << "in pieces of " << piece;
  return whole;
}
Result result(const std::string& bytes) { return read(bytes).result; }

const std::string kOther = extension(0x0a, vector("\x1d\x17", 2)) + extension(0x10, vector(vector("h2", 1), 2));

TEST(ClientHello, TheNameIsReadWhereverItStands) {
  for (const auto& all : {server_name("Example.com"), server_name("Example.com") + kOther, kOther + server_name("Example.com")}) {
    EXPECT_EQ(read(hello(all)), (Read{Result::name, "example.com", false}));
  }
}

TEST(ClientHello, SplitOverRecordsOfAnySize) {
  const std::string message = handshake(body(kOther + server_name("example.com")));
  for (const std::size_t most : {1, 2, 3, 50, 16384}) EXPECT_EQ(read(records(message, most)), (Read{Result::name, "example.com", false})) << most;
}

TEST(ClientHello, LargeHellosWithTheNameLast) {
  const auto with_padding = [](std::size_t size) { return extension(0x33, std::string(size, 'k')) + server_name("example.com"); };
  EXPECT_EQ(result(hello(with_padding(1200))), Result::name) << "a hybrid post-quantum key share";
  EXPECT_EQ(result(hello(with_padding(20'000))), Result::name) << "more than one record";
  EXPECT_EQ(result(hello(with_padding(60'000))), Result::name);
}

TEST(ClientHello, TooLargeIsRefusedBeforeItIsRead) {
  std::string bytes = records(handshake(std::string(65'533, 'x')), 1000);
  EXPECT_EQ(result(bytes), Result::malformed);
  EXPECT_EQ(result(bytes.substr(0, 9)), Result::malformed) << "its header is enough";
}

TEST(ClientHello, MoreUntilTheLastByte) {
  const std::string bytes = hello(server_name("example.com") + kOther);
  for (std::size_t i = 0; i < bytes.size(); ++i) ASSERT_EQ(read(bytes.substr(0, i), 1'000'000).result, Result::more) << i;
  EXPECT_EQ(result(bytes + "early data \x17\x03\x03"), Result::name);
}

TEST(ClientHello, WhatIsNotTlsIsSeenAtTheFirstByteThatDiffers) {
  for (const char* start : {"GET / HTTP/1.1\r\n", "SSH-2.0-OpenSSH", "\x80\x2e\x01\x03\x01", "\x17\x03\x03", "\x15\x03\x01"})
    EXPECT_EQ(result(std::string(start)), Result::not_tls) << start;
  EXPECT_EQ(result(std::string("\x16\x02", 2)), Result::not_tls);
  EXPECT_EQ(result(std::string("\x16\x03\x01\x00\x00", 5)), Result::not_tls) << "an empty record";
  EXPECT_EQ(result(std::string("\x16\x03\x01\x40\x01", 5)), Result::not_tls) << "a record of more than 16 KiB";
  EXPECT_EQ(result(records(handshake("x", 2))), Result::not_tls) << "another handshake message";
  EXPECT_EQ(result(""), Result::more);
}

TEST(ClientHello, WithoutAName) {
  EXPECT_EQ(result(hello(kOther)), Result::no_name);
  EXPECT_EQ(result(hello("")), Result::no_name);
  EXPECT_EQ(result(records(handshake(body("", false)))), Result::no_name);
}

TEST(ClientHello, ANameThatIsNoHostNameIsMalformed) {
  for (const std::string& bad :
       {std::string(""), std::string("a b"), std::string("a\0.example.com", 14), std::string("b\xc3\xbc.com"), std::string("a..b"), std::string(".a"),
        std::string("a."), std::string("[::1]"), std::string("a/b"), std::string("*.a"), std::string(64, 'a') + ".com", std::string(254, 'a')})
    EXPECT_EQ(result(hello(server_name(bad))), Result::malformed) << bad;
  EXPECT_EQ(result(hello(server_name("_a-1.example"))), Result::name);
}

TEST(ClientHello, SeveralNamesOrAnotherTypeAreMalformed) {
  const std::string one = number(0, 1) + vector("a.com", 2), two = number(0, 1) + vector("b.com", 2);
  EXPECT_EQ(result(hello(extension(0, vector(one + two, 2)))), Result::malformed);
  EXPECT_EQ(result(hello(extension(0, vector(one + one, 2)))), Result::malformed);
  EXPECT_EQ(result(hello(server_name("a.com") + server_name("a.com"))), Result::malformed) << "the extension twice";
  EXPECT_EQ(result(hello(server_name("a.com", 1))), Result::malformed);
  EXPECT_EQ(result(hello(extension(0, ""))), Result::malformed);
  EXPECT_EQ(result(hello(extension(0, vector("", 2)))), Result::malformed);
}

TEST(ClientHello, LengthsThatDoNotFitAreMalformed) {
  EXPECT_EQ(result(hello(extension(0, vector(number(0, 1) + "\xff\xff"
                                                            "a",
                                             2)))),
            Result::malformed);
  EXPECT_EQ(result(hello(server_name("a.com") + number(0x0a, 2) + '\0')), Result::malformed);
  EXPECT_EQ(result(records(handshake(body(server_name("a.com")) + "x"))), Result::malformed) << "bytes behind the extensions";
  const std::string good = body(server_name("a.com"));
  for (std::size_t i = 0; i < good.size(); ++i) {
    const auto r = result(records(handshake(good.substr(0, i))));
    EXPECT_TRUE(r == Result::malformed || (r == Result::no_name && i == good.size() - server_name("a.com").size() - 2)) << i;
  }
  std::string other_record = records(handshake(good), 20);
  other_record[25] = '\x17';
  EXPECT_EQ(result(other_record), Result::malformed) << "another type of record in the middle";
}

TEST(ClientHello, EncryptedClientHelloIsNoted) {
  EXPECT_EQ(read(hello(server_name("front.example") + extension(0xfe0d, "x"))), (Read{Result::name, "front.example", true}));
}

}  // namespace
}  // namespace cordon::egress
