// SPDX-License-Identifier: Apache-2.0
// From the tree to the model: every key of the policy file has one line in kKeys.
#include <algorithm>
#include <charconv>

#include "policy/nearest.hpp"
#include "policy/reader.hpp"
#include "policy/rules.hpp"

namespace cordon::policy {
namespace {

// Lays values over a policy. The first error is kept; what follows it is of no interest.
struct Reader {
  const std::string& name;
  Policy& p;
  std::size_t fs_layers = p.fs.also.size(), exec_layers = p.exec.also.size();  // of what is extended
  std::optional<Error> error = {};

  void say(Place place, const std::string& what, std::string remedy) {
    if (!error) error = error_at(name, place, what, std::move(remedy)).error();
  }
  void say(Place place, const Error& e) {
    if (!error) error = at({name, place.line, place.column}, e).error();
  }
  [[nodiscard]] Origin origin(const Value& v) const { return {name, v.place.line, v.place.column}; }

  const std::string* string(const Value& v) {
    const auto* s = std::get_if<std::string>(&v.v);
    if (!s) say(v.place, "a string is wanted here", "put it in quotes");
    return s;
  }
  void list(const Value& v, auto&& each) {
    const auto* a = std::get_if<Value::Array>(&v.v);
    if (!a) return say(v.place, "a list is wanted here", "put it in [ ]");
    for (const Value& e : *a) {
      if (error) return;
      each(e);
    }
  }
  void strings(const Value& v, auto&& each) {
    list(v, [&](const Value& e) {
      if (const auto* s = string(e)) each(*s, e);
    });
  }
  void map(const Value& v, auto&& each) {
    const auto* t = std::get_if<Value::Table>(&v.v);
    if (!t) return say(v.place, "a table is wanted here", "write { NAME = \"value\" }");
    for (const auto& [key, value] : *t)
      if (const auto* s = string(value); s && !error) each(key, *s, value);
  }
  void rules(const Value& v, RuleList into) {
    strings(v, [&](const std::string& s, const Value& e) {
      if (auto r = add_rule(p, into, s, origin(e), fs_layers, exec_layers); !r) error = r.error();
    });
  }
  void flag(const Value& v, bool& to) {
    if (const auto* b = std::get_if<bool>(&v.v)) to = *b;
    else say(v.place, "true or false is wanted here", "write it without quotes");
  }
  template <class T>
  void word(const Value& v, T& to, std::initializer_list<std::pair<std::string_view, T>> words) {
    const auto* s = string(v);
    if (!s) return;
    std::string known;
    for (const auto& [text, value] : words) {
      if (text == *s) return void(to = value);
      known += (known.empty() ? "" : ", ") + std::string(text);
    }
    say(v.place, "'" + s->substr(0, 100) + "' is not known here", "choose one of " + known);
  }
  void limit(const Value& v, const char* which) {
    const auto* i = std::get_if<std::int64_t>(&v.v);
    const auto* s = i ? nullptr : string(v);
    if (!i && !s) return;
    if (auto r = set_limit(p.limits, std::string(which) + "=" + (i ? std::to_string(*i) : *s)); !r) say(v.place, r.error());
  }
};

void read_listen(Reader& r, const Value& v) {
  r.list(v, [&](const Value& e) {
    const auto* port = std::get_if<std::int64_t>(&e.v);
    if (!port || *port < 1 || *port > 65535) return r.say(e.place, "a port is wanted here", "write a number from 1 to 65535");
    auto& listen = r.p.net.listen;
    if (const auto n = static_cast<std::uint16_t>(*port); std::ranges::find(listen, n) == listen.end()) listen.push_back(n);
  });
}

void read_layer(Reader& r, const Value& v, Rules PathRules::* list, bool deny) {
  r.strings(v, [&](const std::string& s, const Value& e) {
    auto rule = path_rule(s, r.origin(e), deny);
    if (rule) (r.p.fs.also.back().*list).push_back(std::move(*rule));
    else r.error = rule.error();
  });
}

struct Key {
  std::string_view name;
  void (*read)(Reader&, const Value&);
};

constexpr Key kKeys[] = {
    {"version",
     [](Reader& r, const Value& v) {
       const auto* i = std::get_if<std::int64_t>(&v.v);
       if (!i || *i != 1) r.say(v.place, "this is not version 1", "write version = 1; a later version is for a later Cordon");
     }},
    {"extends",
     [](Reader& r, const Value& v) {
       if (const auto* s = r.string(v); s && s->empty()) r.say(v.place, "extends is empty", "name a preset or a file");
     }},
    {"fs.allow_write", [](Reader& r, const Value& v) { r.rules(v, RuleList::allow_write); }},
    {"fs.deny_write", [](Reader& r, const Value& v) { r.rules(v, RuleList::deny_write); }},
    {"fs.allow_read", [](Reader& r, const Value& v) { r.rules(v, RuleList::allow_read); }},
    {"fs.deny_read", [](Reader& r, const Value& v) { r.rules(v, RuleList::deny_read); }},
    {"fs.also.allow_write", [](Reader& r, const Value& v) { read_layer(r, v, &PathRules::allow_write, false); }},
    {"fs.also.deny_write", [](Reader& r, const Value& v) { read_layer(r, v, &PathRules::deny_write, true); }},
    {"fs.also.allow_read", [](Reader& r, const Value& v) { read_layer(r, v, &PathRules::allow_read, false); }},
    {"fs.also.deny_read", [](Reader& r, const Value& v) { read_layer(r, v, &PathRules::deny_read, true); }},
    {"fs.git_config", [](Reader& r, const Value& v) { r.flag(v, r.p.fs.git_config); }},
    {"fs.traps", [](Reader& r, const Value& v) { r.word<Traps>(v, r.p.fs.traps, {{"quarantine", Traps::quarantine}, {"report", Traps::report}}); }},
    {"net.mode",
     [](Reader& r, const Value& v) {
       r.word<NetMode>(v, r.p.net.mode, {{"none", NetMode::none}, {"filtered", NetMode::filtered}, {"host", NetMode::host}});
     }},
    {"net.allow", [](Reader& r, const Value& v) { r.rules(v, RuleList::allow_host); }},
    {"net.deny", [](Reader& r, const Value& v) { r.rules(v, RuleList::deny_host); }},
    {"net.listen", read_listen},
    {"net.upstream",
     [](Reader& r, const Value& v) {
       const auto* s = r.string(v);
       if (!s) return;
       if (auto u = upstream(*s)) r.p.net.upstream = std::move(*u);
       else r.say(v.place, u.error());
     }},
    {"net.sni_check", [](Reader& r, const Value& v) { r.flag(v, r.p.net.sni_check); }},
    {"net.private_addresses", [](Reader& r, const Value& v) { r.flag(v, r.p.net.private_addresses); }},
    {"net.ca_bundle",
     [](Reader& r, const Value& v) {
       const auto* s = r.string(v);
       if (!s) return;
       if (auto ok = check_path(*s); !ok) r.say(v.place, ok.error());
       r.p.net.ca_bundle = *s;
     }},
    {"net.route",
     [](Reader& r, const Value& v) {
       r.map(v, [&](const std::string& key, const std::string& s, const Value& value) {
         if (auto pair = route(key, s)) r.p.net.route[std::move(pair->first)] = std::move(pair->second);
         else r.say(value.place, pair.error());
       });
     }},
    {"exec.allow",
     [](Reader& r, const Value& v) {
       r.p.exec.allow.clear();
       auto& also = r.p.exec.also;  // those of this file stay
       also.erase(also.begin(), also.begin() + static_cast<std::ptrdiff_t>(r.exec_layers));
       r.exec_layers = 0;
       r.rules(v, RuleList::allow_exec);
     }},
    {"exec.deny", [](Reader& r, const Value& v) { r.rules(v, RuleList::deny_exec); }},
    {"exec.also",
     [](Reader& r, const Value& v) {
       r.list(v, [&](const Value& e) {
         auto& rules = r.p.exec.also.emplace_back();
         r.strings(e, [&](const std::string& s, const Value& at) {
           auto rule = program_rule(s, r.origin(at), false);
           if (rule) rules.push_back(std::move(*rule));
           else r.error = rule.error();
         });
       });
     }},
    {"exec.nested_namespaces", [](Reader& r, const Value& v) { r.flag(v, r.p.exec.nested_namespaces); }},
    {"limits.wall", [](Reader& r, const Value& v) { r.limit(v, "wall"); }},
    {"limits.cpu", [](Reader& r, const Value& v) { r.limit(v, "cpu"); }},
    {"limits.memory", [](Reader& r, const Value& v) { r.limit(v, "memory"); }},
    {"limits.processes", [](Reader& r, const Value& v) { r.limit(v, "processes"); }},
    {"limits.open_files", [](Reader& r, const Value& v) { r.limit(v, "open-files"); }},
    {"limits.file_size", [](Reader& r, const Value& v) { r.limit(v, "file-size"); }},
    {"limits.output", [](Reader& r, const Value& v) { r.limit(v, "output"); }},
    {"env.pass", [](Reader& r, const Value& v) { r.rules(v, RuleList::pass_env); }},
    {"env.set",
     [](Reader& r, const Value& v) {
       r.map(v, [&](const std::string& key, const std::string& s, const Value& value) {
         if (auto ok = check_variable(key, s); !ok) return r.say(value.place, ok.error());
         r.p.env.set[key] = s;
       });
     }},
    {"enforce.require",
     [](Reader& r, const Value& v) {
       r.word<Tier>(v, r.p.require, {{"namespaces", Tier::namespaces}, {"landlock", Tier::landlock}, {"any", Tier::any}});
     }},
};

const Key* find_key(std::string_view name) {
  const auto* it = std::ranges::find(kKeys, name, &Key::name);
  return it == std::end(kKeys) ? nullptr : it;
}

bool is_table(std::string_view name) {
  return std::ranges::any_of(kKeys,
                             [&](const Key& k) { return k.name.size() > name.size() && k.name.starts_with(name) && k.name[name.size()] == '.'; });
}

std::string nearest_key(std::string_view name) {
  std::vector<std::string_view> known;
  for (const Key& k : kKeys) {
    known.push_back(k.name);
    for (auto dot = k.name.find('.'); dot != std::string_view::npos; dot = k.name.find('.', dot + 1)) known.push_back(k.name.substr(0, dot));
  }
  return std::string(nearest(name, known));
}

void walk(Reader& r, const Value& v, const std::string& prefix) {
  const auto* t = std::get_if<Value::Table>(&v.v);
  if (!t)
    return r.say(v.place, "a table is wanted here",
                 prefix == "fs.also." ? "write [[fs.also]]" : "write [" + prefix.substr(0, prefix.size() - 1) + "]");
  // In the order of the file, so that the first error is the first one there.
  std::vector<const Value::Table::value_type*> entries;
  for (const auto& entry : *t) entries.push_back(&entry);
  std::ranges::sort(entries, {}, [](const auto* e) { return e->second.key; });
  for (const auto* entry : entries) {
    if (r.error) return;
    const auto& [key, value] = *entry;
    const std::string full = prefix + key;
    if (const Key* known = find_key(full)) {
      known->read(r, value);
    } else if (full == "fs.also") {
      r.list(value, [&](const Value& layer) {
        add_floor(r.p.fs.also.emplace_back());
        walk(r, layer, "fs.also.");
      });
    } else if (is_table(full)) {
      walk(r, value, full + ".");
    } else {
      r.say(value.key, "unknown key '" + full.substr(0, 200) + "'", "did you mean '" + nearest_key(full) + "'?");
    }
  }
}

}  // namespace

const Value* find_extends(const Value& root) {
  const auto* t = std::get_if<Value::Table>(&root.v);
  const auto it = t ? t->find("extends") : Value::Table::const_iterator();
  return t && it != t->end() && std::holds_alternative<std::string>(it->second.v) ? &it->second : nullptr;
}

Result<void> read_policy(const Value& root, const std::string& name, Policy& policy) {
  Reader r{name, policy};
  const auto* t = std::get_if<Value::Table>(&root.v);
  if (!t) return error_at(name, root.place, "a policy is a table", "write { \"version\": 1, ... }");
  if (!t->contains("version")) return error_at(name, {1, 1}, "the version is missing", "write version = 1");
  walk(r, root, "");
  if (r.error) return std::unexpected(*r.error);
  return {};
}

std::vector<std::string_view> policy_keys() {
  std::vector<std::string_view> names;
  for (const Key& k : kKeys) names.push_back(k.name);
  return names;
}

}  // namespace cordon::policy
