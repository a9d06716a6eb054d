// SPDX-License-Identifier: Apache-2.0
// Servers of the host that write down what arrives, and clients that reach for them in every way.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <ctime>

#include "prove/probe/probe.hpp"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

namespace cordon::probe {
namespace {

struct Address {
  sockaddr_storage s{};
  socklen_t length = 0;
  int family = 0, type = 0, protocol = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&s); }
};

// KIND: unix-stream, unix-dgram, unix-seqpacket (a leading '@': abstract), tcp, udp, mptcp, tcp6, udp6 (ADDR PORT as ADDR,PORT)
bool parse(const std::string& kind, const std::string& where, Address& a) {
  const auto is = [&](const char* suffix) { return kind.ends_with(suffix); };
  if (kind.starts_with("unix-")) {
    a.family = AF_UNIX;
    a.type = is("stream") ? SOCK_STREAM : is("dgram") ? SOCK_DGRAM : is("raw") ? SOCK_RAW : SOCK_SEQPACKET;
    auto* u = reinterpret_cast<sockaddr_un*>(&a.s);
    u->sun_family = AF_UNIX;
    if (where.size() >= sizeof u->sun_path) return false;
    std::memcpy(u->sun_path, where.data(), where.size());
    if (where[0] == '@') u->sun_path[0] = 0;
    a.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + where.size() + (where[0] == '@' ? 0 : 1));
    return true;
  }
  const auto comma = where.rfind(',');
  const std::string host = where.substr(0, comma);
  const auto port = static_cast<std::uint16_t>(comma == std::string::npos ? 0 : std::atoi(where.c_str() + comma + 1));
  a.type = kind.starts_with("udp") ? SOCK_DGRAM : kind.starts_with("raw") ? SOCK_RAW : SOCK_STREAM;
  a.protocol = kind == "mptcp"     ? IPPROTO_MPTCP
               : kind == "raw"     ? IPPROTO_UDP
               : kind == "udplite" ? IPPROTO_UDPLITE
               : kind == "sctp"    ? IPPROTO_SCTP
                                   : 0;
  if (is("6")) {
    a.family = AF_INET6;
    auto* in = reinterpret_cast<sockaddr_in6*>(&a.s);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    a.length = sizeof *in;
    return inet_pton(AF_INET6, host.c_str(), &in->sin6_addr) == 1;
  }
  a.family = AF_INET;
  auto* in = reinterpret_cast<sockaddr_in*>(&a.s);
  in->sin_family = AF_INET;
  in->sin_port = htons(port);
  a.length = sizeof *in;
  return inet_pton(AF_INET, host.c_str(), &in->sin_addr) == 1;
}

// serve KIND WHERE LOG [PORTFILE]: logs "arrived" for a connection and all bytes; answers $CANARY.
int serve(const Args& args) {
  Address a;
  if (!parse(args[0], args[1], a)) return 2;
  const int s = socket(a.family, a.type, a.protocol);
  if (s < 0) return failed("socket");
  const int one = 1;
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(s, a.get(), a.length) < 0) return failed("bind");
  if (a.family == AF_UNIX && args[1][0] != '@') chmod(args[1].c_str(), 0777);
  const bool connected = a.type == SOCK_STREAM || a.type == SOCK_SEQPACKET;
  if (connected && listen(s, 64) < 0) return failed("listen");
  const int log = open(args[2].c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (args.size() > 3) {
    socklen_t n = sizeof a.s;
    getsockname(s, reinterpret_cast<sockaddr*>(&a.s), &n);
    const unsigned port =
        ntohs(a.family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&a.s)->sin6_port : reinterpret_cast<sockaddr_in*>(&a.s)->sin_port);
    FILE* out = std::fopen((args[3] + ".new").c_str(), "w");
    if (!out) return failed("fopen");
    std::fprintf(out, "%u\n", port);
    std::fclose(out);
    std::rename((args[3] + ".new").c_str(), args[3].c_str());
  }
  if (fork() != 0) return 0;  // serving; the runner of the attacks ends us
  const int null = open("/dev/null", O_RDWR);
  for (int fd : {0, 1, 2}) dup2(null, fd);
  const char* canary = std::getenv("CANARY");
  alarm(60);
  for (;;) {
    char buffer[4096];
    if (!connected) {
      const ssize_t n = recv(s, buffer, sizeof buffer, 0);
      if (n >= 0) dprintf(log, "arrived %.*s\n", static_cast<int>(n), buffer);
      continue;
    }
    const int c = accept(s, nullptr, nullptr);
    if (c < 0) continue;
    dprintf(log, "arrived ");
    if (canary) send(c, canary, std::strlen(canary), MSG_NOSIGNAL);
    pollfd p{c, POLLIN, 0};
    while (poll(&p, 1, 1000) > 0) {
      const ssize_t n = recv(c, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      dprintf(log, "%.*s", static_cast<int>(n), buffer);
    }
    dprintf(log, "\n");
    close(c);
  }
}

