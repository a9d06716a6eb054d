// SPDX-License-Identifier: Apache-2.0
#include <cordon/events.hpp>

#include <cstdio>
#include <memory>

#include "cli/cli.hpp"

namespace cordon::cli {
namespace {

std::string counts(const Policy& p) {
  const auto own = [](const PathRules& r) {
    std::size_t n = 0;
    for (const auto* list : {&r.allow_write, &r.deny_write, &r.allow_read, &r.deny_read})
      for (const Rule& rule : *list) n += !rule.floor;
    return n;
  };
  std::size_t paths = own(p.fs), programs = p.exec.allow.size() + p.exec.deny.size();
  for (const PathRules& also : p.fs.also) paths += own(also);
  for (const Rules& also : p.exec.also) programs += also.size();
  const auto number = [](std::size_t n, const char* word) { return std::to_string(n) + " " + word + (n == 1 ? "" : "s"); };
  return number(paths, "path rule") + ", " + number(p.net.allow.size() + p.net.deny.size(), "host rule") + ", " + number(programs, "program rule") +
         ", " + number(p.env.pass.size() + p.env.set.size(), "variable");
}

void print(const Policy& p, bool json) { std::fputs(json ? (to_json(p, true) + "\n").c_str() : to_toml(p).c_str(), stdout); }

}  // namespace

void add_policy(CLI::App& app, int& status) {
  auto* sub = app.add_subcommand("policy", "check, show, compose policies");
  sub->require_subcommand(1);
  struct Options {
    std::vector<std::string> files;
    PolicyOptions policy;
    bool json = false;
  };
  const auto o = std::make_shared<Options>();

  auto* validate = sub->add_subcommand("validate", "check policy files");
  validate->add_option("file", o->files, "TOML or JSON")->required();
  validate->callback([o, &status] {
    for (const std::string& file : o->files) {
      const auto p = load_policy(file);
      if (!p) status = fail(p.error());
      else std::printf("%s: OK: %s\n", printable(file).c_str(), counts(*p).c_str());
    }
  });

  auto* show = sub->add_subcommand("show", "the effective policy with each rule's origin");
  o->policy.add_to(*show);
  show->add_flag("--json", o->json, "as JSON");
  show->callback([o, &status] {
    const auto p = o->policy.make();
    if (p) print(*p, o->json);
    else status = fail(p.error());
  });

  auto* both = sub->add_subcommand("compose", "the meet of PARENT and CHILD: a policy file that never allows more than either");
  both->add_option("files", o->files, "PARENT CHILD")->required()->expected(2);
  both->add_flag("--json", o->json, "as JSON");
  both->callback([o, &status] {
    const auto parent = load_policy(o->files[0]);
    if (!parent) return void(status = fail(parent.error()));
    const auto child = load_policy(o->files[1]);
    if (!child) return void(status = fail(child.error()));
    const Policy p = compose(*parent, *child);
    std::fputs(o->json ? (to_json(p) + "\n").c_str() : to_toml(p).c_str(), stdout);
  });

  sub->add_subcommand("schema", "the JSON Schema of the policy file")->callback([] { std::printf("%s\n", std::string(policy_schema()).c_str()); });
}

}  // namespace cordon::cli
