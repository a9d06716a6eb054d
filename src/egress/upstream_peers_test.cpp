// SPDX-License-Identifier: Apache-2.0
// The dialler behind proxies that people really run. Each is skipped where it is not installed.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <boost/asio/co_spawn.hpp>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/fd.hpp"
#include "egress/upstream.hpp"

namespace cordon::egress {
namespace {

using namespace std::chrono_literals;

struct Bound {
  Fd fd;
  std::uint16_t port = 0;
};
Bound bound() {
  Bound b{Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  const int on = 1;
  setsockopt(b.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  EXPECT_EQ(bind(b.fd.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
  getsockname(b.fd.get(), reinterpret_cast<sockaddr*>(&at), &size);
  b.port = ntohs(at.sin_port);
  return b;
}
std::uint16_t free_port() { return bound().port; }

// Speaks first, as SSH does, then gives every byte back.
class Target {
 public:
  Target() : listener_(bound()) {
    listen(listener_.fd.get(), 8);
    thread_ = std::thread([this] {
      for (;;) {
        const Fd client(accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client) return;
        send(client.get(), "banner\n", 7, MSG_NOSIGNAL);
        char buffer[256];
        for (ssize_t n; (n = recv(client.get(), buffer, sizeof buffer, 0)) > 0;)
          send(client.get(), buffer, static_cast<std::size_t>(n), MSG_NOSIGNAL);
      }
    });
  }
  ~Target() {
    shutdown(listener_.fd.get(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return listener_.port; }

 private:
  Bound listener_;
  std::thread thread_;
};

// A proxy of the distribution on a loopback port; ends with this object.
class Proxy {
 public:
  Proxy(std::vector<std::string> words, const std::string& config, std::uint16_t port) : port_(port) {
    char name[] = "/tmp/cordon-upstream-XXXXXX";
    directory_ = mkdtemp(name);
    chmod(directory_.c_str(), 0777);  // squid leaves root
    std::string text = config;
    for (std::size_t at; (at = text.find("DIR")) != std::string::npos;) text.replace(at, 3, directory_);
    std::ofstream(directory_ + "/conf") << text;
    words.push_back(directory_ + "/conf");
    std::vector<char*> argv;
    for (auto& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, (directory_ + "/stderr").c_str(), O_WRONLY | O_CREAT, 0666);
    if (posix_spawn(&pid_, words[0].c_str(), &actions, nullptr, argv.data(), environ) != 0) pid_ = 0;
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 200 && !(up_ = connects()); ++i) std::this_thread::sleep_for(50ms);
  }
  ~Proxy() {
    if (pid_ > 0) {
      kill(pid_, SIGTERM);  // squid takes its shared memory away
      int left = 100;
      while (waitpid(pid_, nullptr, WNOHANG) == 0 && --left > 0) std::this_thread::sleep_for(50ms);
      if (left == 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
      }
    }
    std::filesystem::remove_all(directory_);
  }
  [[nodiscard]] bool up() const { return up_; }
  [[nodiscard]] UpstreamConfig config() const { return UpstreamConfig({"127.0.0.1", port_}); }

 private:
  [[nodiscard]] bool connects() const {
    const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  std::uint16_t port_;
  std::string directory_;
  pid_t pid_ = 0;
  bool up_ = false;
};

using Outcome = std::expected<Connected, DialError>;

void check_proxy(const Proxy& proxy, const Target& target) {
  ASSERT_TRUE(proxy.up());
  asio::io_context loop{1};
  const Lookup lookup = [](std::string) -> Task<std::expected<std::vector<Address>, std::string>> {
    co_return std::unexpected("nothing is looked up here");
  };
  const Admit admit = [](const policy::Address&) { return Verdict{true, Verdict::Reason::rule, nullptr, {}, {}}; };
  const auto run = [&](std::uint16_t port) {
    std::optional<Outcome> outcome;
    const egress::Target to{"127.0.0.1", port};
    const UpstreamConfig config = proxy.config();
    const auto task = [&]() -> Task<void> { outcome.emplace(co_await dial(to, config, lookup, admit)); };
    asio::co_spawn(loop, task, [](std::exception_ptr e) { EXPECT_FALSE(e); });
    loop.restart();
    loop.run();
    return std::move(*outcome);
  };
  auto o = run(target.port());
  ASSERT_TRUE(o) << o.error().sentence;
  EXPECT_TRUE(o->through_proxy);
  o->stream.native_non_blocking(false);
  const int fd = o->stream.native_handle();
  const timeval limit{10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  char banner[8] = {};
  ASSERT_EQ(recv(fd, banner, 7, MSG_WAITALL), 7);
  EXPECT_STREQ(banner, "banner\n") << "the first byte behind the proxy's answer is the target's";
  ASSERT_EQ(send(fd, "ping", 4, MSG_NOSIGNAL), 4);
  ASSERT_EQ(recv(fd, banner, 4, MSG_WAITALL), 4);
  EXPECT_EQ(std::string(banner, 4), "ping");
  shutdown(fd, SHUT_WR);

  const auto denied = run(9);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().failure, DialFailure::status);
  EXPECT_EQ(denied.error().status, 403) << denied.error().sentence;
}

TEST(UpstreamPeers, U4_Tinyproxy) {
  if (access("/usr/bin/tinyproxy", X_OK) != 0) GTEST_SKIP() << "tinyproxy is not installed";
  const Target target;
  const auto port = free_port();
  const Proxy proxy({"/usr/bin/tinyproxy", "-d", "-c"},
                    "Port " + std::to_string(port) + "\nListen 127.0.0.1\nTimeout 20\nMaxClients 20\nAllow 127.0.0.1\nConnectPort " +
                        std::to_string(target.port()) + "\n",
                    port);
  check_proxy(proxy, target);
}

TEST(UpstreamPeers, U4_Squid) {
  if (access("/usr/sbin/squid", X_OK) != 0) GTEST_SKIP() << "squid is not installed";
  const Target target;
  const auto port = free_port();
  const Proxy proxy(
      {"/usr/sbin/squid", "-N", "-n", "cordon" + std::to_string(getpid()), "-f"},
      "http_port 127.0.0.1:" + std::to_string(port) + "\nacl allowed port " + std::to_string(target.port()) +
          "\nhttp_access allow allowed\nhttp_access deny all\npid_filename none\naccess_log none\ncache_store_log none\ncache_log "
          "DIR/cache.log\ncoredump_dir DIR\n"
          "cache deny all\ncache_mem 1 MB\nshutdown_lifetime 0 seconds\npinger_enable off\nnetdb_filename none\nmax_filedescriptors 256\n",
      port);
  check_proxy(proxy, target);
}

}  // namespace
}  // namespace cordon::egress