int converse(int s, const std::string& text) {
  if (send(s, text.data(), text.size(), MSG_NOSIGNAL) < 0) failed("send");
  char buffer[4096];
  pollfd p{s, POLLIN, 0};
  if (poll(&p, 1, 500) > 0) {
    const ssize_t n = recv(s, buffer, sizeof buffer, 0);
    if (n > 0) fwrite(buffer, 1, static_cast<std::size_t>(n), stdout);
  }
  return 0;
}

// send KIND WHERE TEXT [connect|sendto|sendmsg|sendmmsg|fastopen|uring|i386|pair]
int client(const Args& args) {
  Address a;
  if (!parse(args[0], args[1], a)) return 2;
  const std::string by = args.size() > 3 ? args[3] : "connect";
  const std::string& text = args[2];
  int s = socket(a.family, a.type, a.protocol);
  if (by == "pair") {  // a socketpair is a socket that was never made by socket(2)
    int pair[2];
    if (socketpair(a.family, a.type, 0, pair) < 0) return failed("socketpair");
    s = pair[0];
  }
  if (s < 0) return failed("socket");
  iovec v{const_cast<char*>(text.data()), text.size()};
  mmsghdr m{};
  m.msg_hdr.msg_name = &a.s;
  m.msg_hdr.msg_namelen = a.length;
  m.msg_hdr.msg_iov = &v;
  m.msg_hdr.msg_iovlen = 1;
  if (by == "sendto") return sendto(s, text.data(), text.size(), MSG_NOSIGNAL, a.get(), a.length) < 0 ? failed("sendto") : converse(s, "");
  if (by == "sendmsg") return sendmsg(s, &m.msg_hdr, MSG_NOSIGNAL) < 0 ? failed("sendmsg") : converse(s, "");
  if (by == "sendmmsg") return sendmmsg(s, &m, 1, MSG_NOSIGNAL) < 0 ? failed("sendmmsg") : converse(s, "");
  if (by == "fastopen")
    return sendto(s, text.data(), text.size(), MSG_NOSIGNAL | 0x20000000, a.get(), a.length) < 0 ? failed("MSG_FASTOPEN") : converse(s, "");
  if (by == "uring") return ring_connect(s, &a.s, a.length) < 0 ? failed("io_uring connect") : converse(s, text);
  if (by == "nonblock") {
    fcntl(s, F_SETFL, O_NONBLOCK);
    if (connect(s, a.get(), a.length) < 0 && errno != EINPROGRESS) return failed("connect");
    pollfd p{s, POLLOUT, 0};
    poll(&p, 1, 1000);
    return converse(s, text);
  }
  if (connect(s, a.get(), a.length) < 0) return failed("connect");
  return converse(s, text);
}

// A thread rewrites the address between two paths while connect(2) or sendto(2) is called with it: check and use differ.
std::string g_good, g_bad;
Address g_shared;
volatile bool g_stop = false;
void* rewrite(void*) {
  auto* u = reinterpret_cast<sockaddr_un*>(&g_shared.s);
  while (!g_stop) {
    std::memcpy(u->sun_path, g_good.c_str(), g_good.size() + 1);
    std::memcpy(u->sun_path, g_bad.c_str(), g_bad.size() + 1);
  }
  return nullptr;
}
int race(const Args& args) {
  g_good = args[1];
  g_bad = args[2];
  Address mine;
  if (!parse(args[0], g_bad, g_shared) || !parse(args[0], g_good, mine)) return 2;
  const int server = socket(AF_UNIX, mine.type, 0);
  if (server >= 0 && bind(server, mine.get(), mine.length) == 0 && mine.type != SOCK_DGRAM) listen(server, 4096);
  g_shared.length = std::max(g_shared.length, mine.length);
  pthread_t t;
  if (pthread_create(&t, nullptr, rewrite, nullptr) != 0) return failed("pthread_create");
  const int rounds = std::atoi(args[3].c_str());
  for (int i = 0; i < rounds; ++i) {
    const int s = socket(AF_UNIX, mine.type, 0);
    if (s < 0) break;
    fcntl(s, F_SETFL, O_NONBLOCK);
    if (mine.type == SOCK_DGRAM) {
      sendto(s, "raced", 5, MSG_NOSIGNAL, g_shared.get(), g_shared.length);
    } else if (connect(s, g_shared.get(), g_shared.length) == 0) {
      send(s, "raced", 5, MSG_NOSIGNAL);
    }
    close(s);
    if (server >= 0) {
      const int c = mine.type == SOCK_DGRAM ? -1 : accept4(server, nullptr, nullptr, SOCK_NONBLOCK);
      if (c >= 0) close(c);
    }
  }
  g_stop = true;
  pthread_join(t, nullptr);
  return 0;
}

