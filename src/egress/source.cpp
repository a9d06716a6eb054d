// SPDX-License-Identifier: Apache-2.0
#include "egress/source.hpp"

#include <cordon/events.hpp>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "egress/packet.hpp"
#include "policy/net_json.hpp"

namespace cordon::egress {
namespace {

// An answer: 'S', the policy as JSON, hosts and resolv.conf, each as a file that is open (an empty one where there is none); or 'E' and a sentence.
constexpr char kSources = 'S', kError = 'E';
constexpr std::size_t kMostSentence = 2000;

Result<NetPolicy> read_policy(const ProxyOptions& o) {
  NetPolicy net;
  if (!o.policy.empty()) {
    auto policy = load_policy(o.policy);
    if (!policy) return std::unexpected(policy.error());
    net = std::move(policy->net);
  }
  for (const std::string& h : o.allow_host) net.allow.push_back({h, {"--allow-host", 0, 0}, false});
  for (const std::string& h : o.deny_host) net.deny.push_back({h, {"--deny-host", 0, 0}, false});
  const char* home = std::getenv("HOME");
  for (auto& [host, to] : net.route)
    if (to.starts_with("unix:~/")) to = std::string("unix:") + (home ? home : "") + to.substr(6);
  return net;
}

Fd file_of(std::string_view text) {
  Fd file(memfd_create("cordon-egress", MFD_CLOEXEC));
  if (file && write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) file.reset();
  return file;
}

Fd file_at(const char* path) {
  Fd file(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  return file ? std::move(file) : file_of("");
}

bool answer(int channel, const ProxyOptions& options) {
  const auto net = read_policy(options);
  if (!net) return send_packet(channel, kError + net.error().sentence().substr(0, kMostSentence), {});
  const Fd policy = file_of(policy::net_to_json(*net)), hosts = file_at("/etc/hosts"), resolv_conf = file_at("/etc/resolv.conf");
  if (!policy || !hosts || !resolv_conf) return send_packet(channel, std::string(1, kError) + "no memory or descriptors to read files with", {});
  return send_packet(channel, {&kSources, 1}, {policy.get(), hosts.get(), resolv_conf.get()});
}

[[noreturn]] void serve(const Fd& channel, const ProxyOptions& options) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) ::signal(signal, SIG_IGN);  // they are for its parent, whose end is its own
  const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {0, 1, 2}) dup2(null.get(), fd);
  char question = 0;
  while (true) {
    const ssize_t n = recv(channel.get(), &question, 1, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n != 1 || !answer(channel.get(), options)) _exit(0);
  }
}

}  // namespace

Result<SourceReader> SourceReader::start(const ProxyOptions& options) {
  constexpr const char* kRemedy = "try again when the host has memory and processes to spare";
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return impossible("cannot make a socket pair", errno, kRemedy);
  Fd ours(pair[0]), theirs(pair[1]);
  const pid_t child = fork();
  if (child < 0) return impossible("cannot start a process", errno, kRemedy);
  if (child == 0) {
    ours.reset();
    serve(theirs, options);
  }
  return SourceReader(std::move(ours));
}

bool SourceReader::ask() const { return send(channel_.get(), "?", 1, MSG_NOSIGNAL) == 1; }

Result<Sources> SourceReader::take() const {
  const Packet p = receive_packet(channel_.get());
  if (!p.bytes.empty() && p.bytes[0] == kError) return refused(p.bytes.substr(1));
  if (p.bytes.empty() || p.bytes[0] != kSources || p.fds.size() != 3)
    return impossible("the process that reads files is gone", 0, "start the proxy anew");
  const auto net = read_whole(p.fds[0]), hosts = read_whole(p.fds[1]), resolv_conf = read_whole(p.fds[2]);
  for (const auto* text : {&net, &hosts, &resolv_conf})
    if (!*text) return impossible("cannot read what was read", text->error(), "free some memory");
  try {
    return Sources{policy::net_from_json(nlohmann::json::parse(*net)), {*hosts, *resolv_conf}};
  } catch (const nlohmann::json::exception& e) {
    return std::unexpected(Error{ErrorKind::bug, std::string("a policy was not understood: ") + e.what(), "", 0, 125});
  }
}

}  // namespace cordon::egress
