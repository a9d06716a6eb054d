// SPDX-License-Identifier: Apache-2.0
// A connection while its messages are still read by us: the stream, what has come and was not used yet, and a limit of time.
//
//   Peer client(std::move(stream));
//   client.expires_after(10s);
//   while (head.wants_more())
//     if (!co_await client.more()) break;      // closed, broken, or too slow: client.expired() tells
//   client.use(head.feed(client.bytes()));
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "egress/net.hpp"

namespace cordon::egress {

class Peer {
 public:
  explicit Peer(Stream stream);
  Peer(Peer&&) noexcept = default;
  Peer& operator=(Peer&&) noexcept = default;
  ~Peer();

  [[nodiscard]] Stream& stream() { return *stream_; }
  [[nodiscard]] std::string_view bytes() const { return std::string_view(buffer_).substr(used_); }
  void use(std::size_t n);
  [[nodiscard]] std::string take_bytes();  ///< all that is left

  /// Reads at least one byte more. False: end of stream, an error, or the time is over.
  Task<bool> more(std::size_t most = 16 * 1024);
  /// Waits for a byte without a buffer to put it in: an idle client costs no memory. False as above.
  Task<bool> readable();
  Task<bool> write(std::string_view bytes);
  /// Closes so that the peer gets what was written even if it sent more than was read: our end first, then at most 2 s and 1 MiB of
  /// reading on. A plain close(2) with unread bytes would be a reset, which overtakes the answer (RFC 9112 section 9.6).
  Task<void> farewell();

  /// From now on; operations that are pending then end, and later ones fail. Replaces an earlier limit.
  void expires_after(std::chrono::milliseconds limit);
  void never_expires();
  [[nodiscard]] bool expired() const;
  /// Hands the stream over to someone else; this is empty afterwards.
  [[nodiscard]] Stream release();

 private:
  struct Limit;
  long take(std::size_t most);
  std::unique_ptr<Stream> stream_;  // does not move: pending operations and the limit point to it
  std::shared_ptr<Limit> limit_;
  std::string buffer_;
  std::size_t used_ = 0;
  int turns_ = 0;
};

}  // namespace cordon::egress
