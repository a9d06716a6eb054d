// SPDX-License-Identifier: Apache-2.0
// Names to addresses: /etc/hosts first, then DNS through c-ares on the loop. Callers ask only for names that the filter
// allowed: a refused name must not leave this process, not even as a question.
//
//   const auto answer = co_await resolver.resolve("example.com");
//   if (!answer) refuse(answer.error());
//
// No search domain is appended, no alias file is read. Answers are kept for their TTL, at most an hour and 1,024 names; questions
// for one name at one time are one question.
#pragma once
#include <ares.h>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <expected>
#include <list>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>

#include <cordon/error.hpp>

#include "egress/net.hpp"

namespace cordon::egress {

using Addresses = std::vector<Address>;  // IPv6 first, as RFC 8305 section 4 has it

/// What the host says of names: the texts of /etc/hosts and /etc/resolv.conf, empty where there is none.
struct NameFiles {
  std::string hosts, resolv_conf;
};
[[nodiscard]] NameFiles read_name_files();

/// The servers of a resolv.conf(5) as "ADDR:PORT,ADDR:PORT"; the host itself where it names none.
[[nodiscard]] std::string parse_name_servers(std::string_view text);
/// The lines of /etc/hosts (hosts(5)) as a table from the name in lower case.
[[nodiscard]] std::map<std::string, Addresses, std::less<>> parse_hosts(std::string_view text);

class Resolver {
 public:
  /// `server`: "ADDR:PORT" instead of those of resolv.conf. No file is opened for a question.
  static Result<std::unique_ptr<Resolver>> make(asio::io_context& loop, const NameFiles& files, const std::string& server);
  /// From now on these. Nothing is known of earlier answers; questions that wait for one are asked anew where the servers are others.
  void reload(const NameFiles& files);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  /// `name` in normal form. At least one address, or a sentence. Takes at most 10 s.
  Task<std::expected<Addresses, std::string>> resolve(std::string name);
  [[nodiscard]] std::uint64_t questions() const { return questions_; }  ///< that went to a server

 private:
  struct Query;
  struct Kept {
    Addresses addresses;
    Clock::time_point until;
    std::list<std::string>::iterator order;
  };

  Resolver(asio::io_context& loop, bool own_server) : loop_(loop), timer_(loop), own_server_(own_server) {}
  void ask(const std::shared_ptr<Query>& query);
  static void on_socket_state(void* self, ares_socket_t fd, int readable, int writable);
  static void on_answer(void* query, int status, int timeouts, ares_addrinfo* answer);
  using Socket = asio::posix::basic_stream_descriptor<Executor>;
  struct Watched {
    Socket socket;
    bool readable = false, writable = false;  // what c-ares wants to hear of
    bool reading = false, writing = false;    // what an operation waits for
  };
  void watch(const std::shared_ptr<Watched>& w);
  void arm_timer();
  void keep(const std::string& name, const Addresses& addresses, std::chrono::seconds ttl);

  asio::io_context& loop_;
  Timer timer_;
  ares_channel channel_ = nullptr;
  const bool own_server_;
  bool changing_ = false;  // queries end, and will be asked anew
  std::string servers_;
  std::unordered_map<ares_socket_t, std::shared_ptr<Watched>> sockets_;
  std::map<std::string, Addresses, std::less<>> hosts_;
  std::unordered_map<std::string, std::shared_ptr<Query>> asked_;
  std::unordered_map<std::string, Kept> kept_;
  std::list<std::string> order_;  // of kept_, the oldest first
  std::uint64_t questions_ = 0;
};

}  // namespace cordon::egress
