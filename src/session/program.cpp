// SPDX-License-Identifier: Apache-2.0
#include "session/program.hpp"

#include <cordon/events.hpp>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef CORDON_BIN_FROM_LIB
#define CORDON_BIN_FROM_LIB "../bin"  // set by the build from the folders of the installation
#endif

namespace cordon::session {
namespace {

const char anchor = 0;  // an address in this library, or in the program that holds it

std::string directory_of(const std::string& file) {
  char whole[PATH_MAX];
  if (!realpath(file.c_str(), whole)) return {};
  const std::string path = whole;
  return path.substr(0, path.rfind('/'));
}

}  // namespace

Result<std::string> find_program(const std::string& given) {
  if (!given.empty()) return given;
  Dl_info info{};
  std::string tried;
  const std::string library = dladdr(&anchor, &info) != 0 && info.dli_fname ? directory_of(info.dli_fname) : "";
  for (const std::string& base : {library, library.empty() ? library : library + "/" CORDON_BIN_FROM_LIB, directory_of("/proc/self/exe")}) {
    if (base.empty()) continue;
    const std::string path = base + "/cordon";
    if (access(path.c_str(), X_OK) == 0) return path;
    tried += (tried.empty() ? "" : ", ") + path;
  }
  return refused("the `cordon` program was not found (tried " + printable(tried) + ")", "install it, or name it in SandboxOptions::program");
}

}  // namespace cordon::session
