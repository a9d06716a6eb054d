// SPDX-License-Identifier: Apache-2.0
#include <cordon/events.hpp>

#include <cstdio>
#include <memory>

#include "cli/cli.hpp"
#include "egress/upstream_config.hpp"

namespace cordon::cli {
namespace {

struct ExplainOptions {
  PolicyOptions policy;
  std::string path, exec, host;
  bool json = false;
  std::vector<std::string> command;
};

int explain_one(const Policy& policy, const HostFacts& facts, const std::string& path,
                std::initializer_list<std::pair<Operation, const char*>> operations, bool json) {
  std::string text, object = "{";
  bool allowed = true;
  for (const auto& [operation, word] : operations) {
    const auto v = explain_path(policy, facts, path, operation);
    if (!v) return fail(v.error());
    allowed = allowed && v->allowed;
    const std::string rule = v->rule.text.empty() ? "default" : v->rule.text + " (" + v->rule.origin.text() + ")";
    text += std::string(word) + " " + printable(v->path) + ": " + (v->allowed ? "allowed" : "denied") + " by " + printable(rule) +
            (v->inside ? " (the sandbox's own, not the host's)" : "") + (v->hint.empty() ? "" : "; allow with " + printable(v->hint)) + "\n";
    object += (object.size() > 1 ? "," : "") + std::string("\"") + word + "\":{\"allowed\":" + (v->allowed ? "true" : "false") +
              ",\"path\":" + json_string(v->path) + ",\"rule\":" + json_string(rule) + (v->inside ? ",\"inside\":true" : "") +
              (v->hint.empty() ? "" : ",\"hint\":" + json_string(v->hint)) + "}";
  }
  std::fputs(json ? (object + "}\n").c_str() : text.c_str(), stdout);
  return allowed ? 0 : 1;
}

// As egress reads it. What `run` refuses, a `required` proxy that nobody names, is refused here, too.
Result<WayOut> way_out(const Egress& e) {
  egress::Environment environment;
  for (const std::string& v : e.upstream) environment[v.substr(0, v.find('='))] = v.substr(v.find('=') + 1);
  const auto chosen = egress::choose_upstream(e.net.upstream, environment);
  if (!chosen) return std::unexpected(chosen.error());
  const auto* proxy = chosen->config.proxy();
  return WayOut{proxy ? proxy->text() : "", chosen->config.past_proxy(), chosen->warning};
}

int explain(const ExplainOptions& o) {
  auto policy = o.policy.make();
  if (!policy) return fail(policy.error());
  if (!o.command.empty() && !(o.path + o.exec + o.host).empty())
    return fail({ErrorKind::refused, "a path, program or host and the command '" + printable(o.command[0]) + "' are two questions",
                 "ask one at a time", 0, 125});
  if (!o.host.empty()) return explain_host(policy->net, o.host, o.json);
  Request req = request(o.policy, o.command);
  req.probe_namespaces = policy->require != Tier::namespaces;
  const auto facts = read_host_facts(req);
  if (!facts) return fail(facts.error());
  if (!o.path.empty()) return explain_one(*policy, *facts, o.path, {{Operation::read, "read"}, {Operation::write, "write"}}, o.json);
  if (!o.exec.empty()) return explain_one(*policy, *facts, o.exec, {{Operation::exec, "exec"}}, o.json);
  if (o.command.empty()) return fail({ErrorKind::refused, "nothing to explain", "name -- COMMAND, --path P, --exec P or --host H", 0, 125});
  const auto plan = make_plan(*policy, req, *facts);
  if (!plan) return fail(plan.error());
  std::optional<WayOut> out;
  if (plan->egress.enabled) {
    auto found = way_out(plan->egress);
    if (!found) return fail(found.error());
    out = std::move(*found);
  }
  std::fputs((o.json ? render_json(*plan, out) : render_text(*plan, out)).c_str(), stdout);
  return 0;
}

}  // namespace

void add_explain(CLI::App& app, int& status) {
  auto* sub = app.add_subcommand(
      "explain", "the plan for a command, or the decision for a path, program or host; runs nothing; exits with 1 if what was asked is denied");
  auto o = std::make_shared<ExplainOptions>();
  o->policy.add_to(*sub);
  auto* path = sub->add_option("--path", o->path, "may it be read and written? by which rule?")->check(kValue);
  auto* exec = sub->add_option("--exec", o->exec, "may it be executed? by which rule? a name is looked up in PATH")->check(kValue)->excludes(path);
  sub->add_option("--host", o->host, "may it be connected to? by which rule? HOST[:PORT], port 443 without")
      ->type_name("HOST[:PORT]")
      ->check(kValue)
      ->excludes(path)
      ->excludes(exec);
  sub->add_flag("--json", o->json, "as JSON");
  sub->add_option("command", o->command, "COMMAND [ARG...]");
  sub->positionals_at_end();
  sub->callback([o, &status] { status = explain(*o); });
}

}  // namespace cordon::cli
