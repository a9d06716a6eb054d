// SPDX-License-Identifier: Apache-2.0
#include <cordon/events.hpp>

#include <ctime>

#include <cstdio>

namespace cordon {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// Length of the valid UTF-8 sequence at the start of `s` (RFC 3629), 0 if there is none.
std::size_t utf8_length(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const auto tail = [&](std::size_t i) { return i < s.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned char a = byte(0);
  if (a < 0x80) return 1;
  if (a >= 0xC2 && a <= 0xDF) return tail(1) ? 2 : 0;
  if (a >= 0xE0 && a <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if ((a == 0xE0 && byte(1) < 0xA0) || (a == 0xED && byte(1) > 0x9F)) return 0;
    return 3;
  }
  if (a >= 0xF0 && a <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if ((a == 0xF0 && byte(1) < 0x90) || (a == 0xF4 && byte(1) > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

std::string rfc3339(std::int64_t ns) {
  if (ns == 0) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    ns = now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  }
  const std::time_t seconds = ns / 1'000'000'000LL;
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  char day[32], all[48];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
  std::snprintf(all, sizeof all, "%s.%06lldZ", day, static_cast<long long>(ns / 1000 % 1'000'000));
  return all;
}

}  // namespace

std::string_view name(EventKind kind) {
  switch (kind) {
    case EventKind::file_read: return "file.read";
    case EventKind::file_write: return "file.write";
    case EventKind::net_connect: return "net.connect";
    case EventKind::net_dns: return "net.dns";
    case EventKind::exec: return "exec";
    case EventKind::syscall: return "syscall";
    case EventKind::limit: return "limit";
    case EventKind::start: return "start";
    case EventKind::exit: return "exit";
  }
  return "?";
}

std::string_view name(Decision d) { return d == Decision::allowed ? "allowed" : "denied"; }

std::string json_string(std::string_view s) {
  std::string out = "\"";
  while (!s.empty()) {
    const auto c = static_cast<unsigned char>(s[0]);
    std::size_t n = utf8_length(s);
    if (n == 0) {  // the lone surrogate that Python's surrogateescape uses for the same byte
      (out += "\\udc") += kHex[c >> 4];
      out += kHex[c & 15];
      n = 1;
    } else if (c == '"' || c == '\\') {
      (out += '\\') += static_cast<char>(c);
    } else if (c < 0x20 || c == 0x7f) {
      (out += "\\u00") += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out += s.substr(0, n);
    }
    s.remove_prefix(n);
  }
  return out += '"';
}

std::string printable(std::string_view s) {
  std::string out;
  while (!s.empty()) {
    const auto c = static_cast<unsigned char>(s[0]);
    std::size_t n = utf8_length(s);
    // C1 controls (U+0080 to U+009F) drive terminals as C0 ones do.
    const bool control = c < 0x20 || c == 0x7f || (n == 2 && c == 0xC2 && static_cast<unsigned char>(s[1]) < 0xA0);
    if (n == 0 || control) {
      (out += "\\x") += kHex[c >> 4];
      out += kHex[c & 15];
      n = 1;
    } else {
      out += s.substr(0, n);
    }
    s.remove_prefix(n);
  }
  return out;
}

std::string to_json(const Event& e) {
  std::string s = "{\"time\":\"" + rfc3339(e.time_ns) + "\",\"kind\":\"" + std::string(name(e.kind)) + "\",\"decision\":\"" +
                  std::string(name(e.decision)) + "\",\"object\":" + json_string(e.object);
  if (!e.rule.empty()) s += ",\"rule\":" + json_string(e.rule);
  if (e.pid != 0) s += ",\"pid\":" + std::to_string(e.pid);
  if (!e.exe.empty()) s += ",\"exe\":" + json_string(e.exe);
  if (!e.hint.empty()) s += ",\"hint\":" + json_string(e.hint);
  for (const auto& [key, value] : e.extra) s += "," + json_string(key) + ":" + value;
  return s += '}';
}

}  // namespace cordon
