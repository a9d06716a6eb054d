// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/basic_signal_set.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>

#include <cstdio>
#include <cstdlib>

#include "egress/authority.hpp"
#include "egress/confine.hpp"
#include "egress/metrics_page.hpp"
#include "egress/source.hpp"

namespace cordon::egress {
namespace {

constexpr auto kDrain = std::chrono::seconds(5);
using Signals = asio::basic_signal_set<Executor>;

void say(const std::string& sentence) { std::fprintf(stderr, "cordon: %s\n", printable(sentence).c_str()); }

struct Where {
  Address address;
  std::uint16_t port = 0;
};

constexpr const char* kNameServer = "write 192.0.2.53:53 or [2001:db8::53]:53";
constexpr const char* kListener = "write 127.0.0.1:3128 or [::1]:3128; port 0 lets the kernel choose";

// ADDR:PORT, where 0 is a port, too.
Result<Where> parse_where(const std::string& option, const std::string& text, const char* remedy = kListener) {
  const auto colon = text.rfind(':');
  std::string host = text.substr(0, colon), port = colon == std::string::npos ? "" : text.substr(colon + 1);
  const bool brackets = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  error_code bad;
  const Address address = asio::ip::make_address(host, bad);
  const auto number = port == "0" ? std::optional<std::uint16_t>(0) : parse_port(port);
  if (bad || !number || address.is_v6() != brackets) return refused(option + " '" + printable(text) + "' is no ADDR:PORT", remedy);
  return Where{address, *number};
}

Result<Rules> make_rules(const NetPolicy& net, const Environment& environment) {
  std::string warning;
  auto rules = Rules::make(net, environment, warning);
  if (!warning.empty()) say(warning);
  return rules;
}

Result<Fd> open_events(const std::string& where) {
  if (where.empty()) return Fd();
  if (where == "-") return Fd(fcntl(2, F_DUPFD_CLOEXEC, 3));
  Fd fd(open(where.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return impossible("cannot write the events to " + printable(where), errno, "name a file that you may write, or '-'");
  return fd;
}

Result<void> reload(Service& service, const SourceReader& reader, const Environment& environment) {
  const auto sources = reader.take();
  if (!sources) return std::unexpected(sources.error());
  auto rules = make_rules(sources->net, environment);
  if (!rules) return std::unexpected(rules.error());
  service.rules = std::make_shared<const Rules>(std::move(*rules));
  service.metrics.upstream_configured = !service.rules->upstream.direct();
  service.resolver->reload(sources->names);
  return {};
}

Task<void> reload_on_hangup(Signals& hangup, Service& service, const SourceReader& reader, const Environment& environment) {
  asio::posix::basic_stream_descriptor<Executor> answer(service.loop, reader.channel());
  while (true) {
    error_code e;
    co_await hangup.async_wait(asio::redirect_error(use_task, e));
    if (e) break;
    if (reader.ask()) co_await answer.async_wait(answer.wait_read, asio::redirect_error(use_task, e));
    if (auto done = reload(service, reader, environment); !done)
      say("the policy was not reloaded, the old one stays in force: " + done.error().sentence());
    else say("the policy was reloaded");
  }
  answer.release();
}

Task<void> drain_on_termination(Signals& termination, Service& service, Acceptor& clients, Signals& hangup) {
  error_code e;
  co_await termination.async_wait(asio::redirect_error(use_task, e));
  hangup.cancel(e);
  clients.close(e);
  Timer timer(service.loop);
  service.on_connection_closed = [&] { timer.cancel(); };
  for (const auto end = Clock::now() + kDrain; service.metrics.open > 0 && Clock::now() < end;) {
    timer.expires_at(end);
    co_await timer.async_wait(asio::redirect_error(use_task, e));
  }
  service.on_connection_closed = [] {};
  service.relay.stop();
  service.loop.stop();
}

}  // namespace

Environment upstream_environment() {
  Environment environment;
  for (const char* name : {"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"})
    if (const char* value = std::getenv(name)) environment[name] = value;
  return environment;
}

int run_proxy(const ProxyOptions& options) {
  const auto fail = [](const Error& e) {
    say(e.sentence());
    return 125;
  };
  const Environment environment = upstream_environment();
  const auto reader = SourceReader::start(options);
  if (!reader) return fail(reader.error());
  (void)reader->ask();  // a child that is gone is seen by `take`
  const auto sources = reader->take();
  if (!sources) return fail(sources.error());
  auto rules = make_rules(sources->net, environment);
  if (!rules) return fail(rules.error());
  const auto where = parse_where("--listen", options.listen);
  if (!where) return fail(where.error());
  if (!options.resolver.empty()) {
    const auto server = parse_where("--resolver", options.resolver, kNameServer);
    if (!server) return fail(server.error());
    if (server->port == 0) return fail(refused("--resolver '" + printable(options.resolver) + "' has no port", kNameServer).error());
  }
  auto events = open_events(options.events);
  if (!events) return fail(events.error());
  asio::io_context loop(1);
  auto resolver = Resolver::make(loop, sources->names, options.resolver);
  if (!resolver) return fail(resolver.error());
  auto clients = listen_on(loop, where->address, where->port);
  if (!clients) return fail(clients.error());
  std::optional<Acceptor> pages;
  if (!options.metrics.empty()) {
    const auto page = parse_where("--metrics", options.metrics);
    if (!page) return fail(page.error());
    auto acceptor = listen_on(loop, page->address, page->port);
    if (!acceptor) return fail(acceptor.error());
    pages = std::move(*acceptor);
  }
  Limits limits;
  limits.connections = std::min(limits.connections, connections_that_fit(raise_descriptor_limit()));
  Service service(loop, std::move(*rules), std::move(*resolver), limits);
  service.token = options.token;
  service.metrics.upstream_configured = !service.rules->upstream.direct();
  if (*events)
    service.on_event = [fd = events->get()](const Event& e) {
      const std::string line = to_json(e) + "\n";
      [[maybe_unused]] const ssize_t n = write(fd, line.data(), line.size());
    };
  Signals termination(loop, SIGTERM, SIGINT), hangup(loop, SIGHUP);
  if (auto r = confine(); !r) return fail(r.error());

  asio::co_spawn(loop, accept_clients(service, *clients, Front::both), [](std::exception_ptr) {});
  if (pages) asio::co_spawn(loop, serve_metrics(service, *pages), [](std::exception_ptr) {});
  asio::co_spawn(loop, reload_on_hangup(hangup, service, *reader, environment), [](std::exception_ptr) {});
  asio::co_spawn(loop, drain_on_termination(termination, service, *clients, hangup), [](std::exception_ptr) {});
  const auto bound = clients->local_endpoint();
  if (!bound.address().is_loopback() && options.token.empty())
    say("other hosts can reach " + bound.address().to_string() + " and go out through this proxy; --token keeps them out");
  const std::string at = authority_text(bound.address().to_string(), bound.port());
  std::printf("ready http=%s socks5=%s\n", at.c_str(), at.c_str());
  std::fflush(stdout);
  loop.run();
  _exit(0);  // coroutines that wait still refer to what would be destroyed before them
}

}  // namespace cordon::egress
