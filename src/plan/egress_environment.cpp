// SPDX-License-Identifier: Apache-2.0
// The variables by which clients find the egress proxy and the CA file. Each has somebody who reads it and nothing else.
#include <algorithm>

#include "plan/node_preload.hpp"
#include "plan/parts.hpp"

namespace cordon::plan {
namespace {

constexpr const char* kHttpProxy[] = {"HTTP_PROXY",        "HTTPS_PROXY",
                                      "http_proxy",        "https_proxy",             // curl, git, Go, Python, Ruby, Deno, Docker's client, AWS
                                      "npm_config_proxy",  "npm_config_https_proxy",  // npm, Yarn 1, pnpm
                                      "YARN_HTTP_PROXY",   "YARN_HTTPS_PROXY",        // Yarn 2 and later
                                      "PIP_PROXY",         "CARGO_HTTP_PROXY",
                                      "BUNDLE_HTTP_PROXY", "GRPC_PROXY",
                                      "grpc_proxy"};
constexpr const char* kSocksProxy[] = {"ALL_PROXY", "all_proxy"};
// Only the sandbox's own loopback goes past the proxy: never metadata, never the LAN. Yarn 2 refuses to work if a variable YARN_*
// is no setting of its version, so there is no YARN_NO_PROXY; its CA file is node's.
constexpr const char* kNoProxy[] = {"NO_PROXY", "no_proxy", "npm_config_noproxy"};
constexpr const char* kLoopback = "localhost,127.0.0.1,::1";
constexpr const char* kCaFile[] = {"SSL_CERT_FILE",
                                   "CURL_CA_BUNDLE",
                                   "GIT_SSL_CAINFO",
                                   "REQUESTS_CA_BUNDLE",
                                   "PIP_CERT",
                                   "NODE_EXTRA_CA_CERTS",
                                   "npm_config_cafile",
                                   "CARGO_HTTP_CAINFO",
                                   "AWS_CA_BUNDLE",
                                   "DENO_CERT",
                                   "NIX_SSL_CERT_FILE",
                                   "BUNDLE_SSL_CA_CERT",
                                   "HEX_CACERTS_PATH",
                                   "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
                                   "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"};
constexpr const char* kUpstream[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"};

// Lays variables over an environment; what the policy itself sets stays.
struct Layer {
  const EnvPolicy& policy;
  std::vector<std::string>& environment;

  std::string* find(const std::string& name) {
    const auto at = std::find_if(environment.begin(), environment.end(), [&](const std::string& e) { return e.starts_with(name + "="); });
    return at == environment.end() ? nullptr : &*at;
  }
  bool set(const std::string& name, const std::string& value) {
    if (policy.set.contains(name)) return false;
    if (std::string* old = find(name)) *old = name + "=" + value;
    else environment.push_back(name + "=" + value);
    return true;
  }
};

std::string replaced(std::string text, std::string_view what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) text.replace(at, what.size(), with);
  return text;
}

// As node splits NODE_OPTIONS: by blanks, but for what stands in quotes.
std::string quoted(const std::string& path) {
  std::string s = "\"";
  for (const char c : path) (c == '"' || c == '\\' ? s += '\\' : s) += c;
  return s + "\"";
}

}  // namespace

std::string node_preload(const HostView& view) {
  const auto self = view.readlink("/proc/self/exe");
  if (!self) return {};
  for (const char* place : {"node-fetch.cjs", "../libexec/cordon/node-fetch.cjs"})
    if (const std::string path = canonical(view, join(parent_of(*self), place)); view.kind(path) == FileKind::file) return path;
  return {};
}

void add_egress(const Context& c, const std::string& ca_bundle, Plan& plan) {
  Layer layer{c.policy.env, plan.environment};
  if (!ca_bundle.empty() && plan.net != NetMode::none)
    for (const char* name : kCaFile) layer.set(name, ca_bundle);
  if (plan.net == NetMode::filtered) {
    Egress& e = plan.egress;
    e.enabled = true;
    e.required = c.policy.net.upstream == "required";
    e.on_host = plan.tier == Tier::landlock;
    e.net = c.policy.net;
    e.net.route = c.paths.routes();
    for (const auto& entry : c.request.environment)
      for (const char* name : kUpstream)
        if (entry.starts_with(std::string(name) + "=")) e.upstream.push_back(entry);
    // One port serves both there; its token keeps other users of the host out.
    const std::string http_port = e.on_host ? "{port}" : std::to_string(Egress::http_port);
    const std::string user = e.on_host ? "cordon:{token}@" : "";
    const std::string http = "http://" + user + "127.0.0.1:" + http_port;
    const std::string socks = "socks5h://" + user + "127.0.0.1:" + (e.on_host ? "{port}" : std::to_string(Egress::socks5_port));
    const auto put = [&](const char* name, const std::string& value) {
      if (layer.set(name, value) && e.on_host) e.variables.emplace_back(name);
    };
    for (const char* name : kHttpProxy) put(name, http);
    for (const char* name : kSocksProxy) put(name, socks);
    for (const char* name : kNoProxy) layer.set(name, kLoopback);
    layer.set("NODE_USE_ENV_PROXY", "1");  // Node's own fetch, 22.21 and later; before:
    if (const std::string preload = node_preload(c.view); !preload.empty() && c.paths.may(preload, Operation::read)) {
      const std::string option = "--require=" + quoted(preload);
      if (std::string* own = layer.find("NODE_OPTIONS")) *own += " " + option;
      else plan.environment.push_back("NODE_OPTIONS=" + option);
    }
    put("CLOUDSDK_PROXY_PORT", http_port);
    layer.set("CLOUDSDK_PROXY_TYPE", "http");
    layer.set("CLOUDSDK_PROXY_ADDRESS", "127.0.0.1");
    put("RSYNC_PROXY", "127.0.0.1:" + http_port);
    std::string java;
    if (const std::string* passed = layer.find("JAVA_TOOL_OPTIONS")) java = passed->substr(passed->find('=') + 1) + " ";
    for (const char* scheme : {"http", "https"})
      java += std::string("-D") + scheme + ".proxyHost=127.0.0.1 -D" + scheme + ".proxyPort=" + http_port + " ";
    put("JAVA_TOOL_OPTIONS", java + "-Dhttp.nonProxyHosts=localhost|127.0.0.1|[::1]");
  }
  std::sort(plan.environment.begin(), plan.environment.end());
}

}  // namespace cordon::plan

void cordon::bind_egress(Plan& plan, std::uint16_t port, const std::string& token) {
  for (auto& entry : plan.environment)
    if (std::ranges::find(plan.egress.variables, entry.substr(0, entry.find('='))) != plan.egress.variables.end())
      entry = plan::replaced(plan::replaced(entry, "{port}", std::to_string(port)), "{token}", token);
  if (plan.landlock_net != 0) plan.landlock_connect_ports.push_back(port);
}
