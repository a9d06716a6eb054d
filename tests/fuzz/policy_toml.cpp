// SPDX-License-Identifier: Apache-2.0
#include "policy.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { return read_and_write(text(data, size), "fuzz.toml"); }