// race-symlink SOCKETLINK A B ROUNDS: connects through a link that a second process turns round.
int race_link(const Args& args) {
  const pid_t child = fork();
  if (child == 0) {
    for (;;) {
      unlink((args[0] + ".t").c_str());
      if (symlink(args[1].c_str(), (args[0] + ".t").c_str()) == 0) rename((args[0] + ".t").c_str(), args[0].c_str());
      unlink((args[0] + ".t").c_str());
      if (symlink(args[2].c_str(), (args[0] + ".t").c_str()) == 0) rename((args[0] + ".t").c_str(), args[0].c_str());
    }
  }
  Address mine, link;
  parse("unix-stream", args[1], mine);
  parse("unix-stream", args[0], link);
  const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(server, mine.get(), mine.length) == 0) listen(server, 4096);
  for (int i = 0, n = std::atoi(args[3].c_str()); i < n; ++i) {
    const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(s, link.get(), link.length) == 0) send(s, "raced", 5, MSG_NOSIGNAL);
    close(s);
    const int c = accept(server, nullptr, nullptr);
    if (c >= 0) close(c);
  }
  kill(child, SIGKILL);
  return 0;
}

timespec now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t;
}
long milliseconds_since(const timespec& start) {
  const timespec t = now();
  return (t.tv_sec - start.tv_sec) * 1000 + (t.tv_nsec - start.tv_nsec) / 1000000;
}

// What passes by on all devices.
int sniff(const Args& args) {
  const int s = socket(AF_PACKET, SOCK_RAW, htons(3 /* ETH_P_ALL */));
  if (s < 0) return failed("AF_PACKET");
  const timespec start = now();
  const long most = std::atol(args[0].c_str());
  pollfd p{s, POLLIN, 0};
  while (milliseconds_since(start) < most) {
    char frame[2048];
    const ssize_t n = poll(&p, 1, 100) > 0 ? recv(s, frame, sizeof frame, 0) : 0;
    if (n > 0) fwrite(frame, 1, static_cast<std::size_t>(n), stdout);
  }
  return 0;
}

// A UDP datagram built by hand, below the socket layer's rules.
int raw_datagram(const Args& args) {
  const std::string& text = args[1];
  std::vector<unsigned char> bytes(20 + 8 + text.size(), 0);
  unsigned char* ip = bytes.data();
  const auto total = static_cast<unsigned>(28 + text.size());
  ip[0] = 0x45;
  ip[2] = static_cast<unsigned char>(total >> 8);
  ip[3] = static_cast<unsigned char>(total);
  ip[8] = 64;
  ip[9] = 17;
  ip[12] = 127;
  ip[15] = 1;
  ip[16] = 127;
  ip[19] = 1;
  unsigned sum = 0;
  for (int i = 0; i < 20; i += 2) sum += static_cast<unsigned>(ip[i] << 8 | ip[i + 1]);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~((sum & 0xffff) + (sum >> 16));
  ip[10] = static_cast<unsigned char>(sum >> 8);
  ip[11] = static_cast<unsigned char>(sum);
  const unsigned port = static_cast<unsigned>(std::atoi(args[0].c_str())), udp = static_cast<unsigned>(8 + text.size());
  ip[20] = 0x30;
  ip[22] = static_cast<unsigned char>(port >> 8);
  ip[23] = static_cast<unsigned char>(port);
  ip[24] = static_cast<unsigned char>(udp >> 8);
  ip[25] = static_cast<unsigned char>(udp);
  std::memcpy(ip + 28, text.data(), text.size());
  const int s = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (s < 0) return failed("SOCK_RAW");
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return sendto(s, ip, total, 0, reinterpret_cast<sockaddr*>(&to), sizeof to) < 0 ? failed("sendto") : 0;
}

// A proxy's URL as clients find it: scheme://[user:password@]host:port
struct Proxy {
  Address at;
  std::string user, password;
};
bool proxy_of(std::initializer_list<const char*> names, Proxy& p) {
  std::string url;
  for (const char* name : names)
    if (const char* value = std::getenv(name); value && url.empty()) url = value;
  if (const auto scheme = url.find("://"); scheme != std::string::npos) url.erase(0, scheme + 3);
  while (!url.empty() && url.back() == '/') url.pop_back();
  if (const auto sign = url.rfind('@'); sign != std::string::npos) {
    const auto colon = url.find(':');
    p.user = url.substr(0, colon);
    p.password = url.substr(colon + 1, sign - colon - 1);
    url.erase(0, sign + 1);
  }
  const auto colon = url.rfind(':');
  if (colon == std::string::npos) return false;
  return parse("tcp", url.substr(0, colon) + "," + url.substr(colon + 1), p.at);
}

