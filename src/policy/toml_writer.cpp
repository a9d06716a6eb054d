// SPDX-License-Identifier: Apache-2.0
// A policy as a TOML file for people, which reads back to the same policy.
#include <cordon/events.hpp>
#include <cordon/policy.hpp>

#include <algorithm>

namespace cordon {
namespace {

// JSON's escapes are TOML's, but for the lone surrogates that stand for bytes which are not UTF-8; no file has such a string.
std::string quoted(std::string_view s) { return json_string(s); }

std::string number(std::uint64_t n) { return std::to_string(n); }

struct Writer {
  std::string out = "version = 1\n";

  void table(const char* name) { out += std::string("\n") + name + "\n"; }
  void value(const char* key, const std::string& text) { out += std::string(key) + " = " + text + "\n"; }
  void flag(const char* key, bool b) { value(key, b ? "true" : "false"); }
  void list(const char* key, const Rules& rules) {
    const auto floor = std::ranges::count_if(rules, &Rule::floor);
    if (floor != 0) out += "# " + std::string(key) + ": the floor's " + std::to_string(floor) + " rules come first, whatever a policy says\n";
    if (std::ranges::all_of(rules, &Rule::floor)) return;
    out += std::string(key) + " = [\n";
    for (const Rule& r : rules) {
      if (r.floor) continue;
      out += "  " + quoted(r.text) + ",";
      if (const std::string from = r.origin.text(); !from.empty()) out += "  # " + printable(from);
      out += "\n";
    }
    out += "]\n";
  }
  void map(const char* key, const std::map<std::string, std::string>& entries) {
    if (entries.empty()) return;
    table(key);
    for (const auto& [name, text] : entries) value(quoted(name).c_str(), quoted(text));
  }
  void paths(const PathRules& r) {
    list("allow_write", r.allow_write);
    list("deny_write", r.deny_write);
    list("allow_read", r.allow_read);
    list("deny_read", r.deny_read);
  }
};

}  // namespace

std::string to_toml(const Policy& p) {
  static constexpr const char* modes[] = {"none", "filtered", "host"};
  static constexpr const char* tiers[] = {"any", "landlock", "namespaces"};
  Writer w;
  w.table("[fs]");
  w.paths(p.fs);
  w.flag("git_config", p.fs.git_config);
  w.value("traps", p.fs.traps == Traps::report ? "\"report\"" : "\"quarantine\"");
  for (const PathRules& also : p.fs.also) {
    w.table("[[fs.also]]  # these rules must allow, too");
    w.paths(also);
  }
  w.table("[net]");
  w.value("mode", quoted(modes[static_cast<int>(p.net.mode)]));
  w.list("allow", p.net.allow);
  w.list("deny", p.net.deny);
  if (!p.net.listen.empty()) {
    std::string ports;
    for (const auto port : p.net.listen) ports += (ports.empty() ? "" : ", ") + number(port);
    w.value("listen", "[" + ports + "]");
  }
  w.value("upstream", quoted(p.net.upstream));
  w.flag("sni_check", p.net.sni_check);
  w.flag("private_addresses", p.net.private_addresses);
  if (!p.net.ca_bundle.empty()) w.value("ca_bundle", quoted(p.net.ca_bundle));
  w.map("[net.route]", p.net.route);
  w.table("[exec]");
  w.list("allow", p.exec.allow);
  w.list("deny", p.exec.deny);
  for (const Rules& also : p.exec.also) {
    w.out += &also == &p.exec.also.front() ? "also = [  # each of these lists must allow, too\n" : "";
    w.out += "  [";
    for (const Rule& r : also) w.out += (&r == &also.front() ? "" : ", ") + quoted(r.text);
    w.out += "],\n";
    w.out += &also == &p.exec.also.back() ? "]\n" : "";
  }
  w.flag("nested_namespaces", p.exec.nested_namespaces);
  w.table("[limits]");
  const auto limit = [&](const char* key, const std::optional<std::uint64_t>& n) {
    if (n) w.value(key, number(*n));
  };
  const auto time = [&](const char* key, const std::optional<std::chrono::milliseconds>& t) {
    if (t) w.value(key, t->count() % 1000 == 0 ? "\"" + std::to_string(t->count() / 1000) + "s\"" : "\"" + std::to_string(t->count()) + "ms\"");
  };
  time("wall", p.limits.wall);
  time("cpu", p.limits.cpu);
  limit("memory", p.limits.memory);
  limit("processes", p.limits.processes);
  limit("open_files", p.limits.open_files);
  limit("file_size", p.limits.file_size);
  limit("output", p.limits.output);
  w.table("[env]");
  w.list("pass", p.env.pass);
  w.map("[env.set]", p.env.set);
  w.table("[enforce]");
  w.value("require", quoted(tiers[static_cast<int>(p.require)]));
  return w.out;
}

}  // namespace cordon
