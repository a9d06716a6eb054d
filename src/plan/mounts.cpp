// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "plan/parts.hpp"

namespace cordon::plan {
namespace {

// More names than this are not bound one by one.
constexpr std::size_t kSkeletonEntries = 256;

// At one target the later kind lies on top.
int rank(const Mount& m) {
  switch (m.kind) {
    case MountKind::tmpfs:
    case MountKind::dev:
    case MountKind::proc: return 0;
    case MountKind::skeleton: return 1;
    case MountKind::bind_rw: return 2;
    case MountKind::bind_ro: return m.make_target ? 1 : 3;
    default: return 4;
  }
}
bool is_bind(const Mount& m) { return m.kind == MountKind::bind_rw || m.kind == MountKind::bind_ro || m.kind == MountKind::symlink; }

std::string said(const Rule& rule) { return rule.text + " (" + rule.origin.text() + ")"; }

std::size_t depth(std::string_view path) { return path == "/" ? 0 : static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')); }

struct Builder {
  const Context& c;
  const Programs& programs;
  Plan& plan;
  std::vector<Mount> items;
  PathMap<std::vector<std::size_t>> at;  // items by target
  PathSet writable;                      // roots of writable trees
  PathSet private_places, held, told;
  PathSet denied_below, open_below;  // ancestors of read-denied paths, of readable exceptions

  bool can(const std::string& path, Operation op) const { return c.paths.may(path, op); }

  Mount& put(MountKind kind, const std::string& target, std::string why) {
    auto& here = at[target];
    for (const auto i : here)
      if (items[i].kind == kind) return items[i];
    Mount m{kind, target, {}, 0755, false, false, true, false, std::move(why)};
    if (kind == MountKind::bind_ro || kind == MountKind::bind_rw) {
      m.source = target;
      m.is_dir = c.view.is_dir(target);
    }
    if (kind == MountKind::mask_file || kind == MountKind::hold_link || kind == MountKind::empty_file) m.is_dir = false;
    m.noexec = plan.restrict_exec && !programs.decide(target).allowed;
    here.push_back(items.size());
    items.push_back(std::move(m));
    return items.back();
  }
  bool has(MountKind kind, const std::string& target) const {
    const auto here = at.find(target);
    return here != at.end() && std::any_of(here->second.begin(), here->second.end(), [&](std::size_t i) { return items[i].kind == kind; });
  }
  Mount& private_place(const std::string& path, std::uint32_t mode, const char* why) {
    Mount& m = put(MountKind::tmpfs, path, why);
    m.mode = mode;
    private_places.insert(path);
    return m;
  }
  // The nearest of `places` that `path` lies in, itself included; empty where there is none.
  static std::string_view in_any(const PathSet& places, std::string_view path) {
    for (;; path = above(path)) {
      if (places.contains(path)) return path;
      if (path == "/") return {};
    }
  }
  // The outermost writable tree: a writable tree may lie in another.
  std::string_view tree_of(std::string_view path) const {
    std::string_view tree = in_any(writable, path);
    for (std::string_view up = tree; !up.empty() && up != "/";) {
      up = in_any(writable, above(up));
      if (!up.empty()) tree = up;
    }
    return tree;
  }

  void index() {
    const auto ancestors = [](PathSet& set, std::string_view path) {
      while (path != "/") {
        path = above(path);
        if (set.contains(path)) return;
        set.emplace(path);
      }
    };
    for (const auto& r : c.paths.rules()) {
      if (r.kind == RuleKind::deny_read) ancestors(denied_below, r.path);
      if (!is_deny(r.kind) && !r.link && r.readable) ancestors(open_below, r.path);
    }
  }

  void base() {
    for (const auto& [path, mode] : {std::pair{"/tmp", 01777U}, {"/var/tmp", 01777U}, {"/run", 0755U}})
      if (c.view.is_dir(path)) private_place(path, mode, "private");
    if (strictly_within(c.facts.runtime_dir, "/run") && c.view.is_dir("/run")) private_place(c.facts.runtime_dir, 0700, "private").make_target = true;
    put(MountKind::dev, "/dev", "minimal devices");
    put(MountKind::proc, "/proc", "own processes");
    for (const char* path : {"/sys/firmware", "/sys/kernel/debug", "/sys/kernel/security", "/sys/kernel/tracing", "/sys/fs/bpf", "/sys/class/net",
                             "/sys/devices/virtual/net"})
      if (c.view.is_dir(path)) put(MountKind::mask_dir, path, "host information");
    if (!c.facts.home.empty() && c.facts.home != "/")
      for (const char* name : {".cache", ".npm", ".cargo/registry", ".cargo/git", ".pnpm-store", "go/pkg"}) {
        const std::string path = join(c.facts.home, name);
        if (c.view.is_dir(path) && canonical(c.view, path) == path && !can(path, Operation::write) && can(path, Operation::read))
          private_place(path, 0755, "private cache");
      }
  }

  // Shows a path of the host that a private mount would hide. Where secrets lie below, only what is none is bound, name by name:
  // a private place is granted as a whole by Landlock, so a mask that the host could pull away would be the only wall.
  void reveal(const std::string& path, const std::string& why) {
    if (!c.view.exists(path) || !can(path, Operation::read) || in_any(private_places, path).empty()) return;
    if (!in_any(writable, path).empty()) return;
    if (denied_below.contains(path) && c.view.is_dir(path)) {
      const auto entries = c.view.list(path);
      if (entries.size() <= kSkeletonEntries) return skeleton(path, why, entries);
      plan.weaker.push_back(path + " has too many entries to be shown one by one in a private place: what is denied in it is masked only");
    }
    Mount& m = put(MountKind::bind_ro, path, why);
    m.make_target = true;
    m.optional = true;
    if (const std::string place(in_any(private_places, path)); m.is_dir && told.insert(place).second)
      plan.weaker.push_back("directories of the host are shown in the private " + place + ": a FIFO of the host in them can be written");
  }
  void skeleton(const std::string& path, const std::string& why, const std::vector<Entry>& entries) {
    put(MountKind::skeleton, path, why).make_target = true;
    for (const auto& e : entries) {
      const std::string child = join(path, e.name);
      if (!can(child, Operation::read) || private_places.contains(child)) continue;
      switch (e.kind) {
        case FileKind::symlink:
          if (const auto text = c.view.readlink(child)) put(MountKind::symlink, child, why).source = *text;
          break;
        case FileKind::file:
        case FileKind::directory: reveal(child, why); break;
        default: put(MountKind::mask_file, child, "a socket or FIFO of the host");
      }
    }
  }

  Result<void> allowed() {
    for (const auto& r : c.paths.rules()) {
      if (r.link || r.kind != RuleKind::allow_write || !r.writable) continue;
      if (r.path == "/") return refused("'/' cannot be made writable as a whole", "name the directories to write");
      if (within(r.path, "/proc") || (within(r.path, "/dev") && !strictly_within(r.path, "/dev/shm"))) continue;
      if (!c.view.exists(r.path)) {
        plan.weaker.push_back("the writable path " + r.path + " does not exist: not writable");
        continue;
      }
      put(MountKind::bind_rw, r.path, said(r.rule));
      writable.insert(r.path);
    }
    // Only a rule opens a private place as a whole.
    const auto show = [&](const std::string& path, const char* why) {
      if (!path.empty() && path != "/" && !private_places.contains(path)) reveal(path, why);
    };
    show(c.facts.home, "home");
    show(c.facts.cwd, "working directory");
    if (!plan.executable.empty()) {
      const std::string program = canonical(c.view, plan.executable), directory = parent_of(program);
      show(private_places.contains(directory) ? program : directory, "the command");
    }
    for (const auto& r : c.paths.rules())
      if (r.kind == RuleKind::allow_read && !r.link && r.path != "/") reveal(r.path, said(r.rule));
    return {};
  }

  // A rename of a directory takes what is mounted below it along, a rename of a mount point fails.
  void hold_parents(const std::string& path, std::string_view tree, const std::string& why) {
    for (std::string up = parent_of(path); strictly_within(up, tree) && held.insert(up).second; up = parent_of(up))
      if (can(up, Operation::write)) put(MountKind::bind_rw, up, "held in place for " + why);
  }

  // A writable place within another: what is on the way to it stays, or the next run would follow what was put there.
  void hold_writable() {
    for (const auto& r : c.paths.rules())
      if (r.kind == RuleKind::allow_write && !r.link && writable.contains(r.path)) hold_parents(r.path, tree_of(r.path), said(r.rule));
  }

  void write_denied() {
    PathSet placed;
    for (const auto& r : c.paths.rules()) {
      if (!is_deny(r.kind)) continue;
      const std::string_view tree = tree_of(r.path);
      if (tree.empty() || (!r.link && r.writable)) continue;
      std::string protect = r.path;
      if (r.link) {
        put(MountKind::hold_link, protect, said(r.rule));
      } else if (!c.view.exists(protect)) {
        while (parent_of(protect) != "/" && !c.view.exists(parent_of(protect))) protect = parent_of(protect);
        if (!c.view.is_dir(parent_of(protect))) {
          protect = parent_of(protect);  // while it is a file, nothing can lie below it
          if (can(protect, Operation::write)) put(MountKind::bind_rw, protect, "held in place for " + said(r.rule));
        } else {
          const bool file = r.file && protect == r.path;
          if (placed.insert(protect).second) plan.placeholders.push_back({protect, said(r.rule), file});
          put(file ? MountKind::empty_file : MountKind::empty_dir, protect, said(r.rule));
        }
      } else if (can(protect, Operation::read)) {
        put(MountKind::bind_ro, protect, said(r.rule));
      }
      hold_parents(protect, tree, said(r.rule));
    }
  }

  void read_denied() {
    for (const auto& r : c.paths.rules()) {
      if (r.kind != RuleKind::deny_read || r.link || r.readable) continue;
      const FileKind kind = c.view.kind(r.path);
      if (kind == FileKind::absent) continue;
      if (kind != FileKind::directory) put(MountKind::mask_file, r.path, said(r.rule));
      else if (open_below.contains(r.path)) put(MountKind::hole_dir, r.path, said(r.rule)).mode = 0111;
      else put(MountKind::mask_dir, r.path, said(r.rule));
      if (const std::string tree(tree_of(r.path)); !tree.empty())
        plan.weaker.push_back(r.path + " lies in the writable " + tree +
                              ": it is masked, and a file that the host puts in its place while the command runs is not");
    }
    for (const auto& a : c.paths.rules()) {
      if ((a.kind != RuleKind::allow_read && a.kind != RuleKind::allow_write) || a.link || !a.readable || !c.view.exists(a.path)) continue;
      std::string hole = parent_of(a.path);
      while (hole != "/" && !has(MountKind::hole_dir, hole)) hole = parent_of(hole);
      if (hole == "/") continue;
      if (!a.writable) {
        Mount& m = put(MountKind::bind_ro, a.path, said(a.rule));
        m.make_target = m.optional = true;
      }
      // The directories between can be passed and not listed, as the hole itself.
      for (std::string up = parent_of(a.path); up != hole; up = parent_of(up)) {
        if (can(up, Operation::read)) continue;
        Mount& between = put(MountKind::hole_dir, up, said(a.rule));
        between.mode = 0111;
        between.make_target = true;
      }
    }
  }

  void exec_denied() {
    for (const auto& p : programs.denied)
      if (c.view.exists(p.path)) put(c.view.is_dir(p.path) ? MountKind::mask_dir : MountKind::mask_file, p.path, "exec: " + said(p.rule));
  }

  // Under an allow-list the whole tree is noexec, but for the programs and the places of shared libraries.
  void exec_allowed() {
    if (!plan.restrict_exec) return;
    const auto open = [&](const std::string& path, const std::string& why) {
      if (!c.view.exists(path) || !can(path, Operation::read)) return;
      const bool write = can(path, Operation::write);
      Mount& m = put(write ? MountKind::bind_rw : MountKind::bind_ro, path, why);
      m.noexec = m.make_target = false;
      if (write) plan.weaker.push_back(path + " may be written and executed: rule '" + why + "'");
    };
    for (const auto& p : programs.allowed)
      if (programs.decide(p.path).allowed) open(p.path, said(p.rule));
    for (const auto& dir : library_directories(c, programs)) open(dir, "shared libraries");
  }

  // Shorter targets first: then a mount never hides one that was made before it. What would lie in a mask is dropped.
  void order() {
    std::vector<std::tuple<std::size_t, std::string_view, int, std::size_t>> sorted;  // the last: its place in `items`
    for (std::size_t i = 0; i < items.size(); ++i) sorted.emplace_back(depth(items[i].target), items[i].target, rank(items[i]), i);
    std::ranges::sort(sorted);
    std::unordered_map<std::string_view, std::size_t> done;  // the last mount at each target
    std::unordered_set<std::string_view> bound;
    for (const auto& m : items)
      if (m.kind == MountKind::bind_rw) bound.insert(m.target);
    for (const auto& place : sorted) {
      Mount& m = items[std::get<3>(place)];
      const Mount* cover = nullptr;
      for (std::string_view up = m.target; !cover; up = above(up)) {
        if (const auto i = done.find(up); i != done.end()) cover = &plan.mounts[i->second];
        if (up == "/") break;
      }
      const bool revealed = m.kind == MountKind::bind_ro && m.make_target;
      if (revealed && bound.contains(m.target)) continue;
      if (!cover) {
        if (revealed || m.kind == MountKind::symlink || m.kind == MountKind::skeleton) continue;
      } else {
        const bool same = cover->target == m.target;
        switch (cover->kind) {
          case MountKind::mask_dir:
          case MountKind::mask_file:
          case MountKind::empty_dir:
          case MountKind::empty_file:
          case MountKind::proc:
          case MountKind::symlink: continue;
          case MountKind::hold_link: continue;
          case MountKind::bind_ro:
          case MountKind::bind_rw:
            if (revealed || m.kind == MountKind::symlink) continue;
            break;
          case MountKind::dev:
            if (!is_bind(m) || !strictly_within(m.target, "/dev/shm")) continue;
            m.make_target = true;
            break;
          case MountKind::skeleton: m.make_target = m.make_target || !same; break;
          case MountKind::tmpfs:
          case MountKind::hole_dir:
            if (same) {
              if (!is_bind(m) && m.kind == MountKind::tmpfs) continue;
              break;
            }
            // The host's file is not there; a hole in a hole is made, for a directory on its way could be listed.
            if (!is_bind(m) && !m.make_target && m.kind != MountKind::hole_dir) continue;
            m.make_target = true;
            break;
        }
      }
      done[m.target] = plan.mounts.size();
      plan.mounts.push_back(m);
    }
  }
};

}  // namespace

Result<void> add_mounts(const Context& c, const Programs& programs, Plan& plan) {
  Builder b{c, programs, plan, {}, {}, {}, {}, {}, {}, {}, {}};
  b.index();
  b.base();
  if (auto r = b.allowed(); !r) return r;
  b.hold_writable();
  b.write_denied();
  b.read_denied();
  b.exec_denied();
  b.exec_allowed();
  b.order();
  std::unordered_set<std::string> mounted;
  for (const auto& m : plan.mounts)
    if (m.kind == MountKind::empty_dir || m.kind == MountKind::empty_file) mounted.insert(m.target);
  std::erase_if(plan.placeholders, [&](const Placeholder& p) { return !mounted.contains(p.path); });
  return {};
}

}  // namespace cordon::plan