std::string base64(const std::string& in) {
  static const char* const kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < in.size(); i += 3) {
    unsigned v = 0;
    for (std::size_t k = 0; k < 3; ++k) v = v << 8 | (i + k < in.size() ? static_cast<unsigned char>(in[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > in.size() ? '=' : kDigits[v >> (18 - 6 * k) & 63];
  }
  return out;
}

// \r \n \t \0 \\ of the text, and {auth} as the header line that the proxy wants, if it wants one.
std::string unescape(const std::string& in, const Proxy& p) {
  std::string out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in.compare(i, 6, "{auth}") == 0) {
      if (!p.user.empty()) out += "Proxy-Authorization: Basic " + base64(p.user + ":" + p.password) + "\r\n";
      i += 5;
    } else if (in[i] == '\\' && i + 1 < in.size()) {
      const char c = in[++i];
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
    } else {
      out += in[i];
    }
  }
  return out;
}

int connect_to(const Proxy& p) {
  const int s = socket(p.at.family, SOCK_STREAM, 0);
  const timeval most{2, 0};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  return s >= 0 && connect(s, p.at.get(), p.at.length) == 0 ? s : -1;
}

// http-proxy PART...: each part is sent after the answer to the one before.
int http_proxy(const Args& args) {
  Proxy p;
  if (!proxy_of({"HTTP_PROXY", "http_proxy"}, p)) return 1;
  const int s = connect_to(p);
  if (s < 0) return failed("connect");
  for (const auto& part : args) {
    const std::string bytes = unescape(part, p);
    send(s, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    char buffer[4096];
    const ssize_t n = recv(s, buffer, sizeof buffer, 0);
    if (n > 0) fwrite(buffer, 1, static_cast<std::size_t>(n), stdout);
  }
  close(s);
  return 0;
}

// socks COMMAND name|ipv4|ipv6 HOST PORT TEXT: RFC 1928; the text follows without waiting for leave.
int socks(const Args& args) {
  Proxy p;
  if (!proxy_of({"ALL_PROXY", "all_proxy"}, p)) return 1;
  const int s = connect_to(p);
  if (s < 0) return failed("connect");
  char buffer[512];
  const std::string hello = p.user.empty() ? std::string("\5\1\0", 3) : std::string("\5\1\2", 3);
  send(s, hello.data(), hello.size(), MSG_NOSIGNAL);
  if (recv(s, buffer, 2, 0) < 0) return failed("recv");
  if (!p.user.empty()) {
    const std::string login =
        "\1" + std::string(1, static_cast<char>(p.user.size())) + p.user + std::string(1, static_cast<char>(p.password.size())) + p.password;
    send(s, login.data(), login.size(), MSG_NOSIGNAL);
    if (recv(s, buffer, 2, 0) < 0) return failed("recv");
  }
  std::string request{'\5', static_cast<char>(std::atoi(args[0].c_str())), '\0'};
  const std::string host = unescape(args[2], p);
  if (args[1] == "name") {
    request += std::string{'\3', static_cast<char>(host.size())} + host;
  } else {
    char address[16];
    const bool six = args[1] == "ipv6";
    if (inet_pton(six ? AF_INET6 : AF_INET, host.c_str(), address) != 1) return 2;
    request += std::string(1, six ? '\4' : '\1') + std::string(address, six ? 16 : 4);
  }
  const int port = std::atoi(args[3].c_str());
  request += {static_cast<char>(port >> 8), static_cast<char>(port)};
  request += args[4];
  send(s, request.data(), request.size(), MSG_NOSIGNAL);
  ssize_t n = recv(s, buffer, sizeof buffer, 0);
  if (n > 0) std::printf("reply %d\n", n > 1 ? buffer[1] : -1);
  n = recv(s, buffer, sizeof buffer, 0);
  if (n > 0) fwrite(buffer, 1, static_cast<std::size_t>(n), stdout);
  close(s);
  return 0;
}

constexpr Command kCommands[] = {
    {"http-proxy", "PART...", 1, http_proxy},
    {"socks", "COMMAND name|ipv4|ipv6 HOST PORT TEXT", 5, socks},
    {"serve", "KIND WHERE LOG [PORTFILE]", 3, serve},
    {"send", "KIND WHERE TEXT [connect|sendto|sendmsg|sendmmsg|fastopen|uring|nonblock|pair]", 3, client},
    {"race-address", "KIND GOOD BAD ROUNDS", 4, race},
    {"race-link", "LINK GOOD BAD ROUNDS", 4, race_link},
    {"raw-datagram", "PORT TEXT", 2, raw_datagram},
    {"sniff", "MILLISECONDS", 1, sniff},
};

}  // namespace

std::span<const Command> socket_commands() { return kCommands; }

}  // namespace cordon::probe
