// SPDX-License-Identifier: Apache-2.0
// What the kernel holds in the sockets of this process's network namespace, as sock_diag(7) tells it.
#pragma once
#include <cstdint>

namespace cordon::launch {

/// Bytes, with the kernel's own for each packet; unix, TCP and UDP sockets. 0 where the kernel does not tell.
[[nodiscard]] std::uint64_t socket_memory();

}  // namespace cordon::launch
