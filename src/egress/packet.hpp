// SPDX-License-Identifier: Apache-2.0
// Messages with descriptors between processes of ours, on a SOCK_SEQPACKET pair.
#pragma once
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"

namespace cordon::egress {

struct Packet {
  std::string bytes;
  std::vector<Fd> fds;
};

/// Waits for the next packet, of at most 4 KiB and four descriptors; an empty one at the end of the channel.
[[nodiscard]] Packet receive_packet(int channel);
/// False: the peer is gone, or there is no memory.
[[nodiscard]] bool send_packet(int channel, std::string_view bytes, const std::vector<int>& fds);
/// From its beginning, at most 16 MiB; or errno.
[[nodiscard]] std::expected<std::string, int> read_whole(const Fd& file);

}  // namespace cordon::egress
