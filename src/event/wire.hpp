// SPDX-License-Identifier: Apache-2.0
// An event as bytes, for the way from egress to the supervisor in one SOCK_SEQPACKET packet.
//
//   send(channel, "E" + encode(event));
//   if (auto event = decode(packet.substr(1))) sink.write(*event);
//
// Egress reads hostile bytes, so its packets are hostile too: decode accepts only what keeps the audit stream well formed.
// Whether this kind of event may come from this sender is for the receiver to check.
#pragma once
#include <cordon/error.hpp>
#include <cordon/events.hpp>

namespace cordon {

/// The most bytes that encode gives, and that decode takes.
inline constexpr std::size_t kMostEventBytes = 60 * 1024;

/// Strings longer than 8 KiB are cut and end in "..."; keys of `extra` that do not fit, are no key or have no JSON value are
/// left out. A time of 0 becomes now.
[[nodiscard]] std::string encode(const Event& event);

/// Errors: not the encoding of one event; a key of `extra` that is not [a-z_]{1,32}, is one of the stable keys or comes twice; a
/// value that is not one JSON value on one line.
[[nodiscard]] Result<Event> decode(std::string_view bytes);

/// One JSON value (RFC 8259) without line breaks, at most 8 levels deep.
[[nodiscard]] bool is_json_value(std::string_view text);

}  // namespace cordon
