// SPDX-License-Identifier: Apache-2.0
#include <cordon/error.hpp>

#include <cerrno>
#include <cstring>

namespace cordon {

std::string Error::sentence() const {
  std::string s = what;
  if (errno_value != 0) s += std::string(": ") + std::strerror(errno_value);
  if (!remedy.empty()) s += "; " + remedy;
  if (kind == ErrorKind::bug) s += " (this is a bug in cordon)";
  return s;
}

std::unexpected<Error> refused(std::string what, std::string remedy, int exit_status) {
  return std::unexpected(Error{ErrorKind::refused, std::move(what), std::move(remedy), 0, exit_status});
}

std::unexpected<Error> impossible(std::string what, int errno_value, std::string remedy) {
  // One remedy for every call that wants a descriptor, whatever else it may fail for.
  // Also one that passes descriptors: as many as the limit may be on their way, of all processes of the user (unix(7)).
  if (errno_value == EMFILE || errno_value == ETOOMANYREFS) remedy = "close descriptors, or raise `ulimit -n`";
  if (errno_value == ENFILE) remedy = "raise fs.file-max: the whole host is short of descriptors";
  return std::unexpected(Error{ErrorKind::impossible, std::move(what), std::move(remedy), errno_value, 125});
}

}  // namespace cordon
