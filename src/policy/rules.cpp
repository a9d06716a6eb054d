// SPDX-License-Identifier: Apache-2.0
#include "policy/rules.hpp"

#include <cordon/events.hpp>

#include <algorithm>
#include <charconv>

#include "policy/host_rule.hpp"

namespace cordon {
namespace policy {
namespace {

constexpr std::size_t kMostPath = 4096;            // PATH_MAX
constexpr std::size_t kMostVariable = 128 * 1024;  // MAX_ARG_STRLEN of execve(2)

std::string quoted(std::string_view text) { return "'" + printable(text.substr(0, 200)) + (text.size() > 200 ? "...'" : "'"); }

bool control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_port(std::string_view text) {
  unsigned n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size() && n >= 1 && n <= 65535;
}

bool is_web_scheme(std::string_view text) {
  return std::ranges::equal(text, std::string_view("http"), {}, [](char c) { return static_cast<char>(c | 0x20); }) ||
         std::ranges::equal(text, std::string_view("https"), {}, [](char c) { return static_cast<char>(c | 0x20); });
}

bool star(const Rules& rules) {
  return std::ranges::any_of(rules, [](const Rule& r) { return r.text == "*"; });
}

}  // namespace

std::unexpected<Error> at(const Origin& origin, Error error) {
  error.what = printable(origin.text()) + ": " + error.what;
  return std::unexpected(std::move(error));
}

Result<void> check_path(std::string_view text) {
  if (text.empty()) return refused("a path is empty", "name a path; '.' is the project");
  if (control(text)) return refused("the path " + quoted(text) + " has a NUL, newline or other control character in it", "name a path without it");
  if (text.size() >= kMostPath) return refused("the path " + quoted(text) + " is longer than 4,095 bytes", "no such path can be opened");
  if (text.front() == '~' && text.size() > 1 && text[1] != '/')
    return refused("the path " + quoted(text) + " names the home of another user", "write it in full; a file whose name begins with '~' is './~...'");
  return {};
}

Result<Rule> path_rule(std::string_view text, const Origin& origin, bool deny) {
  if (auto ok = check_path(text); !ok) return at(origin, ok.error());
  if (!deny && text.find_first_of("*?") != std::string_view::npos)
    return at(origin, {ErrorKind::refused, "the pattern " + quoted(text) + " stands in an allow rule",
                       "name the directory: patterns are for deny rules", 0, 125});
  return Rule{std::string(text), origin, false};
}

Result<Rule> program_rule(std::string_view text, const Origin& origin, bool deny) {
  if (text == "*" && !deny) return Rule{"*", origin, false};
  if (auto ok = check_path(text); !ok) return at(origin, ok.error());
  if (text.find_first_of("*?") != std::string_view::npos)
    return at(origin, {ErrorKind::refused, "the program " + quoted(text) + " is a pattern",
                       "name the program, or the directory: that covers what lies in it", 0, 125});
  return Rule{std::string(text), origin, false};
}

Result<std::string> upstream(std::string_view text) {
  if (text == "env" || text == "none" || text == "required") return std::string(text);
  // Nothing of it is repeated: a user who mistyped it may have typed a password all the same.
  const auto bad = [](const char* why) { return refused(std::string("the upstream ") + why, "write env, none, required or http://HOST:PORT"); };
  std::string_view rest = text;
  if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
    if (!is_web_scheme(rest.substr(0, scheme))) return bad("has a scheme other than http and https");
    rest.remove_prefix(scheme + 3);
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find('@') != std::string_view::npos) return bad("has credentials in it");
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos || !is_port(rest.substr(colon + 1))) return bad("has no port from 1 to 65535");
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos || !parse_address(host)) return bad("has brackets around something that is no IPv6 address");
    return std::string(text);
  }
  const auto letter = [](char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' || c == '.'; };
  if (host.empty() || host.size() > 254 || !std::ranges::all_of(host, letter)) return bad("has no host name in it");
  return std::string(text);
}

