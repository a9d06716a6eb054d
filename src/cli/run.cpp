// SPDX-License-Identifier: Apache-2.0
#include <cordon/events.hpp>
#include <cordon/sandbox.hpp>
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>

#include "base/fd.hpp"
#include "base/outlet.hpp"
#include "cli/cli.hpp"
#include "plan/host_view.hpp"
#include "session/control.hpp"
#include "session/run.hpp"

namespace cordon::cli {
namespace {

launch::Nursery nursery;
constexpr std::chrono::milliseconds kAfterTheWall(2000);  // for what is still to be said

struct RunOptions {
  PolicyOptions policy;
  std::string events;
  bool quiet = false, served = false;
  std::vector<std::string> command;
};

Result<Fd> open_events(const std::string& where) {
  if (where.empty() || where == "-") return Fd();
  Fd fd(open(where.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return impossible("cannot write the events to " + printable(where), errno, "name a file that you may write, or '-'");
  return fd;
}

// What was found when the command had ended: what git would have executed, or would; where nobody looked; what no pattern denied. Else empty.
std::string aftermath(const Event& e) {
  const auto text = [&](std::string_view key) {
    for (const auto& [name, value] : e.extra)
      if (name == key) return value.substr(1, value.size() - 2);  // a JSON string, so that no terminal is driven by it
    return std::string();
  };
  if (std::ranges::any_of(e.extra, [](const auto& key) { return key.first == "late"; }))
    return "cordon: " + printable(e.object) + " came to match " + printable(e.rule) + " while the command ran, which did not deny it\n";
  if (e.rule != "fs.traps" || e.kind != EventKind::file_write) return {};
  if (const std::string why = text("unswept"); !why.empty())
    return "cordon: fs.traps did not look at all of " + printable(e.object) + ": " + why + "\n";
  const std::string kept = text("set_aside");
  return "cordon: " + (kept.empty() ? "left" : std::string("set aside")) + " in " + printable(e.object) + " by fs.traps: " + text("trap") +
         (kept.empty() ? "" : "; now " + kept) + "\n";
}

// Started by the library: the policy is on descriptor 4, and what happens is told on 3 instead of standard error.
int serve(const RunOptions& o) {
  fcntl(3, F_SETFD, FD_CLOEXEC);
  fcntl(4, F_SETFD, FD_CLOEXEC);
  session::Reporter reporter(Fd(3));
  Outlet said(2);
  const auto serve_policy = [&](const Policy& policy) {
    SuperviseOptions options;
    options.policy_digest = digest(policy);
    options.on_event = [&](const Event& e) { reporter.event(e); };
    options.lifeline = reporter.lifeline();
    Request asked = request(o.policy, o.command);
    for (const std::string& file : o.policy.deny_write) asked.held.push_back({file, {"policy file", 0, 0}, false});
    return session::run(policy, asked, options, nursery, said, nullptr);
  };
  auto policy = session::read_policy(4);
  const Result<int> status = policy ? serve_policy(*policy) : std::unexpected(policy.error());
  reporter.outcome(status);
  return status ? *status : status.error().exit_status;
}

int run(const RunOptions& o) {
  auto policy = o.policy.make();
  if (!policy) return fail(policy.error());
  const auto file = open_events(o.events);
  if (!file) return fail(file.error());
  Request asked = request(o.policy, o.command);
  if (*file) asked.held.push_back({o.events, {"--events", 0, 0}, false});
  Outlet said(2), filed = *file ? Outlet(file->get()) : Outlet();
  Outlet* const events = *file ? &filed : o.events.empty() ? nullptr : &said;
  const auto complain = [&](const Error& error) { said.say("cordon: " + printable(error.sentence()) + "\n"); };
  SuperviseOptions options;
  if (events) options.policy_digest = digest(*policy);  // for the start event alone
  unsigned denials = 0;
  std::string summary, found;
  options.on_event = [&](const Event& e) {
    if (const std::string line = aftermath(e); !line.empty()) found += line;
    else if (e.decision == Decision::denied && ++denials <= 10)
      summary += "cordon: denied " + std::string(name(e.kind)) + " " + printable(e.object) + (e.rule.empty() ? "" : " by " + printable(e.rule)) +
                 (e.hint.empty() ? "" : "; allow with " + printable(e.hint)) + "\n";
    if (events) events->say(to_json(e) + "\n");
  };
  const std::string idle = o.policy.idle();  // asked before the command could make it
  const auto status = session::run(*policy, asked, options, nursery, said, events);
  if (denials > 10) summary += "cordon: and " + std::to_string(denials - 10) + " more\n";
  summary += found + idle;
  if (!o.quiet && !summary.empty()) said.say(summary);
  if (!status) complain(status.error());
  // Whoever reads slowly is waited for, as by any program; but not when the time was over.
  const auto most = status && *status == 124 ? std::optional(kAfterTheWall) : std::nullopt;
  if (events) events->drain(most);
  said.drain(most);
  if (events && events->lost() != 0) {
    complain(impossible("the events in " + printable(o.events) + " are not complete", events->lost(), "make room for them").error());
    said.drain(kAfterTheWall);
  }
  return status ? *status : status.error().exit_status;
}

}  // namespace

void hasten_run() {
  nursery.open(plan::terminal());
  // The memory of a start in one piece and at once: it would come in a hundred page faults.
  constexpr int kHeap = 448 << 10;
  mallopt(M_MMAP_THRESHOLD, 2 * kHeap);
  mallopt(M_TRIM_THRESHOLD, 4 * kHeap);
  if (void* piece = malloc(kHeap)) {
    const auto page = reinterpret_cast<std::uintptr_t>(piece) & ~std::uintptr_t{4095};
    madvise(reinterpret_cast<void*>(page), kHeap, MADV_POPULATE_WRITE);  // Linux 5.14; without, it comes as it did
    free(piece);
  }
}

void add_run(CLI::App& app, int& status) {
  auto* sub = app.add_subcommand("run", "run one command: cordon run [OPTIONS] -- COMMAND [ARG...]");
  auto o = std::make_shared<RunOptions>();
  o->policy.add_to(*sub);
  sub->add_option("--events", o->events, "the audit stream: a file, or '-' for stderr")->check(kValue);
  sub->add_flag("--quiet", o->quiet, "no summary of denials at the end");
  sub->add_option("command", o->command, "COMMAND [ARG...]")->required();
  sub->add_flag("--served", o->served)->group("");  // the library's word, not the user's
  sub->positionals_at_end();
  sub->callback([o, &status] { status = o->served ? serve(*o) : run(*o); });
}

}  // namespace cordon::cli
