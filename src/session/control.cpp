// SPDX-License-Identifier: Apache-2.0
#include "session/control.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <cstring>

#include "event/wire.hpp"

namespace cordon::session {
namespace {

// 'X', then these, then "what NUL remedy" of the error. Both ends are of one version and one machine.
struct Head {
  std::int32_t failed, status, kind, errno_value;
  std::uint64_t events_lost;
};

}  // namespace

std::string encode_outcome(const Outcome& o) {
  Head head{};
  head.events_lost = o.events_lost;
  std::string text;
  if (o.status) {
    head.status = *o.status;
  } else {
    const Error& e = o.status.error();
    head.failed = 1;
    head.status = e.exit_status;
    head.kind = static_cast<std::int32_t>(e.kind);
    head.errno_value = e.errno_value;
    text = e.what.substr(0, 8192) + '\0' + e.remedy.substr(0, 8192);
  }
  std::string packet(1 + sizeof head, 'X');
  std::memcpy(packet.data() + 1, &head, sizeof head);
  return packet + text;
}

Result<std::variant<Event, Outcome>> decode_packet(std::string_view packet) {
  if (packet.starts_with('E')) {
    auto event = decode(packet.substr(1));
    if (!event) return std::unexpected(event.error());
    return std::move(*event);
  }
  Head head{};
  if (!packet.starts_with('X') || packet.size() < 1 + sizeof head)
    return refused("the supervisor speaks another language", "use the `cordon` program of this library");
  std::memcpy(&head, packet.data() + 1, sizeof head);
  Outcome o{head.status, head.events_lost};
  if (head.failed != 0) {
    const std::string_view text = packet.substr(1 + sizeof head);
    const auto end = text.find('\0');
    if (end == std::string_view::npos || head.kind < 0 || head.kind > static_cast<int>(ErrorKind::bug))
      return refused("the supervisor's outcome is malformed");
    o.status = std::unexpected(
        Error{static_cast<ErrorKind>(head.kind), std::string(text.substr(0, end)), std::string(text.substr(end + 1)), head.errno_value, head.status});
  }
  return o;
}

Reporter::Reporter(Fd control) : control_(std::move(control)) {
  const timeval second{1, 0};
  setsockopt(control_.get(), SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
}

void Reporter::event(const Event& e) {
  const std::string packet = "E" + encode(e);
  if (send(control_.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) ++lost_;
}

void Reporter::outcome(const Result<int>& status) {
  const std::string packet = encode_outcome({status, lost_});
  send(control_.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
}

}  // namespace cordon::session
