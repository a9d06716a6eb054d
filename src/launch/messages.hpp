// SPDX-License-Identifier: Apache-2.0
// What PID 1 and the supervisor say to each other over a SOCK_SEQPACKET pair: records of one size, one a packet; an event
// follows its record.
#pragma once
#include <cordon/events.hpp>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/fd.hpp"
#include "stage/stage.hpp"

namespace cordon::launch {

enum class MessageKind : std::uint32_t {
  go,         ///< supervisor: all that must stand outside stands; with the command's Landlock ruleset, if there is one
  listeners,  ///< init: two listeners of the sandbox's network, HTTP and SOCKS5, as descriptors
  hold,       ///< supervisor, before `go`: descriptors to be kept open as long as PID 1 lives
  built,      ///< init: the sandbox stands, the command's process is about to execve(2)
  failed,     ///< init: `failure`
  event,      ///< init: an event follows, as event/wire.hpp encodes it
  stopped,    ///< init: the command was stopped, by signal `value`, and all of the sandbox with it
  still,      ///< supervisor, before it stops too: `value` milliseconds of the wall time are left
  resume,     ///< supervisor: go on
  ran,        ///< init, after `resume`: for `value` milliseconds something went on nevertheless
  limit,      ///< init: the limit named `text` was hit, the sandbox ends
  ended,      ///< init: the command ended: `value` as wait(2) gives it
  swept,      ///< init: what was made inside has been looked at for traps; the last that it says
  signal,     ///< supervisor: send signal `value` to the command
};
struct Message {
  MessageKind kind{};
  std::int32_t value = 0;
  stage::Failure failure{};
  char text[128]{};
};

/// Sends with MSG_NOSIGNAL; false if the peer is gone. `flags` as for sendmsg(2).
bool tell(int control, const Message& message, std::initializer_list<int> descriptors = {}, int flags = 0);

bool tell_event(int control, const Event& event);

/// 1: a message; 0: the peer is gone; -1: nothing there (with MSG_DONTWAIT). Takes at most two descriptors. `event`: the bytes
/// behind a message of that kind.
int hear(int control, Message& message, Fd (&descriptors)[2], int flags, std::string* event = nullptr);

}  // namespace cordon::launch
