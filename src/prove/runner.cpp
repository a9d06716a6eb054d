// SPDX-License-Identifier: Apache-2.0
#include "prove/runner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "base/fd.hpp"

namespace cordon::prove {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
constexpr auto kMost = std::chrono::seconds(25);
constexpr const char* kBegan = "cordon-prove: began";

// A control that fails may have met a busy machine: it is tried again with so many times the patience, and the attack has as much.
constexpr int kPatience[] = {1, 4, 8};

// What host scripts and attacks may call.
constexpr const char* kPrelude = R"(set -u
wait_for() { n=0; while [ ! -e "$1" ]; do n=$((n+1)); [ $n -gt $((150 * PATIENCE)) ] && return 1; sleep 0.02; done; }
)";
constexpr const char* kHostPrelude = R"(
shown() { grep -qaF -e "$CANARY" "$HOST/output"; }
alive() { case $(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null) in '' | Z | X) return 1 ;; esac; }
copied() { grep -rqasF -D skip -e "$CANARY" "$PROJECT"; }
)";

using Environment = std::map<std::string, std::string>;

std::string random_text() {
  std::ifstream in("/dev/urandom", std::ios::binary);
  std::string text;
  for (int i = 0; i < 16; ++i) {
    char hex[3];
    std::snprintf(hex, sizeof hex, "%02x", static_cast<unsigned>(in.get()) & 0xff);
    text += hex;
  }
  return text;
}

