// SPDX-License-Identifier: Apache-2.0
// The known escapes, tried on this host under the user's policy.
#include <cordon/events.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>

#include "base/fd.hpp"
#include "cli/cli.hpp"
#include "prove/runner.hpp"

namespace cordon::cli {
namespace {

namespace fs = std::filesystem;
using prove::Case;
using prove::Outcome;
using prove::Verdict;

struct ProveOptions {
  PolicyOptions policy;
  std::string cases, scratch;
  std::vector<std::string> only;
  unsigned jobs = 0;
  bool verbose = false, keep = false;
};

// In an installed tree, or in a build tree.
std::string beside(const char* installed, const char* built) {
  std::error_code e;
  const fs::path here = fs::read_symlink("/proc/self/exe", e).parent_path();
  for (const fs::path& p : {here / ".." / installed, here / built})
    if (fs::exists(p, e)) return fs::canonical(p, e);
  return (here / built).string();
}

std::string scratch_directory() {
  const char* home = std::getenv("HOME");
  for (const fs::path& p : {fs::path(home ? home : "/nonexistent") / ".cache", fs::path(home ? home : "/nonexistent"), fs::path("/var/tmp")})
    if (access(p.c_str(), W_OK | X_OK) == 0) return fs::canonical(p);
  return "/tmp";
}

// A file that is gone at the end of its scope.
class Temporary {
 public:
  Temporary() = default;
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  Result<std::string> write(const std::string& directory, const std::string& text) {
    std::string form = directory + "/cordon-prove-policy.XXXXXX";
    const Fd fd(mkstemp(form.data()));
    if (!fd) return impossible("cannot write the policy into " + printable(directory), errno, "name a directory that you may write with --scratch");
    path_ = form;
    if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      return impossible("cannot write the policy into " + printable(directory), ENOSPC, "name a directory with room in it with --scratch");
    return path_;
  }

 private:
  std::string path_;
};

// The words that stand for the policy, for every `cordon run`.
std::vector<std::string> policy_words(const PolicyOptions& o) {
  std::vector<std::string> words;
  const auto one = [&](const char* option, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  };
  std::error_code e;
  one("--policy", o.policy.empty() ? "" : fs::absolute(o.policy, e).string());
  one("--mode", o.mode);
  one("--net", o.net);
  one("--require", o.require);
  const auto all = [&](const char* option, const std::vector<std::string>& values) {
    for (const auto& v : values) one(option, v);
  };
  all("--allow-write", o.allow_write);
  all("--deny-write", o.deny_write);
  all("--allow-read", o.allow_read);
  all("--deny-read", o.deny_read);
  all("--allow-host", o.allow_host);
  all("--deny-host", o.deny_host);
  all("--allow-exec", o.allow_exec);
  all("--deny-exec", o.deny_exec);
  all("--limit", o.limit);
  all("--env", o.env);
  return words;
}

const char* word(Verdict v) {
  switch (v) {
    case Verdict::holds: return "holds";
    case Verdict::escaped: return "ESCAPED";
    case Verdict::weaker: return "WEAKER";
    case Verdict::untried: return "untried";
    case Verdict::unproven: return "unproven";
  }
  return "";
}

int run_prove(const ProveOptions& o) {
  const auto policy = o.policy.make();
  if (!policy) return fail(policy.error());
  auto cases = prove::load_cases(o.cases.empty() ? beside("share/cordon/attacks", "attacks") : o.cases);
  if (!cases) return fail(cases.error());
  if (!o.only.empty())
    std::erase_if(*cases, [&](const Case& c) {
      return std::ranges::none_of(o.only, [&](const std::string& w) { return (c.group + "/" + c.name).find(w) != std::string::npos; });
    });
  if (cases->empty())
    return fail(refused("no attack has one of these words in its CLASS/NAME: --only " + printable(o.only.empty() ? "" : o.only[0]),
                        "`cordon prove --verbose` names them")
                    .error());
  std::error_code e;
  prove::Settings s;
  s.cordon = fs::read_symlink("/proc/self/exe", e);
  s.probe = beside("libexec/cordon/cordon-probe", "cordon-probe");
  s.scratch = o.scratch.empty() ? scratch_directory() : fs::absolute(o.scratch, e).string();
  Temporary own;
  if (o.policy.policy == "auto") {  // each attack has a project of its own, without this cordon.toml
    const auto file = own.write(s.scratch, to_toml(*policy));
    if (!file) return fail(file.error());
    s.options = {"--policy", *file};
  } else {
    s.options = policy_words(o.policy);
  }
  s.keep = o.keep;
  s.jobs = o.jobs ? o.jobs : std::max(1L, sysconf(_SC_NPROCESSORS_ONLN));
  const auto tier = prove::tier_in_force(s);
  if (!tier) return fail(tier.error());
  s.landlock = *tier == "landlock";
  std::printf("%zu known escapes against the tier `%s`, as uid %u\n", cases->size(), tier->c_str(), geteuid());
  std::fflush(stdout);

  struct Line {
    const Case* c;
    Outcome o;
  };
  std::map<std::string, std::vector<Line>> groups;
  std::map<Verdict, int> count;
  prove::run_cases(*cases, s, [&](const Case& c, const Outcome& outcome) {
    groups[c.group].push_back({&c, outcome});
    ++count[outcome.verdict];
  });
  for (auto& [group, lines] : groups) {
    std::ranges::sort(lines, {}, [](const Line& l) { return l.c->name; });
    const auto held = std::ranges::count(lines, Verdict::holds, [](const Line& l) { return l.o.verdict; });
    std::printf("%s: %td of %zu hold\n", group.c_str(), held, lines.size());
    for (const auto& [c, outcome] : lines)
      if (o.verbose || outcome.verdict != Verdict::holds)
        std::printf("  %-8s %s/%s: %s%s%s\n", word(outcome.verdict), group.c_str(), c->name.c_str(), c->title.c_str(),
                    outcome.why.empty() ? "" : "; ", printable(outcome.why).c_str());
  }
  if (count[Verdict::weaker] > 0)
    std::printf("A line WEAKER names what got through and is not promised to hold%s: see the threat model.\n",
                s.landlock ? " in the tier `landlock`" : "");
  std::printf("%d hold, %d escaped, %d weaker, %d untried, %d unproven\n", count[Verdict::holds], count[Verdict::escaped], count[Verdict::weaker],
              count[Verdict::untried], count[Verdict::unproven]);
  return count[Verdict::escaped] + count[Verdict::weaker] > 0 ? 1 : 0;
}

}  // namespace

void add_prove(CLI::App& app, int& status) {
  auto* sub = app.add_subcommand("prove", "try the known escapes on this host under this policy; status 1 if one gets through");
  auto o = std::make_shared<ProveOptions>();
  o->policy.add_to(*sub);
  sub->add_option("--cases", o->cases, "a directory with attacks (default: the installed ones)");
  sub->add_option("--scratch", o->scratch, "where directories for the attempts are made and removed (default: ~/.cache)");
  sub->add_option("--only", o->only, "only attacks whose CLASS/NAME contains this; repeatable")->allow_extra_args(false);
  sub->add_option("--jobs", o->jobs, "how many at once (default: one per processor)");
  sub->add_flag("--verbose", o->verbose, "also list what holds");
  sub->add_flag("--keep", o->keep, "do not remove the directories");
  sub->callback([o, &status] { status = run_prove(*o); });
}

}  // namespace cordon::cli
