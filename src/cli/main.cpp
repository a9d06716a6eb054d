// SPDX-License-Identifier: Apache-2.0
#include <cordon/events.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "cli/cli.hpp"

namespace {

// What the parser did not understand, by name: it says only how many words were left, or that some other is missing.
std::string sentence(const CLI::App& app, const CLI::Error& error) {
  const CLI::App* at = &app;
  std::string name = app.get_name();
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front(), name += " " + at->get_name();
  std::vector<std::string> rest = app.remaining(true);
  std::erase(rest, "--");
  std::string what = error.what();
  if (!rest.empty()) {
    const bool option = rest[0].starts_with('-'), command = !at->get_subcommands([](const CLI::App*) { return true; }).empty();
    what = std::string(option ? "unknown option" : command ? "unknown command" : "unexpected argument") + " '" + rest[0] + "'";
  }
  return what + "; see `" + name + " --help`";
}

}  // namespace

int main(int argc, char** argv) {
  // A closed standard stream would be filled by the next open(2), and the command would write into it.
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
  const bool run = argc > 1 && std::string_view(argv[1]) == "run";
  if (run) cordon::cli::hasten_run();
  CLI::App app{"Runs a command under a policy that the kernel enforces.", "cordon"};
  app.set_version_flag("--version", "cordon " CORDON_VERSION);
  app.require_subcommand(1);
  int status = 0;
  cordon::cli::add_run(app, status);
  if (!run) {  // a start does not wait for the options of the others
    cordon::cli::add_explain(app, status);
    cordon::cli::add_doctor(app, status);
    cordon::cli::add_policy(app, status);
    cordon::cli::add_proxy(app, status);
    cordon::cli::add_prove(app, status);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::Error& e) {
    std::fprintf(stderr, "cordon: %s\n", cordon::printable(sentence(app, e)).c_str());
    return 125;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "cordon: %s\n", cordon::printable(e.what()).c_str());
    return 125;
  }
  std::exit(status);  // nothing is gained by taking the options apart
}