// Starts a program in the project directory; `output` receives what it prints, or is empty.
pid_t start(const std::vector<std::string>& argv, const Environment& env, const std::string& output) {
  const pid_t child = fork();
  if (child != 0) return child;
  setpgid(0, 0);
  signal(SIGTTOU, SIG_DFL);
  const Fd null(open("/dev/null", O_RDWR));
  const Fd out(open(output.empty() ? "/dev/null" : output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  dup2(null.get(), 0);
  dup2(out.get(), 1);
  dup2(out.get(), 2);
  std::vector<std::string> text;
  std::vector<char*> args, vars;
  for (const auto& [k, v] : env) text.push_back(k + "=" + v);
  for (auto& t : text) vars.push_back(t.data());
  for (const auto& a : argv) args.push_back(const_cast<char*>(a.c_str()));
  args.push_back(nullptr);
  vars.push_back(nullptr);
  if (chdir(env.at("PROJECT").c_str()) != 0) _exit(127);
  execvpe(args[0], args.data(), vars.data());
  _exit(127);
}

// The status of wait(2); -1 when it had to be ended.
int finish(pid_t child, Clock::time_point until) {
  for (int status = 0, pause = 200;; pause = std::min(pause * 2, 5000)) {
    const pid_t got = waitpid(child, &status, WNOHANG);
    if (got == child) return status;
    if (got < 0 && errno != EINTR) return -1;
    if (Clock::now() > until) {
      kill(-child, SIGKILL);
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return -1;
    }
    usleep(static_cast<useconds_t>(pause));
  }
}

// This process adopts whatever its children leave (PR_SET_CHILD_SUBREAPER); end it all.
void end_descendants() {
  for (;;) {
    std::ifstream in("/proc/thread-self/children");
    const std::vector<int> children(std::istream_iterator<int>(in), {});
    if (children.empty()) return;
    for (int c : children) kill(c, SIGKILL);
    for (int c : children) waitpid(c, nullptr, 0);
  }
}

class Scratch {
 public:
  Scratch(const Settings& s) : keep_(s.keep) {
    std::string form = s.scratch + "/cordon-prove.XXXXXX";
    if (mkdtemp(form.data())) root_ = form;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    if (root_.empty()) return;
    if (keep_) {
      std::fprintf(stderr, "kept %s\n", root_.c_str());
      return;
    }
    std::error_code e;
    if (fs::remove_all(root_, e); !e) return;
    for (auto at = fs::recursive_directory_iterator(root_, fs::directory_options::skip_permission_denied, e); at != fs::end(at); at.increment(e))
      if (at->is_directory(e) && !at->is_symlink(e)) {
        fs::permissions(at->path(), fs::perms::owner_all, fs::perm_options::add, e);
      }
    fs::remove_all(root_, e);
  }
  [[nodiscard]] const std::string& root() const { return root_; }

 private:
  std::string root_;
  bool keep_;
};

struct Attempt {
  bool got_through = false;
  std::string trouble;  // why it could not be tried
};

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string last_line(const std::string& text) {
  std::istringstream in(text);
  std::string last;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) last = line;
  return last;
}

Environment environment(const Settings& s, const std::string& root) {
  Environment env;
  for (char** e = environ; *e; ++e)
    if (const char* equals = std::strchr(*e, '=')) env[std::string(*e, static_cast<std::size_t>(equals - *e))] = equals + 1;
  for (const char* name :
       {"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "GIT_DIR", "GIT_CONFIG_GLOBAL", "ENV", "BASH_ENV"})
    env.erase(name);
  env["HOME"] = root + "/home";
  env["PROJECT"] = env["PWD"] = root + "/home/project";
  env["HOST"] = root + "/host";
  env["PROBE"] = root + "/home/.probe";
  env["CORDON"] = s.cordon;
  env["CANARY"] = random_text();
  env["GIT_CONFIG_NOSYSTEM"] = "1";
  env["LC_ALL"] = "C";
  return env;
}

Attempt attempt(const Case& c, const Settings& s, bool sandboxed, int patience) {
  const Scratch scratch(s);
  if (scratch.root().empty()) return {false, "no directory can be made in " + s.scratch};
  Environment env = environment(s, scratch.root());
  env["PATIENCE"] = std::to_string(patience);
  std::error_code e;
  fs::create_directories(env.at("PROJECT"), e);
  fs::create_directories(env.at("HOST"), e);
  if (!fs::copy_file(s.probe, env.at("PROBE"), e)) return {false, "the probe cannot be copied: " + e.message()};
  const std::string output = env.at("HOST") + "/output", host_prelude = std::string(kPrelude) + kHostPrelude;
  const auto host_script = [&](const std::string& text) {
    return start({"/bin/sh", "-c", host_prelude + text, "prove"}, env, env.at("HOST") + "/log");
  };
  const auto until = Clock::now() + patience * kMost;
  if (!c.setup.empty())
    if (const int status = finish(host_script("set -e\n" + c.setup), until); status != 0) {
      Attempt a{false, "its setup failed: " + last_line(slurp(env.at("HOST") + "/log"))};
      end_descendants();
      return a;
    }
  std::vector<std::string> command = {"/bin/sh", "-c", host_prelude + c.launch, "prove"};
  if (sandboxed) {
    command.insert(command.end(), {s.cordon, "run", "--quiet", "--project", env.at("PROJECT")});
    for (const char* name : {"HOME", "PROJECT", "PROBE", "HOST", "PATIENCE"}) command.insert(command.end(), {"--env", name});
    command.insert(command.end(), s.options.begin(), s.options.end());
    command.insert(command.end(), c.options.begin(), c.options.end());
    command.emplace_back("--");
  } else {  // only the sandbox may take CANARY out of the environment, and the environment's own attacks look for it
    command.insert(command.end(), {"/usr/bin/env"});
  }
  command.insert(command.end(), {"/bin/sh", "-c", std::string(kPrelude) + "echo '" + kBegan + "'\n" + c.attack, "attack"});
  const pid_t attack = start(command, env, output);
  const pid_t host = c.host.empty() ? 0 : host_script(c.host);
  const int status = finish(attack, until);
  if (host > 0) finish(host, std::min(until, Clock::now() + patience * std::chrono::seconds(4)));
  Attempt a;
  const std::string printed = slurp(output);
  if (printed.find(kBegan) == std::string::npos) {
    a.trouble = "it was not started: " + (status == -1 ? "it did not end" : last_line(printed));
  } else {
    const int verdict = finish(host_script(c.escaped), Clock::now() + patience * std::chrono::seconds(10));
    a.got_through = verdict == 0;
    if (verdict == -1) a.trouble = "its check did not end";
  }
  end_descendants();
  return a;
}

Outcome try_case(const Case& c, const Settings& s) {
  for (const std::string& need : c.needs) {
    const std::string test = need == "root"             ? "[ $(id -u) -eq 0 ]"
                             : need == "user"           ? "[ $(id -u) -ne 0 ]"
                             : need == "x86_64"         ? "[ $(uname -m) = x86_64 ]"
                             : need.starts_with("can:") ? "'" + s.probe + "' can " + need.substr(4)
                                                        : "command -v " + need;
    if (finish(start({"/bin/sh", "-c", test}, {{"PROJECT", "/"}, {"PATH", std::getenv("PATH") ? std::getenv("PATH") : "/usr/bin:/bin"}}, ""),
               Clock::now() + std::chrono::seconds(5)) != 0)
      return {Verdict::untried, "this host has no " + (need.starts_with("can:") ? need.substr(4) : need)};
  }
  Attempt control;
  int patience = 0;
  for (const int p : kPatience) {
    control = attempt(c, s, false, patience = p);
    if (control.got_through) break;
  }
  if (!control.trouble.empty()) return {Verdict::untried, control.trouble};
  if (!control.got_through) return {Verdict::unproven, "it fails without a sandbox as well"};
  const Attempt a = attempt(c, s, true, patience);
  if (!a.trouble.empty()) return {Verdict::untried, a.trouble};
  if (!a.got_through) return {Verdict::holds, ""};
  if (!c.weaker.empty()) return {Verdict::weaker, c.weaker};
  if (s.landlock && !c.landlock.empty()) return {Verdict::weaker, c.landlock};
  return {Verdict::escaped, c.contained};
}

}  // namespace

Result<std::string> tier_in_force(const Settings& s) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return impossible("cannot make a pipe", errno, "close descriptors");
  Fd reader(ends[0]), writer(ends[1]);
  std::vector<std::string> argv = {s.cordon, "run", "--events", "-", "--project", s.scratch};
  argv.insert(argv.end(), s.options.begin(), s.options.end());
  argv.insert(argv.end(), {"--", "/bin/sh", "-c", ":"});
  const pid_t child = fork();
  if (child == 0) {
    dup2(writer.get(), 2);
    std::vector<char*> args;
    for (auto& a : argv) args.push_back(a.data());
    args.push_back(nullptr);
    execv(args[0], args.data());
    _exit(127);
  }
  writer.reset();
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(reader.get(), buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
  waitpid(child, nullptr, 0);
  for (const char* tier : {"namespaces", "landlock"})
    if (text.find("\"tier\":\"" + std::string(tier) + "\"") != std::string::npos) return tier;
  return refused("no sandbox can be built: " + last_line(text), "see `cordon doctor`");
}

void run_cases(const std::vector<Case>& cases, const Settings& s, const std::function<void(const Case&, const Outcome&)>& done) {
  struct Running {
    std::size_t index;
    pid_t pid;
    Fd answer;
  };
  std::vector<Running> running;
  std::size_t next = 0;
  const auto begin = [&] {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    Fd reader(ends[0]), writer(ends[1]);
    const pid_t parent = getpid(), child = fork();
    if (child == 0) {
      prctl(PR_SET_CHILD_SUBREAPER, 1);
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      if (getppid() != parent) _exit(1);
      const Outcome o = try_case(cases[next], s);
      const std::string text = std::to_string(static_cast<int>(o.verdict)) + o.why;
      [[maybe_unused]] const ssize_t n = write(writer.get(), text.data(), text.size());
      _exit(0);
    }
    running.push_back({next, child, std::move(reader)});
    ++next;
  };
  while (next < cases.size() || !running.empty()) {
    while (next < cases.size() && running.size() < s.jobs) begin();
    std::vector<pollfd> fds;
    for (const auto& r : running) fds.push_back({r.answer.get(), POLLIN, 0});
    if (poll(fds.data(), fds.size(), -1) < 0) continue;
    for (std::size_t i = running.size(); i-- > 0;) {
      if (fds[i].revents == 0) continue;
      char text[4096];
      const ssize_t n = read(running[i].answer.get(), text, sizeof text);
      waitpid(running[i].pid, nullptr, 0);
      Outcome o{Verdict::untried, "its process ended early"};
      if (n > 0) o = {static_cast<Verdict>(text[0] - '0'), std::string(text + 1, static_cast<std::size_t>(n - 1))};
      done(cases[running[i].index], o);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
}

}  // namespace cordon::prove