Result<std::pair<std::string, std::string>> route(std::string_view host, std::string_view target) {
  const auto name = parse_host(host);
  if (!name) return std::unexpected(name.error());
  if (!target.starts_with("unix:")) return refused("the route " + quoted(target) + " names no socket", "write unix:PATH");
  if (auto ok = check_path(target.substr(5)); !ok) return std::unexpected(ok.error());
  return std::pair(name->text(), std::string(target));
}

Result<void> check_variable(std::string_view name, std::string_view value) {
  if (name.empty()) return refused("a variable has no name", "write NAME or NAME=VALUE");
  if (control(name) || name.find_first_of("= ") != std::string_view::npos)
    return refused("the variable " + quoted(name) + " has a blank, '=' or control character in its name", "write the name alone");
  if (value.find('\0') != std::string_view::npos) return refused("the value of " + quoted(name) + " has a NUL in it", "remove it");
  if (name.size() + value.size() + 2 > kMostVariable)
    return refused("the variable " + quoted(name) + " is longer than 128 KiB", "execve(2) takes no longer one");
  return {};
}

Result<void> add_rule(Policy& p, RuleList list, std::string_view text, const Origin& origin, std::size_t fs_layers, std::size_t exec_layers) {
  switch (list) {
    case RuleList::allow_write:
    case RuleList::deny_write:
    case RuleList::allow_read:
    case RuleList::deny_read: {
      const bool write = list == RuleList::allow_write || list == RuleList::deny_write,
                 deny = list == RuleList::deny_write || list == RuleList::deny_read;
      auto rule = path_rule(text, origin, deny);
      if (!rule) return std::unexpected(rule.error());
      const auto lists = deny ? (write ? &PathRules::deny_write : &PathRules::deny_read) : (write ? &PathRules::allow_write : &PathRules::allow_read);
      for (std::size_t i = 0; !deny && i < fs_layers; ++i) (p.fs.also[i].*lists).push_back(*rule);
      (p.fs.*lists).push_back(std::move(*rule));
      return {};
    }
    case RuleList::allow_host:
    case RuleList::deny_host:
      if (auto r = parse_host_rule(text); !r) return at(origin, r.error());
      (list == RuleList::allow_host ? p.net.allow : p.net.deny).push_back({std::string(text), origin, false});
      return {};
    case RuleList::allow_exec:
    case RuleList::deny_exec: {
      auto rule = program_rule(text, origin, list == RuleList::deny_exec);
      if (!rule) return std::unexpected(rule.error());
      if (list == RuleList::deny_exec) {
        p.exec.deny.push_back(std::move(*rule));
        return {};
      }
      for (std::size_t i = 0; i < exec_layers; ++i)
        if (!star(p.exec.also[i])) p.exec.also[i].push_back(*rule);
      p.exec.allow.push_back(std::move(*rule));
      return {};
    }
    case RuleList::pass_env: {
      const auto pattern = text.find_first_of("*?[");
      if (pattern != std::string_view::npos && !(text[pattern] == '*' && pattern == text.size() - 1))
        return at(origin, {ErrorKind::refused, "the variable " + quoted(text) + " is no name and no NAME_*", "'*' stands at the end alone", 0, 125});
      if (auto ok = check_variable(text, ""); !ok) return at(origin, ok.error());
      p.env.pass.push_back({std::string(text), origin, false});
      return {};
    }
  }
  return {};
}

}  // namespace policy

Result<void> add_rule(Policy& policy, RuleList list, std::string_view text, const Origin& origin) {
  return policy::add_rule(policy, list, text, origin, policy.fs.also.size(), policy.exec.also.size());
}

Result<void> add_environment(Policy& p, std::string_view text, const Origin& origin) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return add_rule(p, RuleList::pass_env, text, origin);
  if (auto ok = policy::check_variable(text.substr(0, equals), text.substr(equals + 1)); !ok) return policy::at(origin, ok.error());
  p.env.set[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  return {};
}

}  // namespace cordon
