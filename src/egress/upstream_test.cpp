// SPDX-License-Identifier: Apache-2.0
// Rows U4 of the upstream contract: the dialler against real sockets and a proxy that follows a script.
#include "egress/upstream.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <thread>

#include "base/fd.hpp"
#include "egress/test_table.hpp"
#include "egress/timed_io.hpp"

namespace cordon::egress {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

// A listening socket on the loopback; closes with it.
class Listener {
 public:
  explicit Listener(const char* address = "127.0.0.1", std::uint16_t port = 0, int backlog = 64)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    inet_pton(AF_INET, address, &at.sin_addr);
    socklen_t size = sizeof at;
    const int on = 1;
    setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd_.get(), reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(fd_.get(), backlog) != 0 ||
        getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0)
      throw std::runtime_error("cannot listen");
    address_ = at;
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::uint16_t port() const { return ntohs(address_.sin_port); }
  // From now on a connect to it waits: the queue is full and the kernel drops every SYN.
  void clog() {
    for (int i = 0; i < 8; ++i) {
      Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      (void)connect(client.get(), reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
      plugs_.push_back(std::move(client));
    }
    std::this_thread::sleep_for(20ms);
  }

 private:
  Fd fd_;
  sockaddr_in address_{};
  std::vector<Fd> plugs_;
};

// Accepts one connection, reads a head, and does what the script says; then waits for the client to close.
class ScriptedProxy {
 public:
  using Script = std::function<void(int)>;
  explicit ScriptedProxy(Script script, bool read_request = true)
      : thread_([this, script = std::move(script), read_request] {
          const Fd client(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
          if (!client) return;
          const int on = 1;
          setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          char byte;
          while (read_request && !request.ends_with("\r\n\r\n") && recv(client.get(), &byte, 1, 0) == 1) request += byte;
          script(client.get());
          shutdown(client.get(), SHUT_WR);
          while (recv(client.get(), &byte, 1, 0) > 0) {}
        }) {}
  ~ScriptedProxy() { join(); }
  void join() {
    shutdown(listener_.fd(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] UpstreamConfig config(std::string_view no_proxy = "") const {
    return UpstreamConfig({"127.0.0.1", listener_.port()}, NoProxy(no_proxy));
  }
  std::string request;

 private:
  Listener listener_;
  std::thread thread_;
};

void put(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}
// Sends nothing more, and keeps the connection open until the client closes it.
void hold(int fd) {
  char byte;
  while (recv(fd, &byte, 1, 0) > 0) {}
}

using Outcome = std::expected<Connected, DialError>;

class Upstream : public testing::Test {
 protected:
  DialTimes times{400ms, 400ms, 400ms, 50ms};
  std::map<std::string, std::vector<std::string>> names;
  std::vector<std::string> looked_up;
  Lookup lookup = [this](std::string host) -> Task<std::expected<std::vector<Address>, std::string>> {
    looked_up.push_back(host);
    std::vector<Address> found;
    for (const auto& text : names[host]) found.push_back(asio::ip::make_address(text));
    if (found.empty()) co_return std::unexpected("no such name");
    co_return found;
  };
  Admit admit = [](const policy::Address&) { return Verdict{true, Verdict::Reason::rule, nullptr, {}, {}}; };
  asio::io_context loop{1};

  Outcome run(Target target, UpstreamConfig config = {}) {
    std::optional<Outcome> outcome;
    const auto task = [&]() -> Task<void> { outcome.emplace(co_await dial(target, config, lookup, admit, times)); };
    asio::co_spawn(loop, task, [](std::exception_ptr e) { EXPECT_FALSE(e); });
    loop.restart();
    loop.run();
    return std::move(*outcome);
  }
  Outcome run_through(const ScriptedProxy& proxy) { return run({"target.example", 443}, proxy.config()); }
  // All that arrives until the other side closes.
  static std::string drain(Stream& stream) {
    std::string all;
    char buffer[4096];
    stream.native_non_blocking(false);
    for (ssize_t n; (n = recv(stream.native_handle(), buffer, sizeof buffer, 0)) > 0;) all.append(buffer, static_cast<std::size_t>(n));
    return all;
  }
};

std::string failure(const Outcome& o) { return o ? "ok" : std::string(name(o.error().failure)); }

TEST_F(Upstream, U4_1_TheTargetIsHostAndPortAndAnIPv6AddressHasBrackets) {
  for (const auto& [target, text] : std::vector<std::pair<Target, std::string>>{
           {{"target.example", 443}, "target.example:443"}, {{"2606:2800::1", 22}, "[2606:2800::1]:22"}, {{"192.0.78.1", 1}, "192.0.78.1:1"}}) {
    ScriptedProxy proxy([](int fd) { put(fd, "HTTP/1.1 200 OK\r\n\r\n"); });
    EXPECT_EQ(failure(run(target, proxy.config())), "ok");
    proxy.join();
    EXPECT_THAT(proxy.request, testing::StartsWith("CONNECT " + text + " HTTP/1.1\r\nHost: " + text + "\r\n"));
  }
}

TEST_F(Upstream, U4_1_ATargetThatDoesNotFitARequestLineIsNeverDialled) {
  const ScriptedProxy proxy([](int) {});
  for (const std::string& host : {std::string(""), std::string("a\r\nX: y"), std::string("a b"), std::string("a\0b", 3), std::string("a/b"),
                                  std::string("u@a"), std::string("[::1]"), std::string(254, 'a'), std::string("b\xc3\xbc")}) {
    EXPECT_EQ(failure(run({host, 443}, proxy.config())), "config");
    EXPECT_EQ(failure(run({host, 443})), "config");
  }
  EXPECT_EQ(failure(run({"a.example", 0}, proxy.config())), "config");
  EXPECT_THAT(looked_up, testing::IsEmpty());
}

TEST_F(Upstream, U4_2_DirectAndNoProxyConnectToTheTarget) {
  for (const bool by_list : {false, true}) {
    ScriptedProxy target([](int fd) { put(fd, "hello"); }, false);
    names["target.example"] = {"127.0.0.1"};
    ScriptedProxy unused([](int) {});
    const auto port = target.config().proxy()->port;
    auto o = run({"target.example", port}, by_list ? unused.config("example") : UpstreamConfig());
    ASSERT_EQ(failure(o), "ok") << o.error().sentence;
    EXPECT_FALSE(o->through_proxy);
    EXPECT_EQ(o->peer.text(), "127.0.0.1");
    EXPECT_EQ(drain(o->stream), "hello");
  }
  EXPECT_THAT(looked_up, testing::ElementsAre("target.example", "target.example")) << "once for each dial";
}

TEST_F(Upstream, U4_2_RefusalAndTimeOutAreDifferentAndNameTheTarget) {
  names["target.example"] = {"127.0.0.1"};
  Listener listener("127.0.0.1", 0, 0);
  const std::uint16_t port = listener.port();
  listener.clog();
  const auto start = Clock::now();
  auto o = run({"target.example", port});
  EXPECT_EQ(failure(o), "connect_timeout");
  EXPECT_THAT(o.error().sentence, AllOf(HasSubstr("target.example:" + std::to_string(port)), HasSubstr("within 400 ms")));
  EXPECT_GE(Clock::now() - start, 400ms);
  EXPECT_LT(Clock::now() - start, 2s);
  std::uint16_t closed;
  { closed = Listener().port(); }
  o = run({"target.example", closed});
  EXPECT_EQ(failure(o), "connect_refused");
  EXPECT_THAT(o.error().sentence, HasSubstr("target.example:" + std::to_string(closed)));
}

TEST_F(Upstream, U4_2_ANameWithoutAddressIsAnErrorOfItsOwn) {
  const auto o = run({"nowhere.example", 443});
  EXPECT_EQ(failure(o), "resolve");
  EXPECT_EQ(o.error().sentence, "cannot reach nowhere.example:443: no such name");
}

TEST_F(Upstream, U4_3_TheRequestIsExactlyThis) {
  ScriptedProxy proxy([](int fd) { put(fd, "HTTP/1.1 200 OK\r\n\r\n"); });
  auto o = run_through(proxy);
  ASSERT_EQ(failure(o), "ok");
  EXPECT_TRUE(o->through_proxy);
  { const auto closed = std::move(o->stream); }
  proxy.join();
  EXPECT_EQ(proxy.request, "CONNECT target.example:443 HTTP/1.1\r\nHost: target.example:443\r\nProxy-Connection: keep-alive\r\n\r\n");
  EXPECT_THAT(looked_up, testing::IsEmpty()) << "the target's name is the proxy's to look up";
}

TEST_F(Upstream, U4_3_ReachingTheProxyHasItsTimeAndTheErrorNamesBoth) {
  Listener listener("127.0.0.1", 0, 0);
  listener.clog();
  auto o = run({"target.example", 443}, UpstreamConfig({"127.0.0.1", listener.port()}));
  EXPECT_EQ(failure(o), "connect_timeout");
  EXPECT_THAT(o.error().sentence, HasSubstr("cannot reach target.example:443 through the proxy 127.0.0.1:" + std::to_string(listener.port())));
  std::uint16_t closed;
  { closed = Listener().port(); }
  EXPECT_EQ(failure(run({"target.example", 443}, UpstreamConfig({"127.0.0.1", closed}))), "connect_refused");
  EXPECT_EQ(failure(run({"target.example", 443}, UpstreamConfig({"proxy.corp", closed}))), "resolve");
  EXPECT_THAT(looked_up, testing::ElementsAre("proxy.corp"));
}

TEST_F(Upstream, U4_3_WritingHasItsTime) {
  Listener listener;  // accepts, and never reads
  names["target.example"] = {"127.0.0.1"};
  auto o = run({"target.example", listener.port()});
  ASSERT_EQ(failure(o), "ok");
  std::optional<error_code> result;
  const std::string much(32 << 20, 'x');
  const auto start = Clock::now();
  asio::co_spawn(loop, write_all(o->stream, much, start + 200ms), [&](std::exception_ptr, error_code e) { result = e; });
  loop.restart();
  loop.run();
  EXPECT_EQ(result, asio::error::timed_out);
  EXPECT_LT(Clock::now() - start, 2s);
}

TEST_F(Upstream, U4_4_ARefusalNamesProxyTargetAndStatus) {
  ScriptedProxy proxy([](int fd) { put(fd, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"); });
  const auto o = run_through(proxy);
  EXPECT_EQ(failure(o), "status");
  EXPECT_EQ(o.error().status, 407);
  EXPECT_EQ(o.error().sentence,
            "cannot reach target.example:443 through the proxy " + proxy.config().proxy()->text() + ": it answered with status 407");
  ScriptedProxy zero([](int fd) { put(fd, "HTTP/1.1 000 x\r\n\r\n"); });
  EXPECT_THAT(run_through(zero).error().sentence, HasSubstr("status 000"));
}

// The bytes of a row of the oracle table.
std::string bytes_of(const Row& row) {
  std::string raw = row.raw("raw");
  if (const auto pad = raw.find("\\P"); pad != std::string::npos) raw.replace(pad, 2, std::string(std::stoul(row["pad"]), 'a'));
  return unescape(raw);
}

TEST_F(Upstream, U4_4_To_U4_8_TheOracleTableOverSockets) {
  times.head = 150ms;
  const std::map<std::string, std::string> words{{"ok", "ok"},
                                                 {"error:status", "status"},
                                                 {"error:malformed", "bad_status_line"},
                                                 {"error:too_large", "head_too_large"},
                                                 {"error:timeout", "head_timeout"},
                                                 {"error:closed", "closed_early"}};
  for (const Row& row : read_table("tests/oracle/connect_response.tsv")) {
    const std::string bytes = bytes_of(row);
    for (const bool byte_by_byte : {false, true}) {
      if (byte_by_byte && bytes.size() > 100) continue;
      ScriptedProxy proxy([&](int fd) {
        if (byte_by_byte)
          for (const char c : bytes) put(fd, {&c, 1});
        else put(fd, bytes);
        if (row["end"] == "hold" && !row["outcome"].starts_with("ok")) hold(fd);
      });
      auto o = run_through(proxy);
      EXPECT_EQ(failure(o), words.at(row["outcome"])) << "line " << row.line;
      if (o) {
        EXPECT_EQ(drain(o->stream), row["leftover"]) << "line " << row.line;
      } else if (!row["status"].empty()) {
        EXPECT_EQ(o.error().status, std::stoi(row["status"])) << "line " << row.line;
      }
      o = std::unexpected(DialError{});
    }
  }
}

TEST_F(Upstream, U4_5_BytesBehindTheHeadArriveFirstHoweverTheyAreSplit) {
  const std::string answer = "HTTP/1.1 200 OK\r\nVia: x\r\n\r\n", tunnel = "220 ready\r\n\r\n";
  const std::string all = answer + tunnel;
  for (std::size_t cut = 1; cut < all.size(); cut += 3) {
    ScriptedProxy proxy([&](int fd) {
      put(fd, all.substr(0, cut));
      std::this_thread::sleep_for(3ms);
      put(fd, all.substr(cut));
    });
    auto o = run_through(proxy);
    ASSERT_EQ(failure(o), "ok") << cut;
    EXPECT_EQ(drain(o->stream), tunnel) << cut;
    o = std::unexpected(DialError{});
  }
}

TEST_F(Upstream, U4_7_ASlowHeadIsCutAtItsTimeThoughBytesKeepComing) {
  const auto start = Clock::now();
  ScriptedProxy proxy([](int fd) {
    for (int i = 0; i < 100 && send(fd, "a", 1, MSG_NOSIGNAL) == 1; ++i) std::this_thread::sleep_for(20ms);
  });
  EXPECT_EQ(failure(run_through(proxy)), "head_timeout");
  EXPECT_GE(Clock::now() - start, 400ms);
  EXPECT_LT(Clock::now() - start, 2s);
}

TEST_F(Upstream, U4_7_AFloodIsAnErrorAtOnce) {
  times.head = 10s;
  const auto start = Clock::now();
  ScriptedProxy proxy([](int fd) { put(fd, "HTTP/1.1 200 OK\r\nX: " + std::string(4 << 20, 'a')); });
  EXPECT_EQ(failure(run_through(proxy)), "head_too_large");
  EXPECT_LT(Clock::now() - start, 2s);
}

TEST_F(Upstream, U4_7_AProxyThatResetsIsAnErrorOfItsOwn) {
  ScriptedProxy proxy([](int fd) {
    put(fd, "HTTP/1.1 200");
    const linger reset{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    const Fd null(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    dup2(null.get(), fd);  // the connection is closed here, the descriptor stays the caller's
  });
  EXPECT_EQ(failure(run_through(proxy)), "closed_early");
}

TEST_F(Upstream, U4_8_TheBadLineIsShownEscaped) {
  ScriptedProxy proxy([](int fd) { put(fd, "SSH-2.0-\x1b[2J\r\n\r\n"); });
  const auto o = run_through(proxy);
  EXPECT_EQ(failure(o), "bad_status_line");
  EXPECT_THAT(o.error().sentence, HasSubstr("\"SSH-2.0-\\x1b[2J\""));
}

TEST_F(Upstream, U4_9_ATunnelAndADirectConnectionAreTheSameToTheCaller) {
  for (const bool tunnelled : {false, true}) {
    ScriptedProxy peer(
        [&](int fd) {
          if (tunnelled) put(fd, "HTTP/1.1 200 OK\r\n\r\n");
          char ping[4];
          if (recv(fd, ping, 4, MSG_WAITALL) == 4) put(fd, "pong" + std::string(ping, 4));
        },
        tunnelled);
    names["target.example"] = {"127.0.0.1"};
    const auto config = peer.config();
    auto o = run({"target.example", config.proxy()->port}, tunnelled ? config : UpstreamConfig());
    ASSERT_EQ(failure(o), "ok");
    put(o->stream.native_handle(), "ping");
    EXPECT_EQ(drain(o->stream), "pongping");
  }
}

TEST_F(Upstream, AnAddressThatIsNotAdmittedIsNotDialled) {
  Listener listener;
  names["rebound.example"] = {"127.0.0.1", "127.0.0.2"};
  std::vector<std::string> asked;
  admit = [&](const policy::Address& a) {
    asked.push_back(a.text());
    return Verdict{false, Verdict::Reason::special, nullptr, "loopback", "--allow-host 127.0.0.1:443"};
  };
  const auto o = run({"rebound.example", listener.port()});
  EXPECT_EQ(failure(o), "not_admitted");
  EXPECT_EQ(o.error().verdict.hint, "--allow-host 127.0.0.1:443");
  EXPECT_THAT(o.error().sentence, HasSubstr("loopback address"));
  EXPECT_THAT(asked, testing::ElementsAre("127.0.0.1", "127.0.0.2"));
  EXPECT_EQ(failure(run({"127.0.0.1", listener.port()})), "not_admitted");
  pollfd connected{listener.fd(), POLLIN, 0};
  EXPECT_EQ(poll(&connected, 1, 50), 0) << "somebody connected";
}

TEST_F(Upstream, OnlyTheAdmittedOnesOfSeveralAddressesAreDialled) {
  Listener listener("127.0.0.3");
  names["mixed.example"] = {"127.0.0.2", "127.0.0.3"};
  admit = [](const policy::Address& a) { return Verdict{a.text() == "127.0.0.3", Verdict::Reason::special, nullptr, "loopback", "x"}; };
  auto o = run({"mixed.example", listener.port()});
  ASSERT_EQ(failure(o), "ok");
  EXPECT_EQ(o->peer.text(), "127.0.0.3");
}

TEST_F(Upstream, TheProxysOwnAddressIsTheUsersButATargetAddressIsDecidedOnAlsoBehindIt) {
  ScriptedProxy proxy([](int fd) { put(fd, "HTTP/1.1 200 OK\r\n\r\n"); });
  admit = [](const policy::Address&) { return Verdict{false, Verdict::Reason::special, nullptr, "metadata", "x"}; };
  EXPECT_EQ(failure(run({"169.254.169.254", 80}, proxy.config())), "not_admitted");
  EXPECT_EQ(failure(run({"target.example", 443}, proxy.config())), "ok");
  proxy.join();
  EXPECT_THAT(proxy.request, testing::StartsWith("CONNECT target.example:443 "));
}

TEST(Interleaved, FamiliesTakeTurnsBeginningWithTheFirst) {
  const auto order = [](std::initializer_list<const char*> in) {
    std::vector<policy::Address> addresses;
    for (const char* text : in) addresses.push_back(policy::parse_address(text).value());
    std::string out;
    for (const auto& a : interleaved(addresses)) out += a.text() + " ";
    return out;
  };
  EXPECT_EQ(order({"2001::1", "2001::2", "2001::3", "192.0.2.1"}), "2001::1 192.0.2.1 2001::2 2001::3 ");
  EXPECT_EQ(order({"192.0.2.1", "192.0.2.2", "2001::1"}), "192.0.2.1 2001::1 192.0.2.2 ");
  EXPECT_EQ(order({"192.0.2.1"}), "192.0.2.1 ");
  EXPECT_EQ(order({}), "");
}

TEST_F(Upstream, ASilentAddressIsPassedByAfterTheDelay) {
  times.connect = 5s;
  Listener good("127.0.0.3");
  Listener silent("127.0.0.2", good.port(), 0);
  silent.clog();
  names["two.example"] = {"127.0.0.2", "127.0.0.3"};
  const auto start = Clock::now();
  auto o = run({"two.example", good.port()});
  ASSERT_EQ(failure(o), "ok");
  EXPECT_EQ(o->peer.text(), "127.0.0.3");
  EXPECT_GE(Clock::now() - start, 50ms);
  EXPECT_LT(Clock::now() - start, 1s);
}

TEST_F(Upstream, ARefusedAddressIsPassedByAtOnceAndTheFirstErrorIsKept) {
  times.next_attempt = 5s;
  Listener good("127.0.0.3");
  names["two.example"] = {"127.0.0.2", "127.0.0.3"};
  const auto start = Clock::now();
  EXPECT_EQ(failure(run({"two.example", good.port()})), "ok");
  EXPECT_LT(Clock::now() - start, 1s);
  names["two.example"] = {"127.0.0.2", "127.0.0.4"};
  EXPECT_EQ(failure(run({"two.example", good.port()})), "connect_refused");
}

TEST_F(Upstream, ADialThatIsDroppedWhileItWaitsLeavesNothingOpen) {
  Listener silent("127.0.0.1", 0, 0);
  silent.clog();
  const int probe = dup(0);
  close(probe);
  {
    asio::io_context own{1};
    const Target target{"127.0.0.1", silent.port()};
    const UpstreamConfig direct;
    const auto task = [&]() -> Task<void> { (void)co_await dial(target, direct, lookup, admit, times); };
    asio::co_spawn(own, task, asio::detached);
    own.run_for(30ms);
  }
  const int again = dup(0);
  EXPECT_EQ(again, probe);
  close(again);
}

}  // namespace
}  // namespace cordon::egress
