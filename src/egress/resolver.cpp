// SPDX-License-Identifier: Apache-2.0
#include "egress/resolver.hpp"

#include <arpa/inet.h>
#include <cordon/events.hpp>
#include <fcntl.h>
#include <sys/time.h>

#include <boost/asio/redirect_error.hpp>

#include <algorithm>
#include <cstring>
#include <optional>
#include <sstream>

#include "egress/authority.hpp"
#include "egress/packet.hpp"
#include "egress/text.hpp"

namespace cordon::egress {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kLongest = std::chrono::seconds(3600);
constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kMostKept = 1024;
constexpr std::size_t kMostAddresses = 32;  // of one answer: no more are tried

std::optional<Address> to_address(const sockaddr* a) {
  if (a->sa_family == AF_INET) {
    asio::ip::address_v4::bytes_type bytes;
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(a)->sin_addr, bytes.size());
    return asio::ip::address_v4(bytes);
  }
  if (a->sa_family == AF_INET6) {
    asio::ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr, bytes.size());
    return asio::ip::address_v6(bytes);
  }
  return std::nullopt;
}

void prefer_ipv6(Addresses& addresses) {
  std::ranges::stable_partition(addresses, [](const Address& a) { return a.is_v6(); });
}

}  // namespace

// One name that a server was asked for, and all who wait for it, each on a timer that the answer cancels.
struct Resolver::Query {
  Query(Resolver& r, std::string n) : resolver(&r), name(std::move(n)) {}
  Resolver* resolver;  // null once the resolver is gone
  std::string name;
  std::list<Timer*> waiting;
  bool done = false;
  std::expected<Addresses, std::string> result;
};

std::map<std::string, Addresses, std::less<>> parse_hosts(std::string_view text) {
  std::map<std::string, Addresses, std::less<>> table;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::istringstream words(std::string(text.substr(0, std::min(end, text.find('#')))));
    text.remove_prefix(std::min(end + 1, text.size()));
    std::string word;
    if (!(words >> word)) continue;
    error_code bad;
    const Address address = asio::ip::make_address(word, bad);
    if (bad || word.find('%') != std::string::npos) continue;
    while (words >> word) {
      if (word.ends_with('.')) word.pop_back();
      Addresses& known = table[lower(std::string_view(word))];
      if (std::ranges::find(known, address) == known.end()) known.push_back(address);
      prefer_ipv6(known);
    }
  }
  return table;
}

NameFiles read_name_files() {
  const auto text = [](const char* path) { return read_whole(Fd(open(path, O_RDONLY | O_CLOEXEC))).value_or(std::string()); };
  return {text("/etc/hosts"), text("/etc/resolv.conf")};
}

std::string parse_name_servers(std::string_view text) {
  std::string servers;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word, address;
    if (!(words >> word >> address) || word != "nameserver") continue;
    error_code bad;
    const Address server = asio::ip::make_address(address, bad);
    if (bad || address.contains('%')) continue;
    servers += (servers.empty() ? "" : ",") + authority_text(server.to_string(), kDnsPort);
  }
  return servers.empty() ? authority_text("127.0.0.1", kDnsPort) : servers;
}

Result<std::unique_ptr<Resolver>> Resolver::make(asio::io_context& loop, const NameFiles& files, const std::string& server) {
  std::unique_ptr<Resolver> r(new Resolver(loop, !server.empty()));
  // With all of these c-ares reads no file: what it would take from one is given.
  ares_options o{};
  o.flags = ARES_FLAG_NOALIASES | ARES_FLAG_NOSEARCH;
  o.timeout = 2000;  // ms, of the first try; it doubles
  o.tries = 3;
  o.ndots = 1;
  o.ndomains = 0;
  o.nsort = 0;
  in_addr loopback{htonl(INADDR_LOOPBACK)};  // replaced below
  o.servers = &loopback;
  o.nservers = 1;
  char dns_only[] = "b";
  o.lookups = dns_only;
  o.sock_state_cb = &Resolver::on_socket_state;
  o.sock_state_cb_data = r.get();
  const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_DOMAINS | ARES_OPT_SORTLIST | ARES_OPT_SERVERS |
                   ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
  if (const int e = ares_init_options(&r->channel_, &o, mask); e != ARES_SUCCESS)
    return impossible(std::string("cannot set up the resolver: ") + ares_strerror(e), 0, "free some memory");
  r->servers_ = server.empty() ? parse_name_servers(files.resolv_conf) : server;
  if (ares_set_servers_ports_csv(r->channel_, r->servers_.c_str()) != ARES_SUCCESS)
    return refused("the resolver '" + printable(r->servers_) + "' is no address", "write ADDR:PORT");
  r->hosts_ = parse_hosts(files.hosts);
  return r;
}

// The channel stays: another one would want /dev/urandom, which is out of reach by now.
void Resolver::reload(const NameFiles& files) {
  hosts_ = parse_hosts(files.hosts);
  kept_.clear();
  order_.clear();
  std::string servers = parse_name_servers(files.resolv_conf);
  if (own_server_ || servers == servers_) return;
  servers_ = std::move(servers);
  changing_ = true;
  ares_cancel(channel_);
  changing_ = false;
  ares_set_servers_ports_csv(channel_, servers_.c_str());
  std::vector<std::shared_ptr<Query>> waiting;
  for (const auto& [name, query] : asked_) waiting.push_back(query);
  for (const auto& query : waiting) ask(query);
}

