// SPDX-License-Identifier: Apache-2.0
// What the subcommands share: the options that make a policy.
#pragma once
#include <CLI/CLI.hpp>
#include <cordon/plan.hpp>
#include <cordon/policy.hpp>

#include <optional>
#include <string>
#include <vector>

namespace cordon::cli {

struct PolicyOptions {
  std::string policy, mode, project, net, require;
  std::vector<std::string> allow_write, deny_write, allow_read, deny_read, allow_host, deny_host, allow_exec, deny_exec, limit, env;
  void add_to(CLI::App& app);
  /// Preset or file, then the options over it.
  [[nodiscard]] Result<Policy> make() const;
  /// A sentence for each `--allow-write` that allows nothing because nothing of that name is there.
  [[nodiscard]] std::string idle() const;
};

/// An option that stands without its value swallows the next word, often `--` or another option: refused. So is an empty value.
extern const CLI::Validator kValue;

/// The request of this process: its environment and working directory.
[[nodiscard]] Request request(const PolicyOptions& options, std::vector<std::string> argv);

/// Prints the sentence on stderr; returns the exit status.
int fail(const Error& error);

struct UpstreamHealth {
  bool good = false;
  std::string text;  ///< one line, credentials masked: "proxy.corp:8080: reachable in 3 ms"
};
/// The upstream proxy that the environment names, tried; takes at most some seconds.
[[nodiscard]] UpstreamHealth upstream_health();

/// `explain --host HOST[:PORT]` (443 without a port); what a name resolves to is decided on when it is dialled. Returns the exit status: 0 allowed,
/// 1 denied.
int explain_host(const NetPolicy& net, const std::string& text, bool json);

/// What `run` needs whatever its options are begins beside the reading of them. For main() alone, and at most once.
void hasten_run();
void add_run(CLI::App& app, int& status);
void add_explain(CLI::App& app, int& status);
void add_doctor(CLI::App& app, int& status);
void add_policy(CLI::App& app, int& status);
void add_proxy(CLI::App& app, int& status);
void add_prove(CLI::App& app, int& status);

}  // namespace cordon::cli
