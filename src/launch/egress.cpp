// SPDX-License-Identifier: Apache-2.0
#include "launch/egress.hpp"

#include <arpa/inet.h>
#include <cordon/events.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/sys.hpp"
#include "event/wire.hpp"
#include "launch/descendants.hpp"
#include "launch/egress_program.hpp"
#include "policy/net_json.hpp"

namespace cordon::launch {
namespace {

constexpr const char* kRemedy = "close descriptors, or raise `ulimit -n`";
constexpr const char* kMemory = "free some memory";
// The totals of a process that had not begun to serve: it took no connection.
constexpr const char* kNothing = R"({"connections":0,"allowed":0,"denied":0,"bytes_up":0,"bytes_down":0})";

const char* start_remedy(int error) {
  if (error == EAGAIN) return "end some processes or raise `ulimit -u`";
  if (error == ENOMEM) return kMemory;
  return "install Cordon again, or choose --net none";
}

// A child that shares our memory until execve(2), as vfork(2) has it: a large caller is not copied.
struct Child {
  const char* program;
  int channel;
  volatile int error;
};
#if defined(CORDON_SANITIZED)
constexpr int kSilent[] = {0, 1};  // what a sanitizer found shall be read
#else
constexpr int kSilent[] = {0, 1, 2};
#endif
int become_egress(void* arg) {
  using sys::call;
  using sys::ptr;
  auto& c = *static_cast<Child*>(arg);
  const auto stop = [&](long r) {
    if (r < 0) {
      c.error = static_cast<int>(-r);
      for (;;) call(SYS_exit_group, 127);
    }
  };
  stop(call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL));
  call(SYS_setsid);  // what the terminal sends is not for it, and it needs none
  const long null = call(SYS_openat, AT_FDCWD, ptr("/dev/null"), O_RDWR);
  stop(null);
  for (const int fd : kSilent) stop(call(SYS_dup3, null, fd, 0));
  stop(c.channel == 3 ? call(SYS_fcntl, 3, F_SETFD, 0) : call(SYS_dup3, c.channel, 3, 0));
  stop(call(SYS_close_range, 4, ~0U, 0));
  const std::uint64_t none = 0;
  call(SYS_rt_sigprocmask, SIG_SETMASK, ptr(&none), 0, sizeof none);
  const char* argv[] = {"cordon-egress", nullptr};
  const char* envp[] = {nullptr};
  stop(call(SYS_execve, ptr(c.program), ptr(argv), ptr(envp)));
  return 0;
}

// A listener on the host's loopback; `port` 0: any, and told.
Result<Fd> listen_on_host(std::uint16_t& port) {
  Fd s(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!s) return impossible("cannot make a socket", errno, kRemedy);
  const int on = 1;
  setsockopt(s.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof a;
  if (bind(s.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) != 0 || ::listen(s.get(), 128) != 0) {
    const int e = errno;
    if (port == 0) return impossible("cannot listen on 127.0.0.1 for the egress proxy", e, "bring up the loopback interface, or choose --net none");
    return impossible("cannot serve port " + std::to_string(port) + " of net.listen on 127.0.0.1", e,
                      e == EADDRINUSE ? "stop what uses it, or name another port" : "choose a port above 1023");
  }
  if (getsockname(s.get(), reinterpret_cast<sockaddr*>(&a), &size) != 0) return impossible("cannot ask for the port", errno, kRemedy);
  port = ntohs(a.sin_port);
  return s;
}

std::string random_token() {
  unsigned char bytes[16];
  std::size_t got = 0;
  while (got < sizeof bytes)
    if (const ssize_t n = getrandom(bytes + got, sizeof bytes - got, 0); n > 0) got += static_cast<std::size_t>(n);
  std::string text;
  for (const unsigned char b : bytes) {
    text += "0123456789abcdef"[b >> 4];
    text += "0123456789abcdef"[b & 15];
  }
  return text;
}

std::string configuration(const Egress& e, const std::string& token) {
  std::string environment;
  for (const std::string& v : e.upstream) {
    const auto equals = v.find('=');
    environment += (environment.empty() ? "" : ",") + json_string(v.substr(0, equals)) + ":" + json_string(v.substr(equals + 1));
  }
  return "{\"net\":" + policy::net_to_json(e.net) + ",\"environment\":{" + environment + "},\"token\":" + json_string(token) + "}";
}

}  // namespace

Result<void> EgressProcess::start(Plan& plan) {
  for (std::uint16_t port : plan.egress.net.listen) {
    auto listener = listen_on_host(port);
    if (!listener) return std::unexpected(listener.error());
    served_.emplace_back(port, std::move(*listener));
  }
  std::string token;
  Fd proxy;
  if (plan.egress.on_host) {
    std::uint16_t port = 0;
    auto listener = listen_on_host(port);
    if (!listener) return std::unexpected(listener.error());
    proxy = std::move(*listener);
    token = random_token();
    bind_egress(plan, port, token);
  }
  auto program = find_egress();
  if (!program) {
    program.error().remedy += ", or choose --net none";
    return std::unexpected(program.error());
  }
  int pair[2], dial[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return impossible("cannot make a socket pair", errno, kRemedy);
  channel_ = Fd(pair[0]);
  const Fd theirs(pair[1]);
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, dial) != 0) return impossible("cannot make a socket pair", errno, kRemedy);
  dial_outer_ = Fd(dial[0]);
  dial_inner_ = Fd(dial[1]);
  const std::string text = configuration(plan.egress, token);
  const Fd config(memfd_create("cordon-egress", MFD_CLOEXEC));
  if (!config || write(config.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return impossible("cannot write the configuration of egress", errno, kRemedy);

  constexpr std::size_t kStack = 32768;
  void* stack = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return impossible("cannot start cordon-egress", errno, kMemory);
  Child child{program->c_str(), theirs.get(), 0};
  int pidfd = -1;
  pid_ = clone(become_egress, static_cast<char*>(stack) + kStack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &child, &pidfd);
  const int error = pid_ < 0 ? errno : child.error;
  munmap(stack, kStack);
  if (pid_ < 0) pid_ = 0;
  else pidfd_ = Fd(pidfd);
  if (error != 0) return impossible("cannot start " + printable(*program), error, start_remedy(error));
  packet_.resize(kMostEventBytes + 1);
  if (!send("C", config.get()) || (proxy && !send("Lb", proxy.get()))) return impossible("cannot tell egress what to do", errno, kMemory);
  return {};
}

Result<void> EgressProcess::give_listeners(Fd http, Fd socks5) {
  bool given = send("Lh", http.get()) && send("Ls", socks5.get()) && send("N", dial_outer_.get());
  for (const auto& [port, listener] : served_)
    given = given && send(std::string{'R', static_cast<char>(port >> 8), static_cast<char>(port & 255)}, listener.get());
  if (!given) return impossible("cannot give egress its listeners", errno, kMemory);
  served_.clear();
  dial_outer_.reset();
  dial_inner_.reset();
  return {};
}

bool EgressProcess::send(std::string_view text, int descriptor) {
  iovec data{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof descriptor)]{};
  msghdr h{};
  h.msg_iov = &data;
  h.msg_iovlen = 1;
  h.msg_control = ancillary;
  h.msg_controllen = sizeof ancillary;
  cmsghdr* c = CMSG_FIRSTHDR(&h);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
  ssize_t n = 0;
  do n = sendmsg(channel_.get(), &h, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n >= 0 || errno == EPIPE || errno == ECONNRESET;  // a peer that is gone is seen by `hear`
}

EgressProcess::Word EgressProcess::hear(int flags) {
  ssize_t n = 0;
  do n = recv(channel_.get(), packet_.data(), packet_.size(), flags);
  while (n < 0 && (errno == EINTR || errno == ECONNRESET));  // the latter: it has not read all that we said; what it said is still there
  if (n < 0 && errno == EAGAIN) return {};
  if (n <= 0) return {1, {}};
  serves_ = serves_ || packet_[0] == 'K';
  return {packet_[0], std::string_view(packet_).substr(1, static_cast<std::size_t>(n) - 1)};
}

std::string EgressProcess::stop(const std::function<void(const Word&)>& each) {
  if (!running()) return {};
  std::string totals = kNothing;
  shutdown(channel_.get(), SHUT_WR);
  pollfd p{channel_.get(), POLLIN, 0};
  // One that does not serve yet has nothing to tell: the end of a short command does not wait for it.
  while (poll(&p, 1, serves_ ? 1000 : 0) > 0) {
    const Word word = hear(MSG_DONTWAIT);
    if (word.kind == 1) break;
    if (word.kind == 'S' && is_json_value(word.text)) totals = word.text;
    else if (each) each(word);
  }
  kill_child(pidfd_.get(), pid_);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
  pid_ = 0;
  channel_.reset();
  return totals;
}

EgressProcess::~EgressProcess() { stop(); }

}  // namespace cordon::launch
