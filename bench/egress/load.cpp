// SPDX-License-Identifier: Apache-2.0
// The load generator: a target and its clients, through the CONNECT proxy on PORT. Prints one number.
//
//   load bulk PORT TUNNELS SECONDS     GiB/s from target to clients
//   load short PORT SECONDS            tunnels a second, one after the other: CONNECT, 1 byte each way, close
//   load rtt PORT COUNT                median of one byte there and back, in microseconds
//   load idle PORT TUNNELS             opens them, prints a line, holds them until its input ends
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

sockaddr_in loopback(int port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons(static_cast<uint16_t>(port));
  return a;
}

int listening, target_port;

void listen_somewhere() {
  listening = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a = loopback(0);
  socklen_t size = sizeof a;
  bind(listening, reinterpret_cast<sockaddr*>(&a), size);
  listen(listening, 4096);
  getsockname(listening, reinterpret_cast<sockaddr*>(&a), &size);
  target_port = ntohs(a.sin_port);
}

int die(const char* what) {
  std::perror(what);
  std::exit(1);
}

int open_tunnel(int proxy_port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in a = loopback(proxy_port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0) die("connect");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::string where = "127.0.0.1:" + std::to_string(target_port);
  const std::string head = "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n\r\n";
  if (write(fd, head.data(), head.size()) < 0) die("write");
  std::string answer;
  char byte;
  while (!answer.ends_with("\r\n\r\n")) {
    if (read(fd, &byte, 1) != 1) die("no answer to CONNECT");
    answer += byte;
  }
  if (answer.find(" 200 ") == std::string::npos) {
    std::fprintf(stderr, "%s", answer.c_str());
    std::exit(1);
  }
  return fd;
}

int accept_one() {
  const int fd = accept(listening, nullptr, nullptr);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

double bulk(int port, int tunnels, double seconds) {
  std::atomic<bool> stop = false;
  std::atomic<unsigned long long> got = 0;
  std::vector<std::thread> threads;
  std::vector<std::pair<int, int>> pairs;
  for (int i = 0; i < tunnels; ++i) {
    const int client = open_tunnel(port);
    pairs.emplace_back(client, accept_one());
  }
  const auto began = Clock::now();
  for (const auto& [client, target] : pairs) {
    threads.emplace_back([&stop, fd = target] {
      static const std::vector<char> data(1 << 18, 'x');
      while (!stop && write(fd, data.data(), data.size()) > 0) {}
    });
    threads.emplace_back([&stop, &got, fd = client] {
      std::vector<char> data(1 << 18);
      ssize_t n;
      // MSG_TRUNC: the kernel counts and drops, so that the reader is not what is measured
      while (!stop && (n = recv(fd, data.data(), 1 << 20, MSG_TRUNC)) > 0) got += static_cast<unsigned long long>(n);
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const double rate = static_cast<double>(got) / seconds_since(began) / (1 << 30);
  stop = true;
  for (const auto& [client, target] : pairs) {
    shutdown(client, SHUT_RDWR);
    shutdown(target, SHUT_RDWR);
  }
  for (auto& t : threads) t.join();
  return rate;
}

double brief(int port, double seconds) {
  std::thread([] {
    for (;;) {
      const int fd = accept_one();
      char byte;
      if (read(fd, &byte, 1) == 1) (void)!write(fd, &byte, 1);
      (void)!read(fd, &byte, 1);
      close(fd);
    }
  }).detach();
  const auto began = Clock::now();
  int count = 0;
  for (; seconds_since(began) < seconds; ++count) {
    const int fd = open_tunnel(port);
    char byte = 'x';
    if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1) die("echo");
    close(fd);
  }
  return count / seconds_since(began);
}

double round_trip(int port, int count) {
  const int client = open_tunnel(port), target = accept_one();
  std::thread echo([target] {
    char byte;
    while (read(target, &byte, 1) == 1) (void)!write(target, &byte, 1);
  });
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const auto began = Clock::now();
    char byte = 'x';
    if (write(client, &byte, 1) != 1 || read(client, &byte, 1) != 1) die("echo");
    times.push_back(seconds_since(began) * 1e6);
  }
  shutdown(client, SHUT_RDWR);
  echo.join();
  std::nth_element(times.begin(), times.begin() + count / 2, times.end());
  return times[static_cast<size_t>(count) / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return std::fputs("usage: load bulk|short|rtt|idle PORT ...\n", stderr), 2;
  signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  listen_somewhere();
  const std::string what = argv[1];
  const int port = std::atoi(argv[2]);
  if (what == "bulk") {
    std::printf("%.3f\n", bulk(port, std::atoi(argv[3]), std::atof(argv[4])));
  } else if (what == "short") {
    std::printf("%.0f\n", brief(port, std::atof(argv[3])));
  } else if (what == "rtt") {
    std::printf("%.1f\n", round_trip(port, std::atoi(argv[3])));
  } else {
    std::vector<int> held;
    for (int i = 0; i < std::atoi(argv[3]); ++i) {
      held.push_back(open_tunnel(port));
      held.push_back(accept_one());
    }
    std::puts("open");
    std::fflush(stdout);
    while (std::getchar() != EOF) {}
  }
}
