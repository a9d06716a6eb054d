// SPDX-License-Identifier: Apache-2.0
// What PID 1 does inside the sandbox's network namespace: loopback; for egress the listeners, and sockets to reach the command's
// servers.
#pragma once
#include <cstdint>

#include "base/fd.hpp"

namespace cordon::launch {

/// 0, or -errno. By raw calls.
[[nodiscard]] long loopback_up();

/// A TCP listener on 127.0.0.1 of the own network namespace. On failure none, and errno.
[[nodiscard]] Fd listen_inside(std::uint16_t port);

/// Answers one request of egress: a byte 4 or 6, for which it gets a fresh TCP socket of that family, made in this namespace.
/// False once the peer is gone.
bool serve_dial(int channel);

}  // namespace cordon::launch
