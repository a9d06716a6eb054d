// SPDX-License-Identifier: Apache-2.0
// Runs a command read-only and prints what it was denied:  denials COMMAND [ARG...]
#include <cordon/sandbox.hpp>

#include <iostream>

int main(int argc, char** argv) {
  auto policy = cordon::preset("plan");  // nothing can be written but a private /tmp
  if (!policy) return std::cerr << policy.error().sentence() << '\n', 125;
  policy->limits.wall = std::chrono::minutes(1);

  auto sandbox = cordon::Sandbox::start(*policy, cordon::request_of({argv + 1, argv + argc}));
  if (!sandbox) return std::cerr << sandbox.error().sentence() << '\n', 125;
  while (const auto event = sandbox->next_event())
    if (event->decision == cordon::Decision::denied)
      std::cerr << "denied " << cordon::name(event->kind) << ' ' << cordon::printable(event->object) << '\n';

  const auto status = sandbox->wait();
  if (!status) return std::cerr << status.error().sentence() << '\n', status.error().exit_status;
  return *status;
}
