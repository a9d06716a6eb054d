// SPDX-License-Identifier: Apache-2.0
// Prints the table of seccomp programs, one for each FilterChoice, as C++. Choices with the same program share it.
#include <cstdio>
#include <map>
#include <string>

#include "launch/compile_filter.hpp"

int main() {
  using namespace cordon::launch;
  std::map<std::string, unsigned> programs;
  std::string table;
  for (unsigned i = 0; i < FilterChoice::count; ++i) {
    const auto program = compile_filter(FilterChoice::at(i));
    if (!program) return std::fprintf(stderr, "%s\n", program.error().sentence().c_str()), 1;
    std::string text;
    for (const sock_filter& f : *program)
      text += "{" + std::to_string(f.code) + "," + std::to_string(f.jt) + "," + std::to_string(f.jf) + "," + std::to_string(f.k) + "},";
    const auto [at, fresh] = programs.try_emplace(text, i);
    if (fresh) std::printf("constexpr sock_filter kFilter%u[] = {%s};\n", i, text.c_str());
    table += "kFilter" + std::to_string(at->second) + ", ";
  }
  std::printf("constexpr std::span<const sock_filter> kFilters[FilterChoice::count] = {%s};\n", table.c_str());
}
