// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "egress/http_body.hpp"
#include "egress/http_response.hpp"
#include "egress/resolver.hpp"

namespace cordon::egress {
namespace {

struct Read {
  std::string payload;
  std::size_t taken = 0;
  bool complete = false, broken = false;
  bool operator==(const Read&) const = default;
};

// Feeds `bytes` in pieces of `size`.
Read read_all(BodyReader reader, std::string_view bytes, std::size_t size) {
  Read r;
  while (r.taken < bytes.size() && reader.wants_more()) {
    std::string_view piece = bytes.substr(r.taken, size);
    while (!piece.empty() && reader.wants_more()) {
      const auto fed = reader.feed(piece);
      r.payload += fed.payload;
      r.taken += fed.taken;
      piece.remove_prefix(fed.taken);
    }
  }
  r.complete = reader.complete();
  r.broken = reader.broken();
  return r;
}

TEST(HttpBody, ChunksInPiecesOfAnySizeAreTheSameBody) {
  const std::string_view wire = "5\r\nhello\r\n1;name=\"v\"\r\n \r\n00A \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
  for (std::size_t size = 1; size <= wire.size(); ++size)
    EXPECT_EQ(read_all(BodyReader::chunked(), std::string(wire) + "GET", size), (Read{"hello 0123456789", wire.size(), true, false})) << size;
}

TEST(HttpBody, FramingThatTwoReadersCouldReadInTwoWaysIsBroken) {
  for (const std::string_view wire : {"5\nhello\r\n", "\r\n", "x\r\n", "+5\r\n", "-5\r\n", "0x5\r\n", " 5\r\n", "5 5\r\n", "5\r\nhelloX\r\n",
                                      "5\r\nhello\n0\r\n\r\n", "ffffffffffffffff\r\n", "5\r\r\n", "5;a\rb\r\n"})
    for (std::size_t size : {1U, 100U}) EXPECT_TRUE(read_all(BodyReader::chunked(), wire, size).broken) << wire;
  EXPECT_TRUE(read_all(BodyReader::chunked(), std::string(2000, '1'), 100).broken);
  EXPECT_TRUE(read_all(
                  BodyReader::chunked(),
                  "0\r\n" +
                      [] {
                        std::string s;
                        for (int i = 0; i < 1000; ++i) s += "Trailer: " + std::string(20, 'x') + "\r\n";
                        return s;
                      }(),
                  100)
                  .broken);
}

TEST(HttpBody, ALengthTakesNotOneByteMore) {
  EXPECT_EQ(read_all(BodyReader::length(5), "helloGET", 3), (Read{"hello", 5, true, false}));
  EXPECT_TRUE(BodyReader::none().complete());
  EXPECT_EQ(read_all(BodyReader::until_close(), "hello", 2), (Read{"hello", 5, false, false}));
}

TEST(HttpBody, AnEmptyPieceIsNoChunk) {
  EXPECT_EQ(chunk(""), "");
  EXPECT_EQ(chunk("hello world, hello"), "12\r\nhello world, hello\r\n");
}

Response response(std::string_view text, bool to_head = false) {
  ResponseHead head(to_head);
  head.feed(text);
  EXPECT_FALSE(head.wants_more()) << text;
  EXPECT_EQ(head.error(), "") << text;
  return head.response();
}

TEST(HttpResponse, TheBodyEndsAsItsFieldsSay) {
  EXPECT_TRUE(response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").body.complete());
  EXPECT_TRUE(response("HTTP/1.1 200 OK\r\n\r\n").body.ends_with_connection());
  EXPECT_FALSE(response("HTTP/1.1 200 OK\r\n\r\n").keep_alive);
  EXPECT_TRUE(response("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true).body.complete());
  EXPECT_TRUE(response("HTTP/1.1 204 No\r\n\r\n").body.complete());
  EXPECT_TRUE(response("HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n").body.complete());
  EXPECT_FALSE(response("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n").body.ends_with_connection());
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n").content_length, 3U);
  EXPECT_TRUE(response("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n").keep_alive);
}

TEST(HttpResponse, DoubtfulHeadsAreErrors) {
  for (const std::string_view text :
       {"HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 099 X\r\n\r\n", "HTTP/1.1 2000\r\n\r\n", "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA B: c\r\n\r\n", "HTTP/1.1 200 OK\r\n folded: c\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"}) {
    ResponseHead head(false);
    head.feed(text);
    EXPECT_NE(head.error(), "") << text;
  }
}

TEST(HttpResponse, FieldsOfOneHopStay) {
  const auto r = response("HTTP/1.1 200 Fine\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nX-End: 2\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(to_client(r, false, true), "HTTP/1.1 200 Fine\r\nX-End: 2\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n");
}

TEST(NameServers, LinesAsResolvConfFive) {
  EXPECT_EQ(parse_name_servers("# nameserver 192.0.2.9\n;x\nnameserver 192.0.2.1\nsearch example.test\n nameserver\t2001:db8::1 # here\nnameserver\n"
                               "nameserver name.test\nnameserver fe80::1%eth0\noptions rotate\nnameservers 192.0.2.8"),
            "192.0.2.1:53,[2001:db8::1]:53");
  EXPECT_EQ(parse_name_servers(""), "127.0.0.1:53");
}

TEST(Hosts, LinesAsHostsFive) {
  const auto table = parse_hosts(
      "127.0.0.1 localhost # comment\n::1\tlocalhost ip6-localhost\n\n#x y\nbad line\nfe80::1%eth0 zoned\n192.0.2.1 Mixed.Case. alias\n192.0.2.1 "
      "alias");
  EXPECT_EQ(table.at("localhost"), (Addresses{asio::ip::make_address("::1"), asio::ip::make_address("127.0.0.1")}));
  EXPECT_EQ(table.at("mixed.case"), Addresses{asio::ip::make_address("192.0.2.1")});
  EXPECT_EQ(table.at("alias").size(), 1U);
  EXPECT_FALSE(table.contains("zoned"));
  EXPECT_FALSE(table.contains("line"));
}

}  // namespace
}  // namespace cordon::egress
