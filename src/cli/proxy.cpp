// SPDX-License-Identifier: Apache-2.0
// `cordon proxy` is cordon-egress without a sandbox: this checks the options and becomes it.
#include <cordon/events.hpp>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "cli/cli.hpp"
#include "launch/egress_program.hpp"

namespace cordon::cli {
namespace {

struct ProxyOptions {
  std::string listen, policy, token, metrics, events, resolver;
  std::vector<std::string> allow_host, deny_host;
};

int proxy(const ProxyOptions& o) {
  std::vector<std::string> words = {"cordon-egress", "proxy"};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {name, value});
  };
  add("--listen", o.listen);
  add("--policy", o.policy);
  add("--token", o.token);
  add("--metrics", o.metrics);
  add("--events", o.events);
  add("--resolver", o.resolver);
  for (const std::string& h : o.allow_host) words.insert(words.end(), {"--allow-host", h});
  for (const std::string& h : o.deny_host) words.insert(words.end(), {"--deny-host", h});
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  const auto program = launch::find_egress();
  if (!program) return fail(program.error());
  execv(program->c_str(), argv.data());
  return fail({ErrorKind::impossible, "cannot start " + printable(*program), "install Cordon again", errno, 125});
}

}  // namespace

void add_proxy(CLI::App& app, int& status) {
  auto* sub = app.add_subcommand("proxy", "the egress proxy alone, for use without the sandbox");
  auto o = std::make_shared<ProxyOptions>();
  sub->add_option("--listen", o->listen, "ADDR:PORT for HTTP and SOCKS5 (default 127.0.0.1:0)")->check(kValue);
  sub->add_option("--policy", o->policy, "a TOML or JSON policy, of which [net] counts; read again at SIGHUP")->check(kValue);
  sub->add_option("--allow-host", o->allow_host, "HOST[:PORT] that may be reached")->allow_extra_args(false)->check(kValue);
  sub->add_option("--deny-host", o->deny_host, "HOST[:PORT] that may not")->allow_extra_args(false)->check(kValue);
  sub->add_option("--token", o->token, "clients must show it: HTTP Basic and SOCKS5 with user 'cordon'")->check(kValue);
  sub->add_option("--metrics", o->metrics, "ADDR:PORT that serves /metrics for Prometheus")->check(kValue);
  sub->add_option("--events", o->events, "the audit stream: a file, or '-' for stderr")->check(kValue);
  sub->add_option("--resolver", o->resolver, "ADDR:PORT of a name server, instead of those of /etc/resolv.conf")->check(kValue);
  sub->callback([o, sub, &status] {
    if (sub->count("--token") > 0 && o->token.empty()) {
      status = fail({ErrorKind::refused, "--token is empty", "name a secret, or leave the option out", 0, 125});
      return;
    }
    status = proxy(*o);
  });
}

}  // namespace cordon::cli
