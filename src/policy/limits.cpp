// SPDX-License-Identifier: Apache-2.0
#include <cordon/events.hpp>
#include <cordon/policy.hpp>

#include <array>
#include <charconv>

#include "policy/nearest.hpp"

namespace cordon {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

template <std::size_t N>
Result<std::uint64_t> number(std::string_view text, const std::array<Unit, N>& units, const char* example) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& u : units)
    if (error == std::errc{} && rest == u.name && n <= (1ULL << 62) / u.factor) return n * u.factor;
  return refused("'" + printable(text) + "' is not a limit", std::string("write it as ") + example);
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  static constexpr std::array<Unit, 5> units{{{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
  const auto n = number(text, units, "90s, 10m or 2h");
  if (!n) return std::unexpected(n.error());
  if (*n > 1000ULL * 3600 * 24 * 3650) return refused("'" + printable(text) + "' is longer than ten years", "write a shorter time");
  return std::chrono::milliseconds(*n);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::array<Unit, 9> units{{{"", 1},
                                              {"B", 1},
                                              {"KiB", 1ULL << 10},
                                              {"MiB", 1ULL << 20},
                                              {"GiB", 1ULL << 30},
                                              {"TiB", 1ULL << 40},
                                              {"KB", 1000},
                                              {"MB", 1'000'000},
                                              {"GB", 1'000'000'000}}};
  return number(text, units, "64MiB or 2GiB");
}

Result<void> set_limit(Limits& limits, std::string_view name_value) {
  const auto eq = name_value.find('=');
  const std::string_view name = name_value.substr(0, eq), value = eq == std::string_view::npos ? "" : name_value.substr(eq + 1);
  static const std::vector<std::string_view> names{"wall", "cpu", "memory", "processes", "open-files", "file-size", "output"};
  if (eq == std::string_view::npos && std::ranges::find(names, name) != names.end())
    return refused("the limit " + std::string(name) + " has no value", "write " + std::string(name) + "=VALUE");
  const auto with = [&](auto parsed, auto& to) -> Result<void> {
    if (!parsed) return refused("limit " + std::string(name) + ": " + parsed.error().what, parsed.error().remedy);
    if (*parsed == std::decay_t<decltype(*parsed)>{})
      return refused("limit " + std::string(name) + " is 0", "write what the command may use, or leave it out");
    to = *parsed;
    return {};
  };
  const auto count = [&]() -> Result<std::uint64_t> {
    static constexpr std::array<Unit, 1> plain{{{"", 1}}};
    return number(value, plain, "a whole number");
  };
  if (name == "wall") return with(parse_duration(value), limits.wall);
  if (name == "cpu") return with(parse_duration(value), limits.cpu);
  if (name == "memory") return with(parse_size(value), limits.memory);
  if (name == "file-size") return with(parse_size(value), limits.file_size);
  if (name == "output") return with(parse_size(value), limits.output);
  if (name == "processes") return with(count(), limits.processes);
  if (name == "open-files") return with(count(), limits.open_files);
  return refused("there is no limit '" + printable(name) + "'",
                 "did you mean '" + std::string(policy::nearest(name, names)) +
                     "'? the limits are wall, cpu, memory, processes, open-files, file-size and output");
}

}  // namespace cordon
