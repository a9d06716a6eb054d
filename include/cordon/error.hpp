// SPDX-License-Identifier: Apache-2.0
// Why a call of Cordon failed, as data that reads as one sentence.
//
//   auto policy = cordon::load_policy("cordon.toml");
//   if (!policy) std::cerr << policy.error().sentence() << '\n';
#pragma once
#include <expected>
#include <string>

namespace cordon [[gnu::visibility("default")]] {

/// Three kinds that are never mixed: the user can act; this host lacks something; Cordon is wrong.
enum class ErrorKind { refused, impossible, bug };

struct Error {
  ErrorKind kind = ErrorKind::refused;
  std::string what;       ///< the failure, naming the input or object: "policy.toml:3:1: unknown key 'fss'"
  std::string remedy;     ///< what to do about it; may be empty
  int errno_value = 0;    ///< errno(3) of the failing call, 0 where none
  int exit_status = 125;  ///< what `cordon run` exits with (125, 126 or 127)

  /// "what: strerror; remedy", printable, without a newline.
  [[nodiscard]] std::string sentence() const;
};

template <class T>
using Result = std::expected<T, Error>;

/// Shorthands, so that a failing line reads as one.
[[nodiscard]] std::unexpected<Error> refused(std::string what, std::string remedy = {}, int exit_status = 125);
[[nodiscard]] std::unexpected<Error> impossible(std::string what, int errno_value, std::string remedy);

}  // namespace cordon
