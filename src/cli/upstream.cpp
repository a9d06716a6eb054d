// SPDX-License-Identifier: Apache-2.0
// What `cordon doctor` says of the upstream proxy: cordon-egress reads the environment and tries it, by its own dialler.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.hpp"
#include "cli/cli.hpp"
#include "launch/egress_program.hpp"

extern char** environ;

namespace cordon::cli {

UpstreamHealth upstream_health() {
  const auto program = launch::find_egress();
  if (!program) return {false, "cannot be tried: " + program.error().sentence()};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {false, "cannot be tried: no descriptor left"};
  const Fd from(ends[0]);
  Fd to(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to.get(), 1);
  char name[] = "cordon-egress", word[] = "probe-upstream";
  char* argv[] = {name, word, nullptr};
  pid_t child = 0;
  const int error = posix_spawn(&child, program->c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  to.reset();
  if (error != 0) return {false, std::string("cannot be tried: cordon-egress cannot be started: ") + std::strerror(error)};
  std::string line;
  char bytes[512];
  for (ssize_t n; (n = read(from.get(), bytes, sizeof bytes)) > 0;) line.append(bytes, static_cast<std::size_t>(n));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  while (line.ends_with('\n')) line.pop_back();
  return {WIFEXITED(status) && WEXITSTATUS(status) == 0, line};
}

}  // namespace cordon::cli