Resolver::~Resolver() {
  for (auto& [name, query] : asked_) query->resolver = nullptr;
  if (channel_) ares_destroy(channel_);
}

Task<std::expected<Addresses, std::string>> Resolver::resolve(std::string name) {
  if (const auto it = hosts_.find(name); it != hosts_.end()) co_return it->second;
  if (const auto it = kept_.find(name); it != kept_.end()) {
    if (Clock::now() < it->second.until) co_return it->second.addresses;
    order_.erase(it->second.order);
    kept_.erase(it);
  }
  std::shared_ptr<Query> query;
  if (const auto it = asked_.find(name); it != asked_.end()) {
    query = it->second;
  } else {
    query = std::make_shared<Query>(*this, name);
    asked_.emplace(name, query);
    ask(query);
  }
  if (!query->done) {
    Timer answered(loop_, kPatience);
    const auto place = query->waiting.insert(query->waiting.end(), &answered);
    error_code e;
    co_await answered.async_wait(asio::redirect_error(use_task, e));
    query->waiting.erase(place);
  }
  if (!query->done) co_return std::unexpected("no name server answered within 10 s");
  co_return query->result;
}

void Resolver::ask(const std::shared_ptr<Query>& query) {
  ++questions_;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_flags = ARES_AI_NOSORT;  // sorting would probe routes with sockets; the dialler races the families
  ares_getaddrinfo(channel_, query->name.c_str(), nullptr, &hints, &Resolver::on_answer, new std::shared_ptr<Query>(query));
  arm_timer();
}

void Resolver::on_answer(void* arg, int status, int, ares_addrinfo* answer) {
  const std::unique_ptr<std::shared_ptr<Query>> held(static_cast<std::shared_ptr<Query>*>(arg));
  Query& q = **held;
  if (q.resolver && q.resolver->changing_) return;
  Addresses addresses;
  int ttl = static_cast<int>(kLongest.count());
  if (answer) {
    for (const ares_addrinfo_node* n = answer->nodes; n && addresses.size() < kMostAddresses; n = n->ai_next)
      if (const auto a = to_address(n->ai_addr)) {
        addresses.push_back(*a);
        ttl = std::min(ttl, n->ai_ttl);
      }
    for (const ares_addrinfo_cname* c = answer->cnames; c; c = c->next) ttl = std::min(ttl, c->ttl);
    ares_freeaddrinfo(answer);
    prefer_ipv6(addresses);
  }
  if (!addresses.empty()) q.result = std::move(addresses);
  else q.result = std::unexpected(status == ARES_SUCCESS ? "it has no address" : ares_strerror(status));
  q.done = true;
  for (Timer* t : q.waiting) t->cancel();
  if (!q.resolver) return;
  if (q.result) q.resolver->keep(q.name, *q.result, std::chrono::seconds(std::max(ttl, 0)));
  q.resolver->asked_.erase(q.name);
}

void Resolver::keep(const std::string& name, const Addresses& addresses, std::chrono::seconds ttl) {
  if (ttl.count() == 0) return;
  if (kept_.size() >= kMostKept) {
    kept_.erase(order_.front());
    order_.pop_front();
  }
  order_.push_back(name);
  kept_[name] = {addresses, Clock::now() + ttl, std::prev(order_.end())};
}

// c-ares says which of its sockets it wants to hear of; 0, 0 comes before it closes one.
void Resolver::on_socket_state(void* self, ares_socket_t fd, int readable, int writable) {
  Resolver& r = *static_cast<Resolver*>(self);
  auto it = r.sockets_.find(fd);
  if (!readable && !writable) {
    if (it == r.sockets_.end()) return;
    it->second->socket.release();
    r.sockets_.erase(it);
    return;
  }
  if (it == r.sockets_.end()) {
    auto w = std::make_shared<Watched>(Watched{Socket(r.loop_)});
    error_code e;
    w->socket.assign(fd, e);
    if (e) return;  // out of memory: the query times out
    it = r.sockets_.emplace(fd, std::move(w)).first;
  }
  it->second->readable = readable != 0;
  it->second->writable = writable != 0;
  r.watch(it->second);
}

void Resolver::watch(const std::shared_ptr<Watched>& w) {
  const auto go_on = [this, weak = std::weak_ptr(w)](bool Watched::* wanted, bool Watched::* waiting, bool reading) {
    return [this, weak, wanted, waiting, reading](const error_code& e) {
      const auto held = weak.lock();
      if (e || !held) return;
      (*held).*waiting = false;
      if ((*held).*wanted) {
        const int fd = held->socket.native_handle();
        ares_process_fd(channel_, reading ? fd : ARES_SOCKET_BAD, reading ? ARES_SOCKET_BAD : fd);
        arm_timer();
      }
      if (held->socket.is_open()) watch(held);
    };
  };
  if (w->readable && !std::exchange(w->reading, true)) w->socket.async_wait(Socket::wait_read, go_on(&Watched::readable, &Watched::reading, true));
  if (w->writable && !std::exchange(w->writing, true)) w->socket.async_wait(Socket::wait_write, go_on(&Watched::writable, &Watched::writing, false));
}

void Resolver::arm_timer() {
  timeval most{60, 0}, next{};
  if (asked_.empty() || !ares_timeout(channel_, &most, &next)) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::chrono::seconds(next.tv_sec) + std::chrono::microseconds(next.tv_usec) + std::chrono::milliseconds(1));
  timer_.async_wait([this](const error_code& e) {
    if (e) return;
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm_timer();
  });
}

}  // namespace cordon::egress
