// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

namespace cordon::policy {
/// SHA-256 (FIPS 180-4) in 64 hexadecimal digits. Ours, because a start must not pay for a cryptographic library.
[[nodiscard]] std::string sha256(std::string_view text);
}  // namespace cordon::policy
