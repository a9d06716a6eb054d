// SPDX-License-Identifier: Apache-2.0
#include "egress/first_request.hpp"

#include <gtest/gtest.h>

#include <ctime>

namespace cordon::egress {
namespace {

using Result = FirstRequest::Result;
using Names = std::vector<std::string>;

struct Read {
  Result result;
  Names names;
  bool operator==(const Read&) const = default;
};

void PrintTo(const Read& r, std::ostream* to) {
  *to << static_cast<int>(r.result);
  for (const auto& n : r.names) *to << " '" << n << "'";
}

// In one piece and byte by byte, which must give the same.
Read read(std::string_view bytes) {
  FirstRequest whole, split;
  whole.feed(bytes);
  for (const char& c : bytes) split.feed({&c, 1});
  EXPECT_EQ(whole.result(), split.result()) << bytes;
  EXPECT_EQ(whole.names(), split.names()) << bytes;
  return {whole.result(), whole.names()};
}

TEST(FirstRequest, TheNameOfARequestIsItsHostField) {
  EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: a.test\r\n\r\nbody"), (Read{Result::complete, {"a.test"}}));
  EXPECT_EQ(read("GET / HTTP/1.0\r\nAccept: */*\r\n\r\n"), (Read{Result::complete, {}}));
  EXPECT_EQ(read("get /a b HTTP/1.1\r\nhOsT :\t a.test:80 \r\nHost: b.test\r\n\r\n"), (Read{Result::complete, {"a.test:80", "b.test"}}));
}

TEST(FirstRequest, AnAbsoluteTargetAndTheTargetOfConnectAreNamesToo) {
  EXPECT_EQ(read("GET http://a.test:81/x?y HTTP/1.1\r\nHost: b.test\r\n\r\n"), (Read{Result::complete, {"a.test:81", "b.test"}}));
  EXPECT_EQ(read("GET WS://a.test?b HTTP/1.1\r\n\r\n"), (Read{Result::complete, {"a.test"}}));
  EXPECT_EQ(read("CONNECT a.test:443 HTTP/1.1\r\n\r\n"), (Read{Result::complete, {"a.test:443"}}));
  EXPECT_EQ(read("GET http://a.test/\r\n"), (Read{Result::complete, {"a.test"}}));  // HTTP/0.9
  EXPECT_EQ(read("GET HTTP/2 HTTP/1.1\r\nHost: a.test\r\n\r\n"), (Read{Result::complete, {"a.test"}}));
  EXPECT_EQ(read("GET /x=http://a.test/ HTTP/1.1\r\n\r\n"), (Read{Result::complete, {}}));
}

TEST(FirstRequest, ItIsReadAsALenientServerWould) {
  const Read a{Result::complete, {"a.test"}};
  EXPECT_EQ(read("\r\n\n\r\nGET / HTTP/1.1\nHost: a.test\n\n"), a);
  EXPECT_EQ(read("GET\t/\v http/1.1 \r\nHost: a.test\r\n\n"), a);
}

TEST(FirstRequest, WhatTwoServersReadDifferentlyIsMalformed) {
  for (const std::string_view head : {"GET / HTTP/1.1\r\nHost:\r\n a.test\r\n\r\n", "GET / HTTP/1.1\r\nX: y\rHost: a.test\r\n\r\n",
                                      "GET / HTTP/1.1\rHost: a.test\r\r", "GET / HTTP/1.1\r \n", "GET / HTTP/1.1\r\n\tX: y\r\n\r\n"})
    EXPECT_EQ(read(head).result, Result::malformed) << head;
  EXPECT_EQ(read(std::string_view("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 29)).result, Result::malformed);
  EXPECT_EQ(read("GET / HTTP/1.1\r\nX: " + std::string(FirstRequest::kMostBytes, 'y')).result, Result::malformed);
  EXPECT_EQ(read("GET /" + std::string(FirstRequest::kMostBytes, 'y')).result, Result::malformed);
}

TEST(FirstRequest, OtherProtocolsAreSeenAtTheirFirstLineAtTheLatest) {
  for (const std::string_view bytes : {"SSH-2.0-OpenSSH_9.2\r\n", "EHLO me\r\n", "*1\r\n$4\r\nPING\r\n", "{\"a\"", "\x01",
                                       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "USER x y z :w\r\n", " GET / HTTP/1.1\r\n"})
    EXPECT_EQ(read(bytes).result, Result::other) << bytes;
  EXPECT_EQ(read(std::string_view("GET\0", 4)).result, Result::other);
  EXPECT_EQ(read(std::string(FirstRequest::kMostBytes + 1, 'y')).result, Result::other);
}

TEST(FirstRequest, AVersionIsSeenWhereverItStandsBeforeABareCr) {
  for (const std::string_view line :
       {"GET / HTTP/1.1\rx", "GET \rHTTP/\rx", "GET  hTtP/9\r\rx", "G HTTP HTTP/\rx", "G\r HTTP/1.1\r\rx", "G H\tHTTP/\r\rx"})
    EXPECT_EQ(read(line).result, Result::malformed) << line;
  for (const std::string_view line : {"GET /HTTP/1.1\rx", "G HTTP\r/x", "G HTT P/\rx", "GHTTP/\rx", "G HHTTP/\rx", "G HTTP\\\rx", "\n\rG\r\r\rx"})
    EXPECT_EQ(read(line).result, Result::more) << line;
}

// What grows with the square of the line takes minutes here, and the process has all tunnels.
TEST(FirstRequest, ALineOfCarriageReturnsIsReadInTime) {
  const std::string line = "x" + std::string(FirstRequest::kMostBytes - 1, '\r');
  const auto start = std::clock();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(read(line).result, Result::more);
  EXPECT_LT((std::clock() - start) / CLOCKS_PER_SEC, 10) << "seconds of the processor; a bound for sanitizers";
}

TEST(FirstRequest, AHeadThatIsNotCompleteWantsMore) {
  for (const std::string_view bytes :
       {"", "\r\n", "G", "GET / HTTP/1.1", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\nHost: a.test\r\n", "GET / HTTP/1.1\r\nHost: a.test\r\n\r"})
    EXPECT_EQ(read(bytes).result, Result::more) << bytes;
}

}  // namespace
}  // namespace cordon::egress
