// SPDX-License-Identifier: Apache-2.0
// The sockets that net.route names.
#pragma once
#include <expected>
#include <string>

#include "base/fd.hpp"

namespace cordon::egress {

/// From now on this process serves a sandbox: routes are canonical, and a link that lies on one is the command's trap. Said once, at the start.
void follow_no_links();
/// A handle (O_PATH) of the socket at `path`; errno(3) where there is none. Who connects by the handle meets what was looked at.
[[nodiscard]] std::expected<Fd, int> find_socket(const std::string& path);

}  // namespace cordon::egress
