// SPDX-License-Identifier: Apache-2.0
// What `cordon doctor` says of the way out.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <cstdio>

#include "egress/run.hpp"

namespace cordon::egress {
namespace {

constexpr auto kPatience = std::chrono::seconds(3);

Task<std::expected<std::chrono::milliseconds, std::string>> reach(const ProxyAddress& proxy, Resolver& resolver) {
  const auto began = Clock::now();
  std::vector<policy::Address> addresses;
  if (const auto literal = policy::parse_address(proxy.host)) {
    addresses.push_back(*literal);
  } else {
    const auto found = co_await resolver.resolve(proxy.host);
    if (!found) co_return std::unexpected("its name has no address: " + found.error());
    for (const Address& a : *found)
      if (const auto parsed = policy::parse_address(a.to_string())) addresses.push_back(*parsed);
  }
  auto connected = co_await connect_to_any(std::move(addresses), proxy.port, std::chrono::milliseconds(250), began + kPatience);
  if (!connected) co_return std::unexpected(connected.error().message());
  co_return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
}

}  // namespace

int probe_upstream() {
  const auto chosen = choose_upstream("env", upstream_environment());
  if (!chosen || !chosen->warning.empty()) {
    std::printf("not understood: %s\n", chosen ? chosen->warning.c_str() : chosen.error().sentence().c_str());
    return 1;
  }
  const ProxyAddress* proxy = chosen->config.proxy();
  if (!proxy) {
    std::printf("direct: neither HTTPS_PROXY nor https_proxy is set\n");
    return 0;
  }
  asio::io_context loop(1);
  auto resolver = Resolver::make(loop, read_name_files(), {});
  if (!resolver) {
    std::printf("%s: %s\n", proxy->text().c_str(), resolver.error().sentence().c_str());
    return 1;
  }
  int status = 1;
  asio::co_spawn(
      loop,
      [&]() -> Task<void> {
        const auto took = co_await reach(*proxy, **resolver);
        if (took) std::printf("%s: reachable in %lld ms\n", proxy->text().c_str(), static_cast<long long>(took->count()));
        else std::printf("%s: not reachable: %s\n", proxy->text().c_str(), took.error().c_str());
        status = took ? 0 : 1;
        loop.stop();
      },
      asio::detached);
  loop.run_for(std::chrono::seconds(15));
  return status;
}

}  // namespace cordon::egress
