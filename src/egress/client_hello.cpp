// SPDX-License-Identifier: Apache-2.0
#include "egress/client_hello.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "egress/text.hpp"

namespace cordon::egress {
namespace {

constexpr std::uint8_t kHandshakeRecord = 22, kClientHello = 1, kHostName = 0;
constexpr std::uint16_t kServerName = 0, kEncryptedClientHello = 0xfe0d;
constexpr std::size_t kRecordHeader = 5, kHandshakeHeader = 4;
constexpr std::size_t kMostInRecord = 16 * 1024;  // RFC 8446 section 5.1

std::size_t number(std::string_view bytes) {
  std::size_t n = 0;
  for (const char c : bytes) n = n << 8 | static_cast<unsigned char>(c);
  return n;
}

// A cursor over length-prefixed fields. Once a field does not fit, every later one is absent.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}
  std::optional<std::string_view> bytes(std::size_t n) {
    if (!good_ || rest_.size() < n) {
      good_ = false;
      return {};
    }
    const auto field = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return field;
  }
  std::optional<std::size_t> integer(std::size_t width) {
    const auto field = bytes(width);
    if (!field) return {};
    return number(*field);
  }
  std::optional<std::string_view> vector(std::size_t width) {  // its length in `width` bytes, then its bytes
    const auto length = integer(width);
    if (!length) return {};
    return bytes(*length);
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (is_alpha(c) || is_digit(c) || c == '-' || c == '_') {
      if (++label > 63) return false;
    } else {
      return false;
    }
  }
  return label != 0;
}

// The one name of a server_name extension.
std::optional<std::string> server_name(std::string_view extension) {
  Fields outer(extension);
  const auto list = outer.vector(2);
  if (!list || !outer.empty()) return {};
  Fields entry(*list);
  const auto type = entry.integer(1);
  const auto name = entry.vector(2);
  // RFC 6066 forbids two names of one type, and defines one type.
  if (type != kHostName || !name || !entry.empty() || !is_host_name(*name)) return {};
  return lower(*name);
}

}  // namespace

ClientHello::Result ClientHello::feed(std::string_view bytes) {
  while (result_ == Result::more && !bytes.empty()) {
    if (left_in_record_ == 0) {
      const auto piece = bytes.substr(0, kRecordHeader - header_.size());
      header_ += piece;
      bytes.remove_prefix(piece.size());
      result_ = record_header();
      continue;
    }
    const auto piece = bytes.substr(0, left_in_record_);
    handshake_ += piece;
    bytes.remove_prefix(piece.size());
    left_in_record_ -= piece.size();
    result_ = handshake();
  }
  return result_;
}

// Judged byte by byte, so that what is not TLS is seen at its first byte.
ClientHello::Result ClientHello::record_header() {
  const auto bad = handshake_.empty() ? Result::not_tls : Result::malformed;
  if (number(header_.substr(0, 1)) != kHandshakeRecord) return bad;
  if (header_.size() > 1 && number(header_.substr(1, 1)) != 3) return bad;
  if (header_.size() < kRecordHeader) return Result::more;
  left_in_record_ = number(std::string_view(header_).substr(3));
  header_.clear();
  return left_in_record_ == 0 || left_in_record_ > kMostInRecord ? bad : Result::more;
}

ClientHello::Result ClientHello::handshake() {
  if (number(handshake_.substr(0, 1)) != kClientHello) return Result::not_tls;
  if (handshake_.size() < kHandshakeHeader) return Result::more;
  const auto length = number(std::string_view(handshake_).substr(1, 3));
  if (length > kMostBytes - kHandshakeHeader) return Result::malformed;
  if (handshake_.size() < kHandshakeHeader + length) return Result::more;
  return hello(std::string_view(handshake_).substr(kHandshakeHeader, length));
}

ClientHello::Result ClientHello::hello(std::string_view body) {
  Fields f(body);
  f.bytes(2 + 32);  // legacy_version, random
  const auto session = f.vector(1), ciphers = f.vector(2), compression = f.vector(1);
  if (!session || session->size() > 32 || !ciphers || ciphers->empty() || ciphers->size() % 2 != 0 || !compression || compression->empty())
    return Result::malformed;
  if (f.empty()) return Result::no_name;  // without extensions, as before TLS 1.2
  const auto extensions = f.vector(2);
  if (!extensions || !f.empty()) return Result::malformed;
  std::set<std::size_t> seen;
  for (Fields e(*extensions); !e.empty();) {
    const auto type = e.integer(2);
    const auto data = e.vector(2);
    if (!type || !data || !seen.insert(*type).second) return Result::malformed;
    if (*type == kEncryptedClientHello) encrypted_ = true;
    if (*type != kServerName) continue;
    const auto found = server_name(*data);
    if (!found) return Result::malformed;
    name_ = *found;
  }
  return name_.empty() ? Result::no_name : Result::name;
}

}  // namespace cordon::egress
