// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cordon::launch {

/// Gives back what was allocated and freed, and unmaps the pages of this program's code and constants from this process: what it still needs
/// is mapped again when it is touched, from the page cache. Making a policy and a plan takes 3 MiB of code, waiting for a command takes a tenth.
void shed_memory();

/// Milliseconds that a command runs before it pays off.
inline constexpr int kUntilShed = 100;

}  // namespace cordon::launch
