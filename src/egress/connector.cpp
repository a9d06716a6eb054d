// SPDX-License-Identifier: Apache-2.0
#include "egress/connector.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <optional>

namespace cordon::egress {
namespace {

asio::generic::stream_protocol::endpoint endpoint(const policy::Address& address, std::uint16_t port) {
  if (address.v4()) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    std::copy_n(address.bytes.begin() + 12, 4, reinterpret_cast<std::uint8_t*>(&to.sin_addr));
    return {&to, sizeof to, IPPROTO_TCP};
  }
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(port);
  std::ranges::copy(address.bytes, to.sin6_addr.s6_addr);
  return {&to, sizeof to, IPPROTO_TCP};
}

// Shared with the handlers of the attempts: those of the losers run after the race is over.
struct Race {
  explicit Race(const Executor& executor) : news(executor) {}
  Timer news;  // the coroutine waits on it; an attempt that ends wakes it
  std::deque<Stream> attempts;
  std::vector<std::optional<error_code>> results;  // of the attempts, in their order
  std::optional<std::size_t> winner;
  std::size_t pending = 0;

  void close_losers() {
    error_code ignored;
    for (std::size_t i = 0; i < attempts.size(); ++i)
      if (i != winner) attempts[i].close(ignored);
  }
};

error_code result_of(Stream& connecting) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(connecting.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return {error, boost::system::system_category()};
}

void start(const std::shared_ptr<Race>& race, const policy::Address& address, std::uint16_t port) {
  const auto to = endpoint(address, port);
  const std::size_t number = race->attempts.size();
  Stream& stream = race->attempts.emplace_back(race->news.get_executor());
  race->results.emplace_back();
  error_code failed;
  stream.open(to.protocol(), failed);
  if (!failed) stream.native_non_blocking(true, failed);
  if (failed) {
    race->results[number] = failed;
    return;
  }
  stream.set_option(asio::ip::tcp::no_delay(true), failed);
  const auto ended = [race, number](const error_code& result) {
    race->results[number] = result;
    if (!result && !race->winner) race->winner = number;
  };
  // A target on this host is connected, or refuses, before connect(2) returns: no need to hear of it from the loop.
  if (connect(stream.native_handle(), to.data(), static_cast<socklen_t>(to.size())) == 0) return ended({});
  if (errno != EINPROGRESS && errno != EINTR) return ended({errno, boost::system::system_category()});
  if (pollfd p{stream.native_handle(), POLLOUT, 0}; poll(&p, 1, 0) == 1) return ended(result_of(stream));
  ++race->pending;
  stream.async_wait(Stream::wait_write, [race, number, ended](error_code e) {
    --race->pending;
    ended(e ? e : result_of(race->attempts[number]));
    race->news.cancel();
  });
}

}  // namespace

std::vector<policy::Address> interleaved(const std::vector<policy::Address>& addresses) {
  if (addresses.empty()) return {};
  std::vector<policy::Address> families[2], mixed;
  for (const auto& a : addresses) families[a.v4() != addresses.front().v4()].push_back(a);
  for (std::size_t i = 0; mixed.size() < addresses.size(); ++i)
    for (const auto& family : families)
      if (i < family.size()) mixed.push_back(family[i]);
  return mixed;
}

Task<std::expected<Connection, error_code>> connect_to_any(std::vector<policy::Address> addresses, std::uint16_t port,
                                                           std::chrono::milliseconds delay, Clock::time_point deadline) {
  addresses = interleaved(addresses);
  const auto race = std::make_shared<Race>(co_await asio::this_coro::executor);
  // Also where the coroutine is destroyed while it waits.
  const std::unique_ptr<Race, void (*)(Race*)> losers(race.get(), [](Race* r) { r->close_losers(); });
  std::size_t next = 0;
  auto next_start = Clock::now();
  while (!race->winner) {
    const auto now = Clock::now();
    if (now >= deadline) co_return std::unexpected(asio::error::timed_out);
    if (next < addresses.size() && (race->pending == 0 || now >= next_start)) {
      start(race, addresses[next++], port);
      next_start = now + delay;
      continue;
    }
    if (race->pending == 0) break;
    race->news.expires_at(next < addresses.size() ? std::min(next_start, deadline) : deadline);
    error_code woken;
    co_await race->news.async_wait(asio::redirect_error(use_task, woken));
  }
  if (!race->winner) co_return std::unexpected(race->results.empty() ? asio::error::host_not_found : *race->results.front());
  co_return Connection{std::move(race->attempts[*race->winner]), addresses[*race->winner]};
}

}  // namespace cordon::egress
