// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <nlohmann/json.hpp>

#include <array>
#include <cstring>
#include <deque>

#include "egress/confine.hpp"
#include "egress/packet.hpp"
#include "egress/port_forward.hpp"
#include "egress/route.hpp"
#include "egress/run.hpp"
#include "event/wire.hpp"
#include "policy/net_json.hpp"

namespace cordon::egress {
namespace {

constexpr const char* kTryAgain = "try again when the host has memory and descriptors to spare";

// Waits if the supervisor is slow: an event is never lost, and a flood of them slows whoever causes it.
void tell(int channel, char kind, std::string_view text) {
  const std::string packet = kind + std::string(text);
  while (send(channel, packet.data(), packet.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

struct Config {
  NetPolicy net;
  Environment environment;
  std::string token;
};

Result<Config> read_config(const Fd& file) {
  const auto text = read_whole(file);
  if (!text) return impossible("egress cannot read its configuration", text.error(), kTryAgain);
  const auto json = nlohmann::json::parse(*text);
  return Config{policy::net_from_json(json.at("net")), json.at("environment").get<Environment>(), json.at("token").get<std::string>()};
}

class Supervised {
 public:
  Supervised(asio::io_context& loop, int channel, Service& service)
      : loop_(loop), channel_(loop, channel), service_(service), forward_(loop, service.relay) {}

  Task<void> run() {
    while (true) {
      error_code e;
      co_await channel_.async_wait(channel_.wait_read, asio::redirect_error(use_task, e));
      if (e) break;
      Packet p = receive_packet(channel_.native_handle());
      if (p.bytes.empty()) break;
      take(std::move(p));
    }
    service_.relay.stop();
    tell(channel_.native_handle(), 'S', service_.metrics.json());
    loop_.stop();
  }

 private:
  void take(Packet p) {
    const std::string& b = p.bytes;
    if (p.fds.size() != 1) return;
    if (b[0] == 'L' && b.size() == 2) {
      const Front front = b[1] == 'h' ? Front::http : b[1] == 's' ? Front::socks5 : Front::both;
      if (auto acceptor = adopt(loop_, std::move(p.fds[0]))) {
        acceptors_.push_back(std::move(*acceptor));
        asio::co_spawn(loop_, accept_clients(service_, acceptors_.back(), front), [](std::exception_ptr) {});
      } else {
        tell(channel_.native_handle(), 'U', acceptor.error().sentence());
      }
    } else if (b[0] == 'R' && b.size() == 3) {
      const auto port = static_cast<std::uint16_t>(static_cast<unsigned char>(b[1]) << 8 | static_cast<unsigned char>(b[2]));
      if (auto acceptor = adopt(loop_, std::move(p.fds[0]))) forward_.add(port, std::move(*acceptor));
      else tell(channel_.native_handle(), 'U', acceptor.error().sentence());
    } else if (b[0] == 'N') {
      forward_.set_channel(std::move(p.fds[0]));
    }
  }

  asio::io_context& loop_;
  asio::posix::basic_stream_descriptor<Executor> channel_;
  Service& service_;
  PortForward forward_;
  std::deque<Acceptor> acceptors_;  // their loops hold references
};

int fail(int channel, const Error& e) {
  tell(channel, 'F', e.sentence());
  return 125;
}

int serve(int channel) {
  const auto fail = [channel](const Error& e) { return egress::fail(channel, e); };
  fcntl(channel, F_SETFD, FD_CLOEXEC);
  const Packet first = receive_packet(channel);
  if (first.bytes.empty()) return 0;
  if (first.bytes != "C" || first.fds.size() != 1) return fail({ErrorKind::bug, "the first message to egress is no configuration", "", 0, 125});
  auto config = read_config(first.fds[0]);
  if (!config) return fail(config.error());
  follow_no_links();
  std::string warning;
  auto rules = Rules::make(config->net, config->environment, warning);
  if (!rules) return fail(rules.error());
  if (!warning.empty()) tell(channel, 'U', warning);
  asio::io_context loop(1);
  auto resolver = Resolver::make(loop, read_name_files(), {});
  if (!resolver) return fail(resolver.error());
  Limits limits;
  limits.connections = std::min(limits.connections, connections_that_fit(raise_descriptor_limit()));
  Service service(loop, std::move(*rules), std::move(*resolver), limits);
  service.token = config->token;
  service.metrics.upstream_configured = !service.rules->upstream.direct();
  service.on_event = [channel](const Event& e) { tell(channel, 'E', encode(e)); };
  Supervised supervised(loop, channel, service);
  if (auto r = confine(); !r) return fail(r.error());
  tell(channel, 'K', "");  // a command that needs its upstream proxy waits for this
  asio::co_spawn(loop, supervised.run(), [](std::exception_ptr) {});
  [&]() noexcept { loop.run(); }();  // from here on an exception ends the process where it stands
  _exit(0);                          // coroutines that wait still refer to what would be destroyed before them
}

}  // namespace

int run_supervised(int channel) {
  try {
    return serve(channel);
  } catch (const boost::system::system_error& e) {
    return fail(channel, impossible("egress cannot start", e.code().value(), kTryAgain).error());
  } catch (const std::exception& e) {
    return fail(channel, impossible(std::string("egress cannot start: ") + e.what(), 0, kTryAgain).error());
  }
}

}  // namespace cordon::egress
