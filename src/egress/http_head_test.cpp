// SPDX-License-Identifier: Apache-2.0
#include "egress/http_head.hpp"

#include <gmock/gmock.h>

namespace cordon::egress {
namespace {

using testing::HasSubstr;
using testing::Not;

RequestHead read(std::string_view bytes, std::size_t piece = 1'000'000) {
  RequestHead head;
  for (std::size_t i = 0; i < bytes.size() && head.wants_more(); i += piece) head.feed(bytes.substr(i, piece));
  return head;
}
// 200, the status of the error, or 0 where more is wanted; the same however the bytes are cut.
int status(std::string_view bytes) {
  const auto verdict = [](const RequestHead& h) { return h.error() ? h.error()->status : h.wants_more() ? 0 : 200; };
  const int whole = verdict(read(bytes));
  for (const std::size_t piece : {1, 2, 3, 7, 100}) EXPECT_EQ(verdict(read(bytes, piece)), whole) << "in pieces of " << piece << ": " << bytes;
  return whole;
}
Request request(std::string_view bytes) {
  const RequestHead head = read(bytes);
  EXPECT_FALSE(head.error()) << head.error()->why;
  EXPECT_FALSE(head.wants_more());
  return head.request();
}
std::string get(std::string_view fields, std::string_view method = "GET") {
  return std::string(method) + " http://a.example/x HTTP/1.1\r\nHost: a.example\r\n" + std::string(fields) + "\r\n";
}
std::string connect(std::string_view target) { return "CONNECT " + std::string(target) + " HTTP/1.1\r\n\r\n"; }

TEST(RequestHead, ConnectNamesHostAndPort) {
  const Request r = request("CONNECT Example.com.:443 HTTP/1.1\r\nHost: example.com:443\r\nUser-Agent: x\r\n\r\n");
  EXPECT_TRUE(r.connect);
  EXPECT_EQ(r.host, "example.com");
  EXPECT_EQ(r.port, 443);
  EXPECT_EQ(request(connect("[2001:DB8::1]:22")).host, "2001:db8::1");
  EXPECT_EQ(request(connect("0x7f.1:80")).host, "127.0.0.1");
  EXPECT_EQ(request(connect("b\x63:80")).host, "bc");
}

TEST(RequestHead, AnAbsoluteUriNamesHostPortAndPath) {
  const auto target = [](std::string_view uri, std::string_view method = "GET") {
    const Request r = request(std::string(method) + " " + std::string(uri) + " HTTP/1.0\r\n\r\n");
    return r.host + " " + std::to_string(r.port) + " " + r.path;
  };
  EXPECT_EQ(target("http://A.example/b?c=d"), "a.example 80 /b?c=d");
  EXPECT_EQ(target("HTTP://a.example:8080"), "a.example 8080 /");
  EXPECT_EQ(target("http://a.example?q"), "a.example 80 /?q");
  EXPECT_EQ(target("http://[::1]:81/"), "::1 81 /");
  EXPECT_EQ(target("http://a.example", "OPTIONS"), "a.example 80 *");
  EXPECT_EQ(target("http://a.example/a@b:c"), "a.example 80 /a@b:c");
}

TEST(RequestHead, NotOneByteBehindTheHeadIsTaken) {
  RequestHead head;
  const std::string bytes = get("");
  EXPECT_EQ(head.feed(bytes + "\r\nGET"), bytes.size());
  EXPECT_FALSE(head.wants_more());
  EXPECT_EQ(head.feed("x"), 0U);
}

TEST(RequestHead, OtherFormsOfTheTargetAre400) {
  for (const char* line :
       {"GET / HTTP/1.1", "OPTIONS * HTTP/1.1", "GET a.example:80 HTTP/1.1", "GET https://a.example/ HTTP/1.1", "GET ftp://a.example/ HTTP/1.1",
        "GET //a.example/ HTTP/1.1", "CONNECT http://a.example:80/ HTTP/1.1", "CONNECT a.example HTTP/1.1", "CONNECT a.example:443/ HTTP/1.1",
        "CONNECT /a:1 HTTP/1.1", "GET http:/a.example/ HTTP/1.1", "GET http://a.example/#f HTTP/1.1", "GET http://\\a.example/ HTTP/1.1",
        "GET http:// HTTP/1.1", "GET http:///x HTTP/1.1", "connect a.example:443 HTTP/1.1"})
    EXPECT_EQ(status(std::string(line) + "\r\nHost: a.example\r\n\r\n"), 400) << line;
}

TEST(RequestHead, AHostThatCouldBeReadTwoWaysIs400) {
  for (const std::string& target : {std::string("user@a.example:443"),
                                    std::string("a.example@b.example:443"),
                                    std::string("a%2eb:443"),
                                    std::string("a.example:443:443"),
                                    std::string("[::1:443"),
                                    std::string("::1:443"),
                                    std::string("[a.example]:443"),
                                    std::string("a..b:443"),
                                    std::string(":443"),
                                    std::string("a.example:"),
                                    std::string("a.example:0"),
                                    std::string("a.example:65536"),
                                    std::string("a.example:+443"),
                                    std::string("a.example:0x1bb"),
                                    std::string("1.2.3.4.5:443"),
                                    std::string("a\0.b:443", 8),
                                    std::string("a\x01:443"),
                                    std::string("a\x7f:443"),
                                    std::string("a\xef\xbc\x8e"
                                                "b:443"),
                                    std::string(254, 'a') + ":443",
                                    std::string("a,b:443"),
                                    std::string("[::1]x:443"),
                                    std::string("x[::1]:443"),
                                    std::string("[fe80::1%25lo]:443"),
                                    std::string("a\tb:443")})
    EXPECT_EQ(status(connect(target)), 400) << target;
}

TEST(RequestHead, MalformedRequestLines) {
  for (const char* line :
       {"", " ", "GET", "GET http://a.example/", "GET http://a.example/  HTTP/1.1", " GET http://a.example/ HTTP/1.1",
        "GET  http://a.example/ HTTP/1.1", "GET http://a.example/ HTTP/1.1 ", "GET\thttp://a.example/\tHTTP/1.1", "G(T http://a.example/ HTTP/1.1",
        "GET http://a.example/ http/1.1", "GET http://a.example/ HTTP/1.10", "GET http://a.example/ HTTP/11", "GET http://a.example/ HTTP/1,1",
        "GET http://a.example/a b HTTP/1.1", "GET http://a.example/\xc3\xbc HTTP/1.1", "GET http://a.example/\x01 HTTP/1.1", "\x16\x03\x01"})
    EXPECT_EQ(status(std::string(line) + "\r\nHost: a.example\r\n\r\n"), 400) << line;
  EXPECT_EQ(status("GET http://a.example/ HTTP/2.0\r\nHost: a.example\r\n\r\n"), 505);
  EXPECT_EQ(status("\x16\x03"), 400) << "seen before a line ends";
}

TEST(RequestHead, OnlyCrLfEndsALine) {
  EXPECT_EQ(status("GET http://a.example/ HTTP/1.1\nHost: a.example\r\n\r\n"), 400);
  EXPECT_EQ(status("GET http://a.example/ HTTP/1.1\r\nHost: a.example\n\r\n"), 400);
  EXPECT_EQ(status("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\n"), 400);
  EXPECT_EQ(status(get("X: a\rb\r\n")), 400);
  EXPECT_EQ(status(get("X: a\r\r\n")), 400);
  EXPECT_EQ(status(get("X: a\n\r\n")), 400);
  EXPECT_EQ(status("\r\n" + get("")), 400);
}

TEST(RequestHead, MalformedFields) {
  for (const std::string& field :
       {std::string("X : y"), std::string(" X: y"), std::string("\tfolded"), std::string("X"), std::string(": y"), std::string("X\0: y", 5),
        std::string("X: a\0b", 6), std::string("X: \x01"), std::string("X: \x7f"), std::string("X(: y"), std::string("X\xc3\xbc: y")})
    EXPECT_EQ(status(get(field + "\r\n")), 400) << field;
  EXPECT_EQ(status(get("X:y\r\nY: \t a b \xc3\xbc \t\r\nZ:\r\n")), 200);
  EXPECT_EQ(*request(get("Y: \t a b \t\r\n")).find("y"), "a b");
}

TEST(RequestHead, HostMustAgreeWithTheTarget) {
  const auto with = [](std::string_view target, std::string_view hosts) {
    return status("GET http://" + std::string(target) + "/ HTTP/1.1\r\n" + std::string(hosts) + "\r\n");
  };
  EXPECT_EQ(with("a.example", "Host: a.example\r\n"), 200);
  EXPECT_EQ(with("a.example", "host: A.EXAMPLE.:80\r\n"), 200);
  EXPECT_EQ(with("a.example:8080", "Host: a.example:8080\r\n"), 200);
  EXPECT_EQ(with("127.0.0.1", "Host: 127.1\r\n"), 200);
  for (const char* bad : {"", "Host: b.example\r\n", "Host: a.example:81\r\n", "Host:\r\n", "Host: a.example\r\nHost: a.example\r\n",
                          "Host: a.example, b.example\r\n", "Host: u@a.example\r\n", "Host: a.example/\r\n", "Host: a.example b\r\n"})
    EXPECT_EQ(with("a.example", bad), 400) << bad;
  EXPECT_EQ(with("a.example:8080", "Host: a.example\r\n"), 400);
  const auto tunnel = [](std::string_view hosts) { return status("CONNECT a.example:443 HTTP/1.1\r\n" + std::string(hosts) + "\r\n"); };
  for (const char* good : {"", "Host: a.example\r\n", "Host: a.example:443\r\n"}) EXPECT_EQ(tunnel(good), 200) << good;
  for (const char* bad : {"Host: b.example\r\n", "Host: a.example:80\r\n", "Host: a.example\r\nHost: a.example\r\n"})
    EXPECT_EQ(tunnel(bad), 400) << bad;
}

TEST(RequestHead, TheBodyHasOneLength) {
  EXPECT_EQ(request(get("")).body, Body::none);
  const Request sized = request(get("Content-Length: 0012\r\n"));
  EXPECT_EQ(sized.body, Body::length);
  EXPECT_EQ(sized.content_length, 12U);
  EXPECT_EQ(request(get("Content-Length: 0\r\n")).body, Body::none);
  EXPECT_EQ(request(get("Transfer-Encoding: Chunked\r\n")).body, Body::chunked);
  EXPECT_EQ(status(get("Transfer-Encoding: gzip, chunked\r\n")), 501);
  for (const char* bad : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                          "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                          "Content-Length: 5\r\nContent-Length: 5\r\n",
                          "Content-Length: 5\r\ncontent-length: 6\r\n",
                          "Content-Length: 5, 5\r\n",
                          "Content-Length: +5\r\n",
                          "Content-Length: -1\r\n",
                          "Content-Length: 0x5\r\n",
                          "Content-Length: 5 5\r\n",
                          "Content-Length:\r\n",
                          "Content-Length: 99999999999999999999\r\n",
                          "Content-Length: 5;\r\n",
                          "Transfer-Encoding: gzip\r\n",
                          "Transfer-Encoding: chunked, gzip\r\n",
                          "Transfer-Encoding: chunked, chunked\r\n",
                          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                          "Transfer-Encoding: xchunked\r\n",
                          "Transfer-Encoding: chunked;q=1\r\n",
                          "Transfer-Encoding: \"chunked\"\r\n",
                          "Transfer-Encoding: \013chunked\r\n",
                          "Transfer-Encoding:\r\n",
                          "Transfer-Encoding: identity\r\n",
                          "Transfer-Encoding : chunked\r\n"})
    EXPECT_EQ(status(get(bad)), 400) << bad;
  EXPECT_EQ(status("GET http://a.example/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(status("CONNECT a.example:443 HTTP/1.1\r\nContent-Length: 5\r\n\r\n"), 400);
  EXPECT_EQ(status("CONNECT a.example:443 HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), 200);
}

TEST(RequestHead, EightKiBAreEnoughAndMoreIs431) {
  const auto sized = [](std::size_t size) {
    const std::string rest = get("X: \r\n");
    return get("X: " + std::string(size - rest.size(), 'a') + "\r\n");
  };
  EXPECT_EQ(status(sized(8192)), 200);
  EXPECT_EQ(status(sized(8193)), 431);
  EXPECT_EQ(status("GET http://" + std::string(9000, 'a')), 431);
  EXPECT_EQ(status(std::string_view(sized(8192)).substr(0, 8191)), 0);
  std::string many;
  while (many.size() < 10'000) many += "a:\r\n";
  EXPECT_EQ(status(get(many)), 431);
}

TEST(RequestHead, KeepAliveFollowsVersionAndConnection) {
  const auto keeps = [](std::string_view version, std::string_view field) {
    return request("GET http://a.example/ HTTP/" + std::string(version) + "\r\nHost: a.example\r\n" + std::string(field) + "\r\n").keep_alive;
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_FALSE(keeps("1.1", "Connection: x, CLOSE\r\n"));
  EXPECT_FALSE(keeps("1.1", "Proxy-Connection: close\r\n"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Proxy-Connection: Keep-Alive\r\n"));
}

TEST(OriginForm, HasNoFieldOfTheHopAndTheHostOfTheUri) {
  EXPECT_EQ(origin_form(request("GET http://A.example:80/x?y HTTP/1.0\r\nAccept: */*\r\nProxy-Authorization: Basic eA==\r\nConnection: X-Hop, "
                                "close\r\nx-hop: 1\r\nProxy-Connection: keep-alive\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
                                "Trailer: X\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nCookie: a\r\nCookie: b\r\n\r\n")),
            "GET /x?y HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nCookie: a\r\nCookie: b\r\n\r\n");
  EXPECT_EQ(origin_form(request("POST http://[::1]:8080 HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 3\r\n\r\n")),
            "POST / HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 3\r\n\r\n");
}

TEST(OriginForm, ConnectionCannotTakeTheFramingAway) {
  EXPECT_THAT(origin_form(request(get("Connection: content-length, host\r\nContent-Length: 3\r\n", "POST"))),
              testing::AllOf(HasSubstr("\r\nContent-Length: 3\r\n"), HasSubstr("\r\nHost: a.example\r\n")));
  EXPECT_THAT(origin_form(request(get("Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", "POST"))),
              testing::AllOf(HasSubstr("\r\nTransfer-Encoding: chunked\r\n"), Not(HasSubstr("Connection"))));
  EXPECT_THAT(origin_form(request(get("Content-Length: 0\r\n", "POST"))), HasSubstr("\r\nContent-Length: 0\r\n"));
}

}  // namespace
}  // namespace cordon::egress
