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

/// The lines of /etc/hosts (hosts(5)) as a table from the name in lower case.
[[nodiscard]] std::map<std::string, Addresses, std::less<>> parse_hosts(std::string_view text);

class Resolver {
 public:
  struct Options {
    std::string server;  ///< "ADDR:PORT" instead of the servers of /etc/resolv.conf
    std::string hosts = "/etc/hosts";
  };
  /// Reads /etc/resolv.conf and the hosts file now: afterwards no file is opened.
  static Result<std::unique_ptr<Resolver>> make(asio::io_context& loop, const Options& options);
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

  explicit Resolver(asio::io_context& loop) : loop_(loop), timer_(loop) {}
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
  std::unordered_map<ares_socket_t, std::shared_ptr<Watched>> sockets_;
  std::map<std::string, Addresses, std::less<>> hosts_;
  std::unordered_map<std::string, std::shared_ptr<Query>> asked_;
  std::unordered_map<std::string, Kept> kept_;
  std::list<std::string> order_;  // of kept_, the oldest first
  std::uint64_t questions_ = 0;
};

}  // namespace cordon::egress
