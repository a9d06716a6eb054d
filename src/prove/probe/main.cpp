// SPDX-License-Identifier: Apache-2.0
#include "prove/probe/probe.hpp"

int main(int argc, char** argv) {
  using namespace cordon::probe;
  const Args args(argv + (argc > 1 ? 2 : 1), argv + argc);
  setvbuf(stdout, nullptr, _IOLBF, 0);
  for (const auto commands : {call_commands(), file_commands(), process_commands(), socket_commands(), kernel_commands(), self_commands()})
    for (const Command& c : commands) {
      if (argc < 2) std::printf("%s %s\n", c.name, c.usage);
      else if (args.size() >= c.least && std::strcmp(c.name, argv[1]) == 0) return c.run(args);
    }
  if (argc >= 2) std::fprintf(stderr, "cordon-probe: no '%s' with these arguments\n", argv[1]);
  return 2;
}
