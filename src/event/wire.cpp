// SPDX-License-Identifier: Apache-2.0
// The encoding: a version byte, kind, decision, then numbers of eight bytes and strings behind a length of two bytes, all in
// network order: pid, time, object, rule, exe, hint, and pairs of key and value up to the end.
#include "event/wire.hpp"

#include <ctime>

#include <algorithm>

namespace cordon {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kMostString = 8 * 1024;
constexpr std::string_view kStable[] = {"time", "kind", "decision", "object", "rule", "pid", "exe", "hint"};

void put(std::string& out, std::uint64_t n, int bytes) {
  while (bytes-- > 0) out += static_cast<char>(n >> (8 * bytes));
}
void put(std::string& out, std::string_view s) {
  put(out, s.size(), 2);
  out += s;
}
std::string cut(const std::string& s) { return s.size() <= kMostString ? s : s.substr(0, kMostString - 3) + "..."; }

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : rest_(bytes) {}
  bool ok = true;
  [[nodiscard]] bool done() const { return rest_.empty(); }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t n = 0;
    for (const char c : take(bytes)) n = n << 8 | static_cast<unsigned char>(c);
    return n;
  }
  std::string string() { return std::string(take(number(2))); }

 private:
  std::string_view take(std::size_t n) {
    if (n > rest_.size()) {
      ok = false;
      rest_ = {};
      return {};
    }
    const auto s = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return s;
  }
  std::string_view rest_;
};

using Extra = std::vector<std::pair<std::string, std::string>>;

bool fits(const Extra& before, std::string_view key, std::string_view value) {
  return !key.empty() && key.size() <= 32 && key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos &&
         std::ranges::find(kStable, key) == std::end(kStable) &&
         std::ranges::find(before, key, [](const auto& e) { return std::string_view(e.first); }) == before.end() && value.size() <= kMostString &&
         is_json_value(value);
}

}  // namespace

std::string encode(const Event& e) {
  std::int64_t time = e.time_ns;
  if (time == 0) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    time = now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  }
  std::string out{kVersion, static_cast<char>(e.kind), static_cast<char>(e.decision)};
  put(out, static_cast<std::uint64_t>(e.pid), 8);
  put(out, static_cast<std::uint64_t>(time), 8);
  for (const auto* s : {&e.object, &e.rule, &e.exe, &e.hint}) put(out, cut(*s));
  Extra written;
  for (const auto& [key, value] : e.extra) {
    if (!fits(written, key, value) || out.size() + 4 + key.size() + value.size() > kMostEventBytes) continue;
    put(out, key);
    put(out, value);
    written.emplace_back(key, value);
  }
  return out;
}

Result<Event> decode(std::string_view bytes) {
  const auto bad = [](const char* why) { return refused(std::string("a packet is no event: ") + why, "the sender is to be ended"); };
  if (bytes.size() > kMostEventBytes) return bad("too long");
  Bytes in(bytes);
  if (in.number(1) != kVersion) return bad("not this version");
  Event e;
  const auto kind = in.number(1), decision = in.number(1);
  if (kind > static_cast<std::uint64_t>(EventKind::exit) || decision > static_cast<std::uint64_t>(Decision::denied))
    return bad("unknown kind or decision");
  e.kind = static_cast<EventKind>(kind);
  e.decision = static_cast<Decision>(decision);
  e.pid = static_cast<std::int64_t>(in.number(8));
  e.time_ns = static_cast<std::int64_t>(in.number(8));
  for (auto* s : {&e.object, &e.rule, &e.exe, &e.hint}) {
    *s = in.string();
    if (s->size() > kMostString) return bad("a string is too long");
  }
  while (in.ok && !in.done()) {
    std::string key = in.string(), value = in.string();
    if (in.ok && !fits(e.extra, key, value)) return bad("a key or value that has no place in the stream");
    e.extra.emplace_back(std::move(key), std::move(value));
  }
  if (!in.ok) return bad("cut short");
  return e;
}

}  // namespace cordon
