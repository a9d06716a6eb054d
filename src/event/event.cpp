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

// Length of the character at the start of `s` when it would drive a terminal or change how the text around it is shown, else 0: C0 and C1
// controls, the marks of writing direction (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), separators of lines (U+2028, U+2029).
std::size_t driving_length(std::string_view s) {
  const auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U; };
  if (byte(0) < 0x20 || byte(0) == 0x7f) return 1;
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) < 0xA0) return 2;
  if (byte(0) == 0xD8 && byte(1) == 0x9C) return 2;
  if (byte(0) != 0xE2) return 0;
  if (byte(1) == 0x80) return byte(2) == 0x8E || byte(2) == 0x8F || (byte(2) >= 0xA8 && byte(2) <= 0xAE) ? 3 : 0;
  return byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9 ? 3 : 0;
}

// Bytes at the start of `s` that mean themselves in JSON: printable ASCII but for '"' and '\\'.
std::size_t plain_length(std::string_view s) {
  std::size_t n = 0;
  while (n < s.size() && s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\') ++n;
  return n;
}

// The number of a character of one to three bytes.
unsigned code_point(std::string_view s) {
  unsigned value = static_cast<unsigned char>(s[0]) & (s.size() == 1 ? 0x7fU : s.size() == 2 ? 0x1fU : 0x0fU);
  for (const char c : s.substr(1)) value = value << 6 | (static_cast<unsigned char>(c) & 0x3fU);
  return value;
}

std::string rfc3339(std::int64_t ns) {
  if (ns == 0) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    ns = now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  }
  const std::time_t seconds = ns / 1'000'000'000LL;
  // Most events come in the same second as the one before.
  thread_local std::time_t second = -1;
  thread_local char day[32];
  if (seconds != second) {
    std::tm tm{};
    gmtime_r(&seconds, &tm);
    std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    second = seconds;
  }
  char all[48];
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
  out.reserve(s.size() + 2);
  while (!s.empty()) {
    if (const std::size_t plain = plain_length(s); plain > 0) {
      out += s.substr(0, plain);
      s.remove_prefix(plain);
      continue;
    }
    const auto c = static_cast<unsigned char>(s[0]);
    std::size_t n = utf8_length(s);
    if (n == 0) {  // the lone surrogate that Python's surrogateescape uses for the same byte
      (out += "\\udc") += kHex[c >> 4];
      out += kHex[c & 15];
      n = 1;
    } else if (c == '"' || c == '\\') {
      (out += '\\') += static_cast<char>(c);
    } else if (driving_length(s) != 0) {
      const unsigned point = code_point(s.substr(0, n));
      out += "\\u";
      for (const int shift : {12, 8, 4, 0}) out += kHex[point >> shift & 15];
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
    const std::size_t driving = driving_length(s), n = utf8_length(s);
    const std::size_t hidden = driving != 0 ? driving : n == 0 ? 1 : 0;
    for (const char each : s.substr(0, hidden)) {
      const auto c = static_cast<unsigned char>(each);
      (out += "\\x") += kHex[c >> 4];
      out += kHex[c & 15];
    }
    if (hidden == 0) out += s.substr(0, n);
    s.remove_prefix(hidden != 0 ? hidden : n);
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
