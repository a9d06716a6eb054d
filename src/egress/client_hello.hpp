// SPDX-License-Identifier: Apache-2.0
// The server name that a TLS client asks for, read from its first flight (RFC 8446 section 4.1.2, RFC 6066 section 3). Only
// looks: the bytes go on as they came.
//
//   ClientHello hello;
//   while (hello.feed(bytes) == ClientHello::Result::more) { … }
//   if (hello.result() == ClientHello::Result::name) check(hello.name());
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cordon::egress {

class ClientHello {
 public:
  /// Of the handshake message. Hybrid post-quantum key shares make one of some 2 KiB, Encrypted Client Hello one of 4;
  /// nothing known comes near. A record with no payload is malformed, so what is buffered on the wire is at most six times that.
  static constexpr std::size_t kMostBytes = 64 * 1024;

  enum class Result {
    more,       ///< not all of it is there
    not_tls,    ///< the bytes do not begin a TLS connection
    malformed,  ///< TLS, but no well-formed hello: broken lengths, two names, a name that is no host name, over 64 KiB
    no_name,    ///< well-formed, without a server name
    name,       ///< name() is a host name: letters, digits, '-', '_' and dots, at most 253 bytes
  };

  /// Reads on; any split of the stream into pieces gives the same result. Bytes behind the hello are ignored.
  Result feed(std::string_view bytes);
  [[nodiscard]] Result result() const { return result_; }
  [[nodiscard]] const std::string& name() const { return name_; }  ///< lower case
  /// An encrypted_client_hello extension is there: the name may be that of a front, and the real one cannot be seen
  /// (greased ones look the same).
  [[nodiscard]] bool encrypted() const { return encrypted_; }

 private:
  Result record_header();
  Result handshake();
  Result hello(std::string_view body);

  std::string header_;     // of the record: type, version, length
  std::string handshake_;  // the payload of the records so far
  std::size_t left_in_record_ = 0;
  Result result_ = Result::more;
  std::string name_;
  bool encrypted_ = false;
};

}  // namespace cordon::egress
