// SPDX-License-Identifier: Apache-2.0
// The audit stream: what was attempted, what was decided, by which rule, and the least change that would allow it.
//
//   auto print = [](const Event& e) {
//     if (e.decision == Decision::denied) std::cerr << name(e.kind) << ' ' << printable(e.object) << '\n' << to_json(e) << '\n';
//   };
//   print({EventKind::file_write, Decision::denied, "/etc/passwd", "default", 0, "", "--allow-write /etc/passwd", {}, 0});
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cordon [[gnu::visibility("default")]] {

enum class EventKind { file_read, file_write, net_connect, net_dns, exec, syscall, limit, start, exit };
enum class Decision { allowed, denied };

struct Event {
  EventKind kind = EventKind::start;
  Decision decision = Decision::allowed;
  std::string object;  ///< path, host:port, call name; bytes as the command gave them
  std::string rule;    ///< the rule as the user wrote it, and where
  std::int64_t pid = 0;
  std::string exe;
  std::string hint;  ///< the smallest option that would allow it; empty where nothing may
  /// Further keys; the value is finished JSON (see json_string, std::to_string).
  std::vector<std::pair<std::string, std::string>> extra;
  std::int64_t time_ns = 0;  ///< CLOCK_REALTIME; 0: now, when written
};

[[nodiscard]] std::string_view name(EventKind);  ///< "net.connect"
[[nodiscard]] std::string_view name(Decision);
/// One line of JSON without the newline; its strings are those of json_string.
[[nodiscard]] std::string to_json(const Event&);
/// A JSON string literal with quotes: what printable() hides as \uXXXX, invalid UTF-8 bytes written as \udcXX (WTF-8 surrogateescape).
[[nodiscard]] std::string json_string(std::string_view);
/// For terminals: what would drive one or turn text around, and what is not UTF-8, as \xHH for each byte. Twice is as once.
[[nodiscard]] std::string printable(std::string_view);

}  // namespace cordon
