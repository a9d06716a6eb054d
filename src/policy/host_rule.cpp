// SPDX-License-Identifier: Apache-2.0
#include "policy/host_rule.hpp"

#include <cordon/events.hpp>

#include <algorithm>
#include <charconv>

namespace cordon::policy {
namespace {

using Kind = HostRule::Kind;

std::unexpected<Error> bad(std::string_view text, const std::string& why, std::string remedy) {
  const bool cut = text.size() > 300;
  return refused("the host rule '" + printable(text.substr(0, 300)) + (cut ? "...' " : "' ") + why, std::move(remedy));
}

std::optional<unsigned> decimal(std::string_view text, unsigned most) {
  unsigned n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || n > most) return {};
  return n;
}

bool below(std::string_view name, std::string_view suffix) {
  return name.size() > suffix.size() && name.ends_with(suffix) && name[name.size() - suffix.size() - 1] == '.';
}

Result<Network> network(std::string_view given, std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return bad(given, "names no address before its '/'", "write it as 10.0.0.0/8 or [2001:db8::/32]");
  Network n{*address, 128};
  if (slash == std::string_view::npos) return n;
  const bool dotted = text.find(':') == std::string_view::npos;
  const auto length = decimal(text.substr(slash + 1), dotted ? 32 : 128);
  if (!length)
    return bad(given, "has no prefix length behind its '/'",
               dotted ? "write a number from 0 to 32; a host is named without a path" : "write a number from 0 to 128");
  n.length = static_cast<std::uint8_t>(*length + (dotted ? 96 : 0));
  n.address = masked(*address, n.length);
  if (n.address != *address) return bad(given, "has bits set behind its prefix", "write " + n.text());
  return n;
}

bool covers(const Ports& outer, const Ports& inner) {
  return outer.kind == Ports::Kind::any || outer == inner ||
         (outer.kind == Ports::Kind::web && inner.kind == Ports::Kind::one && outer.contains(inner.port));
}

}  // namespace

std::string HostRule::text() const {
  std::string s;
  switch (kind) {
    case Kind::any: s = "*"; break;
    case Kind::name: s = name; break;
    case Kind::below: s = "*." + name; break;
    case Kind::network: s = network.text(); break;
  }
  if (s.find(':') != std::string::npos) s = "[" + s + "]";
  if (ports.kind == Ports::Kind::any) s += ":*";
  if (ports.kind == Ports::Kind::one) s += ":" + std::to_string(ports.port);
  return s;
}

Result<HostRule> parse_host_rule(std::string_view text) {
  const std::string_view given = text;
  if (text.empty()) return refused("a host rule is empty", "name a host, or '*' for every host");
  if (text.find("://") != std::string_view::npos) return bad(given, "is a URL", "write the host alone, as in example.com:443");
  HostRule rule;
  // The port: behind the brackets, or behind the only colon.
  std::string_view port;
  bool has_port = false, bracketed = false;
  if (text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return bad(given, "has no closing bracket", "write it as [2001:db8::1]:443");
    bracketed = true;
    port = text.substr(close + 1);
    text = text.substr(1, close - 1);
    if (port.starts_with('/')) return bad(given, "has its prefix length behind the bracket", "write it as [2001:db8::/32]:443");
    has_port = !port.empty();
    if (has_port && port.front() != ':') return bad(given, "has something behind its bracket", "write it as [2001:db8::1]:443");
    if (text.find(':') == std::string_view::npos)
      return bad(given, "has brackets around something that is no IPv6 address", "leave the brackets out");
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    has_port = true;
    port = text.substr(colon);
    text = text.substr(0, colon);
  }
  if (has_port) {
    port.remove_prefix(1);
    const auto n = decimal(port, 65535);
    if (port == "*") rule.ports.kind = Ports::Kind::any;
    else if (n && *n != 0) rule.ports = {Ports::Kind::one, static_cast<std::uint16_t>(*n)};
    else return bad(given, "has no port from 1 to 65535 behind its colon", "write a number from 1 to 65535, or '*' for any port");
  }
  if (text == "*") return rule;
  if (bracketed || text.find('/') != std::string_view::npos || parse_address(text)) {
    const auto n = network(given, text);
    if (!n) return std::unexpected(n.error());
    rule.kind = Kind::network;
    rule.network = *n;
    return rule;
  }
  rule.kind = text.starts_with("*.") ? Kind::below : Kind::name;
  if (rule.kind == Kind::below) text.remove_prefix(2);
  if (text.find('*') != std::string_view::npos) return bad(given, "has a '*' inside", "'*' stands alone, or in front as in *.example.com");
  const auto host = parse_host(text);
  if (!host) {
    const std::string& what = host.error().what;
    const auto why = what.find("' ");
    return bad(given, why == std::string::npos ? "names no host" : what.substr(what.rfind("' ") + 2), host.error().remedy);
  }
  if (host->is_address()) {
    if (rule.kind == Kind::below) return bad(given, "has a '*.' in front of an address", "write a network, as in 10.0.0.0/8");
    return bad(given, "is an unusual spelling of an address", "write " + host->address.text());
  }
  rule.name = host->name;
  return rule;
}

bool matches(const HostRule& rule, const HostName& host) {
  switch (rule.kind) {
    case Kind::any: return true;
    case Kind::name: return !host.is_address() && host.name == rule.name;
    case Kind::below: return !host.is_address() && below(host.name, rule.name);
    case Kind::network: return host.is_address() && within(host.address, rule.network);
  }
  return false;
}

bool opens_special(const HostRule& rule) { return rule.kind == Kind::network && !special_range(rule.network).empty(); }

bool covers_host(const HostRule& outer, const HostRule& inner) {
  switch (outer.kind) {
    case Kind::any: return true;
    case Kind::name: return inner.kind == Kind::name && inner.name == outer.name;
    case Kind::below:
      return (inner.kind == Kind::name && below(inner.name, outer.name)) ||
             (inner.kind == Kind::below && (inner.name == outer.name || below(inner.name, outer.name)));
    case Kind::network: return inner.kind == Kind::network && within(inner.network, outer.network);
  }
  return false;
}

bool covers(const HostRule& outer, const HostRule& inner) { return covers(outer.ports, inner.ports) && covers_host(outer, inner); }

std::optional<HostRule> meet(const HostRule& a, const HostRule& b) {
  // Two host parts are nested or apart, and so are two sets of ports.
  const HostRule* host = covers_host(a, b) ? &b : covers_host(b, a) ? &a : nullptr;
  const Ports* ports = covers(a.ports, b.ports) ? &b.ports : covers(b.ports, a.ports) ? &a.ports : nullptr;
  if (!host || !ports) return {};
  HostRule m = *host;
  m.ports = *ports;
  return m;
}

}  // namespace cordon::policy
