// SPDX-License-Identifier: Apache-2.0
#include "egress/upstream_config.hpp"

#include <algorithm>

#include "egress/authority.hpp"
#include "egress/text.hpp"
#include "policy/host_rule.hpp"

namespace cordon::egress {
namespace {

constexpr std::string_view kForm = "[http://]host:port";
constexpr std::size_t kMostShown = 200;

bool is_ipv6(std::string_view text) { return text.contains(':') && policy::parse_address(text); }

bool is_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() > 253) return false;
  while (true) {
    const auto label = host.substr(0, host.find('.'));
    if (label.empty() || label.size() > 63) return false;
    for (const char c : label)
      if (!is_alpha(c) && !is_digit(c) && c != '-' && c != '_') return false;
    if (label.size() == host.size()) return true;
    host.remove_prefix(label.size() + 1);
  }
}

std::unexpected<std::string> no(const char* why) { return std::unexpected(std::string(why)); }

bool is_ascii(std::string_view s) {
  for (const char c : s)
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  return true;
}

// Cuts "http://" off, of any case.
std::string_view without_scheme(std::string_view s) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (same_text(s.substr(0, scheme.size()), scheme)) return s.substr(scheme.size());
  return s;
}

std::string escaped(std::string_view s) {
  constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (const char c : s) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
      continue;
    }
    (out += "\\x") += hex[byte >> 4];
    out += hex[byte & 15];
  }
  return out;
}

// Everything before the last @ may be a secret, but for a scheme. An @ has more than one spelling, and a user who
// mistyped one has typed a password all the same.
std::string masked(std::string_view value) {
  std::size_t end = 0;
  for (const std::string_view at : {"@", "%40", "\xef\xbc\xa0", "\xef\xb9\xab"})
    if (const auto found = value.rfind(at); found != std::string_view::npos) end = std::max(end, found + at.size());
  if (end == 0) return std::string(value);
  std::string_view scheme;
  for (const std::string_view known : {"http://", "https://", "socks4://", "socks4a://", "socks5://", "socks5h://", "ftp://"})
    if (end > known.size() && same_text(value.substr(0, known.size()), known)) scheme = value.substr(0, known.size());
  return std::string(scheme) + "***@" + std::string(value.substr(end));
}

// The host of a value that is not ASCII, in the form in which the resolver would look it up; empty if it has none.
std::string a_label_host(std::string_view value) {
  value = without_scheme(value);
  if (const auto at = value.rfind('@'); at != std::string_view::npos) value.remove_prefix(at + 1);
  const auto host = value.substr(0, value.find_first_of(":/?#"));
  if (is_ascii(host)) return {};
  const auto name = policy::parse_host(host);
  return name ? name->text() : std::string();
}

// The variable that counts: upper case before lower case, also when it is blank.
Environment::const_iterator variable(const Environment& environment, std::string_view name) {
  const auto upper = environment.find(name);
  return upper != environment.end() ? upper : environment.find(lower(name));
}

}  // namespace

std::string ProxyAddress::text() const { return (host.contains(':') ? "[" + host + "]" : host) + ":" + std::to_string(port); }

std::expected<ProxyAddress, std::string> parse_proxy_address(std::string_view text) {
  text = trim(text);
  if (text.contains('@')) return no("it has credentials, which are not supported");
  if (text.find_first_of(kBlanks) != std::string_view::npos) return no("it has a blank inside");
  if (!is_ascii(text)) return no("it has characters outside ASCII");
  text = without_scheme(text);
  if (text.contains("://")) return no("only http:// and https:// are known");
  if (text.ends_with('/')) text.remove_suffix(1);
  if (text.find_first_of("/?#") != std::string_view::npos) return no("it has a path or a query");
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || text.ends_with(']')) return no("it has no port");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || !is_ipv6(host.substr(1, host.size() - 2))) return no("what is in brackets is not an IPv6 address");
    host = host.substr(1, host.size() - 2);
  } else if (!is_name(host)) {
    return no(host.contains(':') ? "an IPv6 address needs brackets" : "the host is not a host name");
  }
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return no("the port is not a number from 1 to 65535");
  return ProxyAddress{std::string(host), *port};
}

std::string presentable(std::string_view proxy_address) {
  const std::string value = masked(trim(proxy_address));
  std::string shown = escaped(value);
  if (shown.size() > kMostShown) shown = shown.substr(0, kMostShown) + "...";
  if (const auto label = a_label_host(value); !label.empty()) shown += " (in A-labels: " + label.substr(0, kMostShown) + ")";
  return shown;
}

UpstreamConfig::UpstreamConfig(ProxyAddress proxy, NoProxy direct)
    : state_(std::make_shared<const State>(State{std::move(proxy), std::move(direct)})) {}

const ProxyAddress* UpstreamConfig::proxy_for(std::string_view host) const {
  return state_ && !state_->no_proxy.matches(host) ? &state_->proxy : nullptr;
}

bool UpstreamConfig::operator==(const UpstreamConfig& other) const {
  return state_ == other.state_ || (state_ && other.state_ && *state_ == *other.state_);
}

Result<UpstreamChoice> choose_upstream(std::string_view word, const Environment& environment) {
  if (word == "none") return UpstreamChoice{};
  const auto list = variable(environment, "NO_PROXY");
  const NoProxy direct = list == environment.end() ? NoProxy() : NoProxy(list->second);
  if (word != "env" && word != "required") {
    auto proxy = parse_proxy_address(word);
    if (!proxy)
      return refused("net.upstream is \"" + presentable(word) + "\": " + proxy.error(), "write env, none, required or " + std::string(kForm));
    return UpstreamChoice{UpstreamConfig(std::move(*proxy), direct), {}};
  }
  const auto set = variable(environment, "HTTPS_PROXY");
  if (set == environment.end() || trim(set->second).empty()) {
    if (word == "env") return UpstreamChoice{};
    return refused("net.upstream is \"required\", and HTTPS_PROXY names no proxy",
                   "set HTTPS_PROXY=" + std::string(kForm) + ", or name the proxy in the policy");
  }
  auto proxy = parse_proxy_address(set->second);
  if (proxy) return UpstreamChoice{UpstreamConfig(std::move(*proxy), direct), {}};
  const std::string what = set->first + "=\"" + presentable(set->second) + "\" is not the address of a proxy: " + proxy.error();
  if (word == "required") return refused(what, "write " + set->first + "=" + std::string(kForm));
  return UpstreamChoice{{}, what + "; expected " + std::string(kForm) + "; connecting directly"};
}

}  // namespace cordon::egress
