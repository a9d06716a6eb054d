// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "plan/host_view.hpp"

namespace cordon::plan {
/// What node loads first, so that its own fetch asks the proxy: beside this program, or in the libexec directory beside its own; or empty.
[[nodiscard]] std::string node_preload(const HostView&);
}  // namespace cordon::plan
