// SPDX-License-Identifier: Apache-2.0
// The floor that egress is measured against: a CONNECT proxy that decides nothing, checks nothing and tells nothing. One
// thread, epoll, splice(2) through pipes of 1 MiB that each tunnel keeps. Prints its port.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

struct Side;
struct Tunnel {
  Side* client = nullptr;
  Side* target = nullptr;
  int ends = 0;
};
struct Side {
  Tunnel* tunnel;
  Side* other = nullptr;
  int fd;
  int pipe[2] = {-1, -1};  // for what is read from this side
  size_t in_pipe = 0;
  bool ended = false;
};

int loop;

void watch(Side* s, int op, unsigned events) {
  epoll_event e{};
  e.events = events;
  e.data.ptr = s;
  epoll_ctl(loop, op, s->fd, &e);
}

int dial(const std::string& where) {
  const auto colon = where.rfind(':');
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<uint16_t>(std::atoi(where.c_str() + colon + 1)));
  inet_pton(AF_INET, where.substr(0, colon).c_str(), &a.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) return -1;
  return fd;
}

void no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
}

// A client is served its CONNECT in one read, as loopback clients send it.
void open_tunnel(int client) {
  char head[8192];
  const ssize_t n = recv(client, head, sizeof head - 1, 0);
  if (n <= 8) return void(close(client));
  head[n] = 0;
  const std::string where(head + 8, std::strcspn(head + 8, " "));
  const int target = dial(where);
  if (target < 0) return void(close(client));
  const char ok[] = "HTTP/1.1 200 OK\r\n\r\n";
  (void)!write(client, ok, sizeof ok - 1);
  auto* t = new Tunnel;
  t->client = new Side{t, nullptr, client};
  t->target = new Side{t, t->client, target};
  t->client->other = t->target;
  for (Side* s : {t->client, t->target}) {
    no_delay(s->fd);
    if (pipe2(s->pipe, O_NONBLOCK | O_CLOEXEC) != 0) std::abort();
    fcntl(s->pipe[1], F_SETPIPE_SZ, 1 << 20);
    watch(s, EPOLL_CTL_ADD, EPOLLIN);
  }
}

void end(Tunnel* t) {
  for (Side* s : {t->client, t->target}) {
    close(s->fd);
    close(s->pipe[0]);
    close(s->pipe[1]);
    delete s;
  }
  delete t;
}

// Moves what `s` has to the other side; false once the tunnel is gone.
bool pump(Side* s) {
  for (;;) {
    if (s->in_pipe == 0 && !s->ended) {
      const ssize_t n = splice(s->fd, nullptr, s->pipe[1], nullptr, 1 << 20, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      if (n < 0) {
        watch(s, EPOLL_CTL_MOD, EPOLLIN);
        return true;
      }
      if (n == 0) {
        s->ended = true;
        shutdown(s->other->fd, SHUT_WR);
        watch(s, EPOLL_CTL_MOD, 0);
        if (++s->tunnel->ends == 2) return end(s->tunnel), false;
        return true;
      }
      s->in_pipe = static_cast<size_t>(n);
    }
    const ssize_t m = splice(s->pipe[0], nullptr, s->other->fd, nullptr, s->in_pipe, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (m < 0) {
      watch(s, EPOLL_CTL_MOD, 0);
      watch(s->other, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
      return true;
    }
    const bool small = s->in_pipe < 65536;
    s->in_pipe -= static_cast<size_t>(m);
    if (s->in_pipe == 0 && small) return true;  // level-triggered: what is left wakes us again
  }
}

}  // namespace

int main() {
  signal(SIGPIPE, SIG_IGN);
  loop = epoll_create1(EPOLL_CLOEXEC);
  const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(listening, reinterpret_cast<sockaddr*>(&a), sizeof a);
  listen(listening, 4096);
  socklen_t size = sizeof a;
  getsockname(listening, reinterpret_cast<sockaddr*>(&a), &size);
  std::printf("%d\n", ntohs(a.sin_port));
  std::fflush(stdout);
  epoll_event e{};
  e.events = EPOLLIN;
  epoll_ctl(loop, EPOLL_CTL_ADD, listening, &e);
  for (;;) {
    epoll_event events[64];
    const int n = epoll_wait(loop, events, 64, -1);
    for (int i = 0; i < n; ++i) {
      auto* s = static_cast<Side*>(events[i].data.ptr);
      if (!s) {
        open_tunnel(accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
        continue;
      }
      if (events[i].events & (EPOLLERR | EPOLLHUP) && s->ended) {
        end(s->tunnel);
        break;  // another event of this tunnel may be in the list
      }
      if (events[i].events & EPOLLOUT) {
        watch(s, EPOLL_CTL_MOD, s->ended ? 0U : static_cast<unsigned>(EPOLLIN));
        if (s->other->in_pipe > 0) {
          if (!pump(s->other)) break;
          if (s->other->in_pipe == 0 && !s->other->ended) watch(s->other, EPOLL_CTL_MOD, EPOLLIN);
        }
      }
      if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP) && !pump(s)) break;
    }
  }
}
