// SPDX-License-Identifier: Apache-2.0
// The supervisor reads events that egress sent: whatever the bytes are, the audit stream stays one JSON object a line.
#include "event/wire.hpp"

#include "check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto event = cordon::decode(text(data, size));
  if (!event) return 0;
  const std::string line = cordon::to_json(*event);
  CHECK(line.find('\n') == std::string::npos);
  CHECK(cordon::is_json_value(line));
  if (event->time_ns != 0) CHECK(cordon::encode(*event) == text(data, size));
  return 0;
}
