// SPDX-License-Identifier: Apache-2.0
#include <cordon/events.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "cli/cli.hpp"

extern char** environ;

namespace cordon::cli {

const CLI::Validator kValue(
    [](const std::string& value) -> std::string {
      if (value.empty()) return "its value is empty; write one, or leave the option out";
      if (value == "--") return "its value is missing before '--'";
      if (value.starts_with("--"))
        return "its value is missing before '" + printable(value) + "'; a file of that name is './" + printable(value) + "'";
      return {};
    },
    "");

void PolicyOptions::add_to(CLI::App& app) {
  app.add_option("--policy", policy, "a TOML or JSON policy; 'auto': the project's cordon.toml, which can only narrow")->check(kValue);
  app.add_option("--mode", mode, "preset: plan, safe (default) or auto")->check(kValue);
  app.add_option("--project", project, "the project directory (default: the working directory)")->check(kValue);
  app.add_option("--net", net, "none, filtered or host")->check(kValue);
  app.add_option("--require", require, "the least tier to accept: namespaces, landlock or any")->check(kValue);
  const auto list = [&](const char* name, std::vector<std::string>& to, const char* help) {
    app.add_option(name, to, help)->allow_extra_args(false)->check(kValue);
  };
  list("--allow-write", allow_write, "a path the command may write");
  list("--deny-write", deny_write, "a path it may not write");
  list("--allow-read", allow_read, "a path it may read although a longer-lying rule denies");
  list("--deny-read", deny_read, "a path it may not read");
  list("--allow-host", allow_host, "HOST[:PORT] it may reach");
  list("--deny-host", deny_host, "HOST[:PORT] it may not reach");
  list("--allow-exec", allow_exec, "a program it may execute; the first one turns 'everything' off");
  list("--deny-exec", deny_exec, "a program it may not execute");
  list("--limit", limit, "NAME=VALUE: wall, cpu, memory, processes, open-files, file-size, output");
  list("--env", env, "NAME[=VALUE] to pass or set");
}

namespace {

template <class T>
Result<void> word(const char* option, const std::string& text, T& to, std::initializer_list<std::pair<std::string_view, T>> words) {
  if (text.empty()) return {};
  std::string known;
  for (const auto& [name, value] : words) {
    if (name == text) {
      to = value;
      return {};
    }
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  return refused(std::string(option) + ": '" + printable(text) + "' is not known", "choose one of " + known);
}

}  // namespace

Result<Policy> PolicyOptions::make() const {
  const bool projects_own = policy == "auto";
  const std::string base_name = mode.empty() ? "safe" : mode;
  if (!policy.empty() && !projects_own) {
    if (!mode.empty())
      return refused("--mode " + printable(mode) + " and --policy " + printable(policy) + " name two policies",
                     "leave one out; a file names the preset below it with extends = \"" + printable(mode) + "\"");
    const auto presets = preset_names();
    if (std::ranges::find(presets, policy) != presets.end() && access(policy.c_str(), F_OK) != 0)
      return refused("there is no policy file '" + policy + "'", "the preset of that name is --mode " + policy);
  }
  const std::string file = projects_own && !project.empty() ? project + "/cordon.toml" : projects_own ? "cordon.toml" : policy;
  if (projects_own && access(file.c_str(), F_OK) != 0 && errno == ENOENT)
    return refused("--policy auto: there is no " + printable(file), "write one, or leave the option out");
  Result<Policy> p = file.empty() ? preset(base_name) : load_policy(file);
  if (!p) return p;
  if (projects_own) {  // the command can write cordon.toml: it may narrow the preset, not widen it
    const auto base = preset(base_name);
    if (!base) return base;
    *p = compose(*base, *p);
  }
  const std::pair<const char*, std::pair<RuleList, const std::vector<std::string>*>> lists[] = {
      {"--allow-write", {RuleList::allow_write, &allow_write}}, {"--deny-write", {RuleList::deny_write, &deny_write}},
      {"--allow-read", {RuleList::allow_read, &allow_read}},    {"--deny-read", {RuleList::deny_read, &deny_read}},
      {"--allow-host", {RuleList::allow_host, &allow_host}},    {"--deny-host", {RuleList::deny_host, &deny_host}},
      {"--allow-exec", {RuleList::allow_exec, &allow_exec}},    {"--deny-exec", {RuleList::deny_exec, &deny_exec}}};
  if (!allow_exec.empty()) {  // naming programs turns "everything" off
    std::erase_if(p->exec.allow, [](const Rule& r) { return r.text == "*"; });
  }
  for (const auto& [option, list] : lists)
    for (const std::string& text : *list.second)
      if (auto r = add_rule(*p, list.first, text, {option, 0, 0}); !r) return std::unexpected(r.error());
  if (auto r = word<NetMode>("--net", net, p->net.mode, {{"none", NetMode::none}, {"filtered", NetMode::filtered}, {"host", NetMode::host}}); !r)
    return std::unexpected(r.error());
  if (auto r = word<Tier>("--require", require, p->require, {{"namespaces", Tier::namespaces}, {"landlock", Tier::landlock}, {"any", Tier::any}}); !r)
    return std::unexpected(r.error());
  for (const std::string& l : limit)
    if (auto r = set_limit(p->limits, l); !r) return refused("--limit: " + r.error().what, r.error().remedy);
  for (const std::string& e : env)
    if (auto r = add_environment(*p, e, {"--env", 0, 0}); !r) return std::unexpected(r.error());
  return p;
}

std::string PolicyOptions::idle() const {
  std::string sentences;
  for (const std::string& text : allow_write) {
    const char* home = std::getenv("HOME");
    std::string path = text;
    if (home && (text == "~" || text.starts_with("~/"))) path = home + text.substr(1);
    else if (!text.starts_with('/') && !project.empty()) path = project + "/" + text;
    if (access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
      sentences += "cordon: --allow-write " + printable(text) + " allows nothing: it does not exist; make it first\n";
  }
  return sentences;
}

Request request(const PolicyOptions& options, std::vector<std::string> argv) {
  Request r;
  r.argv = std::move(argv);
  r.project = options.project;
  r.project_explicit = !options.project.empty();
  for (char** e = environ; *e; ++e) r.environment.emplace_back(*e);
  return r;
}

int fail(const Error& error) {
  std::fprintf(stderr, "cordon: %s\n", printable(error.sentence()).c_str());
  return error.exit_status;
}

}  // namespace cordon::cli
