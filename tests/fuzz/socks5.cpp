// SPDX-License-Identifier: Apache-2.0
// What a client sends to the SOCKS5 front end, as each of its three messages. A verdict never changes with what comes behind it.
#include <algorithm>

#include "check.hpp"
#include "egress/socks5_message.hpp"

using namespace cordon::egress::socks5;

namespace {

template <class Parse>
auto check(std::string_view bytes, Parse parse) {
  const auto whole = parse(bytes);
  CHECK(!(whole.message && whole.error));
  if (whole.message) CHECK(whole.length <= bytes.size() && whole.length <= kMostBytes);
  if (whole.incomplete()) CHECK(bytes.size() < kMostBytes);
  bool decided = false;
  std::size_t next = 0;
  const auto check_part = [&](std::size_t n) {
    if (n < next || n > std::min(bytes.size(), kMostBytes)) return;
    next = n + 1;
    const auto part = parse(bytes.substr(0, n));
    CHECK(!decided || !part.incomplete());
    decided = !part.incomplete();
    if (decided) CHECK(part.error == whole.error && part.length == whole.length);
  };
  // What is told by a place stands in the first bytes; what follows is of one kind.
  for (std::size_t n = 0; n < 12; ++n) check_part(n);
  for (const std::size_t n : {whole.length - 1, whole.length, bytes.size() - 1, bytes.size()}) check_part(n);
  return whole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = text(data, size);
  (void)check(bytes, parse_greeting);
  (void)check(bytes, parse_credentials);
  const auto request = check(bytes, parse_request).message;
  if (!request) return 0;
  CHECK(!request->host.empty() && request->host.size() <= 255);
  for (const char c : request->host) CHECK(c > 0x20 && c < 0x7f);
  CHECK(request->port != 0 || request->command != Command::connect);
  return 0;
}
