// SPDX-License-Identifier: Apache-2.0
// A DNS answer as it comes from the network. c-ares parses it, in the process that holds the tunnels of a whole run.
#include <ares.h>
#include <netdb.h>

#include "check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int length = static_cast<int>(size);
  constexpr int kMost = 16;
  hostent* host = nullptr;
  ares_addrttl v4[kMost];
  int n = kMost;
  if (ares_parse_a_reply(data, length, &host, v4, &n) == ARES_SUCCESS) {
    CHECK(n >= 0 && n <= kMost);
    CHECK(host->h_addrtype == AF_INET && host->h_length == 4);
  }
  if (host) ares_free_hostent(host);
  host = nullptr;
  ares_addr6ttl v6[kMost];
  n = kMost;
  if (ares_parse_aaaa_reply(data, length, &host, v6, &n) == ARES_SUCCESS) {
    CHECK(n >= 0 && n <= kMost);
    CHECK(host->h_addrtype == AF_INET6 && host->h_length == 16);
  }
  if (host) ares_free_hostent(host);
  return 0;
}
