// SPDX-License-Identifier: Apache-2.0
// The body of a message on its way through us: it is read by its own framing and written by ours, so that both sides of us agree
// on where it ends (RFC 9112 section 6). Chunk extensions and trailers are dropped.
//
//   BodyReader reader = BodyReader::chunked();
//   while (reader.wants_more()) { auto [taken, payload] = reader.feed(bytes); … }
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace cordon::egress {

class BodyReader {
 public:
  static BodyReader none() { return BodyReader(Framing::length, 0); }
  static BodyReader length(std::uint64_t n) { return BodyReader(Framing::length, n); }
  static BodyReader chunked() { return BodyReader(Framing::chunked, 0); }
  static BodyReader until_close() { return BodyReader(Framing::close, 0); }

  struct Fed {
    std::size_t taken = 0;     ///< bytes that belong to the body, framing included
    std::string_view payload;  ///< content among them, a view into what was fed; empty where all was framing
  };
  /// Takes one piece; call again while it takes something. Not one byte behind the body is taken.
  Fed feed(std::string_view bytes);
  [[nodiscard]] bool complete() const { return state_ == State::done; }
  [[nodiscard]] bool broken() const { return state_ == State::broken; }
  [[nodiscard]] bool wants_more() const { return !complete() && !broken(); }
  [[nodiscard]] bool ends_with_connection() const { return framing_ == Framing::close; }

 private:
  enum class Framing { length, chunked, close };
  enum class State { size, data, data_end, trailer, done, broken };
  BodyReader(Framing f, std::uint64_t n) : framing_(f), left_(n) {
    state_ = f == Framing::chunked ? State::size : f == Framing::length && n == 0 ? State::done : State::data;
  }
  Fed line(std::string_view bytes);

  Framing framing_;
  State state_;
  std::uint64_t left_;
  std::string line_;
  std::size_t trailer_bytes_ = 0;
};

/// One chunk (RFC 9112 section 7.1); an empty payload gives nothing, for that would be the last chunk.
[[nodiscard]] std::string chunk(std::string_view payload);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace cordon::egress
