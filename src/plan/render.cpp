// SPDX-License-Identifier: Apache-2.0
#include <cordon/events.hpp>
#include <cordon/plan.hpp>

#include <algorithm>
#include <string_view>

namespace cordon {
namespace {

const char* name(MountKind k) {
  switch (k) {
    case MountKind::tmpfs: return "tmpfs";
    case MountKind::bind_rw: return "bind_rw";
    case MountKind::bind_ro: return "bind_ro";
    case MountKind::mask_dir: return "mask_dir";
    case MountKind::mask_file: return "mask_file";
    case MountKind::hole_dir: return "hole_dir";
    case MountKind::skeleton: return "skeleton";
    case MountKind::symlink: return "symlink";
    case MountKind::hold_link: return "hold_link";
    case MountKind::empty_dir: return "empty_dir";
    case MountKind::empty_file: return "empty_file";
    case MountKind::dev: return "dev";
    case MountKind::proc: return "proc";
  }
  return "?";
}
const char* name(Tier t) { return t == Tier::namespaces ? "namespaces" : t == Tier::landlock ? "landlock" : "any"; }
const char* name(NetMode m) { return m == NetMode::none ? "none" : m == NetMode::filtered ? "filtered" : "host"; }
const char* flag(bool b) { return b ? "true" : "false"; }

template <class List, class Each>
std::string array(const List& list, Each each) {
  std::string s = "[";
  for (const auto& e : list) s += (s.size() > 1 ? "," : "") + each(e);
  return s + "]";
}
std::string octal(std::uint32_t mode) {
  std::string s;
  for (int shift = 9; shift >= 0; shift -= 3) s += static_cast<char>('0' + ((mode >> shift) & 7));
  return s;
}

}  // namespace

namespace {

// What a kind of mount means for the command.
const char* meaning(MountKind k) {
  switch (k) {
    case MountKind::bind_rw: return "writable";
    case MountKind::bind_ro: return "read-only";
    case MountKind::mask_dir:
    case MountKind::mask_file: return "hidden";
    case MountKind::hole_dir: return "hidden but for";
    case MountKind::skeleton: return "shown in part";
    case MountKind::symlink: return "link";
    case MountKind::hold_link: return "link, held";
    case MountKind::empty_dir: return "held absent";
    case MountKind::empty_file: return "held empty";
    case MountKind::tmpfs: return "private";
    case MountKind::dev:
    case MountKind::proc: return "own";
  }
  return "?";
}

void line(std::string& s, std::string_view what, const std::string& object, const std::string& why) {
  s += "  " + std::string(what);
  s.append(what.size() < 16 ? 16 - what.size() : 1, ' ');
  s += printable(object);
  if (!why.empty()) {
    s.append(object.size() < 44 ? 44 - object.size() : 0, ' ');
    s += "  # " + printable(why);
  }
  s += '\n';
}

void network(std::string& s, const Egress& e, const std::optional<WayOut>& out) {
  s += "\nNetwork: no other host is reached\n";
  for (const Rule& r : e.net.allow) line(s, "allowed", r.text, r.origin.text());
  for (const Rule& r : e.net.deny) line(s, "denied", r.text, r.origin.text());
  if (out) {
    line(s, "upstream", out->upstream.empty() ? "none" : out->upstream,
         out->upstream.empty() ? "targets are dialled from here" : "targets are reached through this proxy");
    for (const std::string& host : out->direct) line(s, "past it", host, "NO_PROXY");
    if (!out->warning.empty()) line(s, "unusable", out->warning, "");
  }
  for (const auto& [host, to] : e.net.route) line(s, "route", host, "to " + to);
  for (const std::uint16_t port : e.net.listen) line(s, "served", "127.0.0.1:" + std::to_string(port), "of the host: the same port inside");
  if (!e.net.sni_check) line(s, "not checked", "what a tunnel carries", "net.sni_check = false");
  if (e.net.private_addresses) line(s, "allowed", "private addresses behind allowed names", "net.private_addresses = true");
}

}  // namespace

std::string render_text(const Plan& p, const std::optional<WayOut>& out) {
  std::string s;
  line(s, "command", p.executable, "");
  line(s, "in", p.cwd, "");
  line(s, "project", p.project, "");
  line(s, "tier", name(p.tier), "");
  line(s, "network", name(p.net), p.egress.enabled ? "through the egress proxy, which decides by host" : "");

  if (p.egress.enabled) network(s, p.egress, out);

  s += "\nFiles: all others can be read and not written\n";
  for (const auto& m : p.mounts)
    if (m.kind != MountKind::symlink) line(s, meaning(m.kind), m.target, m.why + (m.noexec ? ", noexec" : ""));
  if (p.tier == Tier::landlock)
    for (const auto& r : p.landlock)
      if ((r.access & 2) != 0) line(s, "writable", r.path, "");
  const auto inside = std::count_if(p.landlock.begin(), p.landlock.end(), [](const LandlockRule& r) { return r.in_stage; });
  line(s, "Landlock",
       std::to_string(p.landlock.size()) + " rules hold the same again (" + std::to_string(inside) + " for private places); see --json", "");

  s += "\nPrograms\n";
  line(s, "executable", p.restrict_exec ? "only what exec.allow names" : "all that can be read, but for what is hidden", "");
  if (p.nested_namespaces) line(s, "may make", "user namespaces of its own", "");

  line(s, "traps of git", p.traps == Traps::quarantine ? "set aside at the end, in repositories made inside" : "reported at the end", "");

  if (!p.rlimits.empty() || p.limits.wall || p.limits.output) s += "\nLimits\n";
  if (p.limits.wall) line(s, "wall", std::to_string(p.limits.wall->count()) + " ms", "");
  if (p.limits.output) line(s, "output", std::to_string(*p.limits.output) + " bytes", "");
  if (p.limits.memory) line(s, "memory", std::to_string(*p.limits.memory) + " bytes", "of all processes together");
  if (p.limits.cpu) line(s, "cpu", std::to_string(p.limits.cpu->count()) + " ms", "of all processes together");
  if (p.limits.processes) line(s, "processes", std::to_string(*p.limits.processes), "all together");
  for (const auto& r : p.rlimits) line(s, r.name, std::to_string(r.value), "of each process");

  s += "\nEnvironment\n";
  for (const auto& e : p.environment) line(s, "", e, "");
  if (!p.weaker.empty()) s += "\nWeaker than it could be\n";
  for (const auto& w : p.weaker) s += "  " + printable(w) + "\n";
  return s;
}

std::string render_json(const Plan& p, const std::optional<WayOut>& out) {
  const auto text = [](const std::string& s) { return json_string(s); };
  std::string s = "{\"tier\":" + json_string(name(p.tier)) + ",\"net\":" + json_string(name(p.net)) + ",\"project\":" + json_string(p.project) +
                  ",\"home\":" + json_string(p.home) + ",\"cwd\":" + json_string(p.cwd) + ",\"executable\":" + json_string(p.executable) +
                  ",\"argv\":" + array(p.argv, text) + ",\"environment\":" + array(p.environment, text);
  s += ",\"placeholders\":" + array(p.placeholders, [](const Placeholder& h) {
         return "{\"path\":" + json_string(h.path) + ",\"file\":" + flag(h.file) + ",\"why\":" + json_string(h.why) + "}";
       });
  s += ",\"mounts\":" + array(p.mounts, [](const Mount& m) {
         return "{\"kind\":" + json_string(name(m.kind)) + ",\"target\":" + json_string(m.target) + ",\"source\":" + json_string(m.source) +
                ",\"mode\":" + json_string(octal(m.mode)) + ",\"noexec\":" + flag(m.noexec) + ",\"make_target\":" + flag(m.make_target) +
                ",\"is_dir\":" + flag(m.is_dir) + ",\"optional\":" + flag(m.optional) + ",\"why\":" + json_string(m.why) + "}";
       });
  s += ",\"landlock\":{\"fs\":" + std::to_string(p.landlock_fs) + ",\"net\":" + std::to_string(p.landlock_net) +
       ",\"scoped\":" + std::to_string(p.landlock_scoped) +
       ",\"connect_ports\":" + array(p.landlock_connect_ports, [](std::uint16_t n) { return std::to_string(n); }) + ",\"rules\":" +
       array(p.landlock,
             [](const LandlockRule& r) {
               return "{\"path\":" + json_string(r.path) + ",\"access\":" + std::to_string(r.access) + ",\"in_stage\":" + flag(r.in_stage) + "}";
             }) +
       "}";
  s += ",\"rlimits\":" +
       array(p.rlimits, [](const Rlimit& r) { return "{\"name\":" + json_string(r.name) + ",\"value\":" + std::to_string(r.value) + "}"; });
  if (p.egress.enabled) {
    const NetPolicy& net = p.egress.net;
    const auto rule = [](const Rule& r) { return "{\"rule\":" + json_string(r.text) + ",\"from\":" + json_string(r.origin.text()) + "}"; };
    s += ",\"egress\":{\"on_host\":" + std::string(flag(p.egress.on_host)) + ",\"allow\":" + array(net.allow, rule) +
         ",\"deny\":" + array(net.deny, rule);
    if (out) s += ",\"upstream\":" + json_string(out->upstream.empty() ? "direct" : out->upstream) + ",\"no_proxy\":" + array(out->direct, text);
    s += ",\"route\":{";
    for (const auto& [host, to] : net.route) s += (s.ends_with('{') ? "" : ",") + json_string(host) + ":" + json_string(to);
    s += "},\"listen\":" + array(net.listen, [](std::uint16_t n) { return std::to_string(n); }) + ",\"sni_check\":" + flag(net.sni_check) +
         ",\"private_addresses\":" + flag(net.private_addresses) + "}";
  }
  s += std::string(",\"traps\":") + (p.traps == Traps::quarantine ? "\"quarantine\"" : "\"report\"") +
       ",\"trap_roots\":" + array(p.trap_roots, text) + ",\"trap_spared\":" + json_string(p.trap_spared);
  s += std::string(",\"cgroup\":") + json_string(p.cgroup_dir) + ",\"pid_limit\":" + std::to_string(p.pid_limit) +
       ",\"restrict_exec\":" + flag(p.restrict_exec) + ",\"nested_namespaces\":" + flag(p.nested_namespaces) +
       ",\"new_session\":" + flag(p.new_session) + ",\"tty\":" + json_string(p.tty) + ",\"git_dir\":" + json_string(p.git_dir) +
       ",\"git_absent\":" + flag(p.git_absent) + ",\"mechanisms\":" + array(p.mechanisms, text) + ",\"weaker\":" + array(p.weaker, text) + "}";
  return s;
}

}  // namespace cordon
