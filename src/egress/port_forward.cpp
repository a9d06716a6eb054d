// SPDX-License-Identifier: Apache-2.0
#include "egress/port_forward.hpp"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>

#include <cstring>

namespace cordon::egress {
namespace {

// One byte and perhaps a descriptor; -1 where the channel is closed.
int receive(int channel, Fd& fd) {
  unsigned char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr m{};
  m.msg_iov = &part;
  m.msg_iovlen = 1;
  m.msg_control = control;
  m.msg_controllen = sizeof control;
  if (recvmsg(channel, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != 1) return -1;
  if (const cmsghdr* c = CMSG_FIRSTHDR(&m); c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
    int value = -1;
    std::memcpy(&value, CMSG_DATA(c), sizeof value);
    fd = Fd(value);
  }
  return byte;
}

}  // namespace

void PortForward::set_channel(Fd channel) {
  error_code ignored;
  channel_.assign(channel.release(), ignored);
}

void PortForward::add(std::uint16_t port, Acceptor acceptor) {
  auto& kept = acceptors_.insert_or_assign(port, std::move(acceptor)).first->second;
  asio::co_spawn(loop_, accept(kept, port), [](std::exception_ptr) {});
}

Task<void> PortForward::accept(Acceptor& acceptor, std::uint16_t port) {
  while (auto client = co_await next_connection(acceptor, pauses_)) asio::co_spawn(loop_, serve(std::move(*client), port), [](std::exception_ptr) {});
}

Task<std::optional<asio::basic_stream_socket<asio::ip::tcp, Executor>>> PortForward::socket(bool v6) {
  error_code e;
  while (asking_) co_await turn_.async_wait(asio::redirect_error(use_task, e));
  if (!channel_.is_open()) co_return std::nullopt;
  asking_ = true;
  const char question = v6 ? 6 : 4;
  Fd fd;
  int answer = -1;
  if (send(channel_.native_handle(), &question, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) {
    co_await channel_.async_wait(channel_.wait_read, asio::redirect_error(use_task, e));
    answer = receive(channel_.native_handle(), fd);
  }
  asking_ = false;
  turn_.cancel();
  if (answer != 0 || !fd) co_return std::nullopt;
  asio::basic_stream_socket<asio::ip::tcp, Executor> s(loop_);
  s.assign(v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), fd.release(), e);
  if (e) co_return std::nullopt;
  co_return std::move(s);
}

// The server may listen on either family of its loopback. Nobody there: the client sees its connection closed.
Task<void> PortForward::serve(Stream client, std::uint16_t port) {
  for (const bool v6 : {false, true}) {
    auto target = co_await socket(v6);
    if (!target) continue;
    error_code e;
    const Address loopback = v6 ? Address(asio::ip::address_v6::loopback()) : Address(asio::ip::address_v4::loopback());
    co_await target->async_connect({loopback, port}, asio::redirect_error(use_task, e));
    if (e) continue;
    target->set_option(asio::ip::tcp::no_delay(true), e);
    co_return relay_.start(std::move(client), Stream(std::move(*target)), {}, {}, [](Relay::Ended) {});
  }
}

}  // namespace cordon::egress
