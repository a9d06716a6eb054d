// SPDX-License-Identifier: Apache-2.0
// The dialler: one connected stream to a target, straight or through the upstream proxy. Both front ends use it, and neither
// can tell the two ways apart.
//
//   auto connected = co_await dial({"github.com", 443}, upstream, lookup, admit);
//   if (!connected) co_return answer(502, connected.error().sentence);
//   relay(client, connected->stream);
//
// Times: direct, look-up and connect together have DialTimes::connect; through a proxy the same holds for reaching it, and
// then writing the request and reading the whole head of the answer have theirs.
#pragma once
#include <functional>

#include "egress/connector.hpp"
#include "egress/filter.hpp"
#include "egress/upstream_config.hpp"

namespace cordon::egress {

struct DialTimes {
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds write{10'000};
  std::chrono::milliseconds head{10'000};
  std::chrono::milliseconds next_attempt{250};  ///< RFC 8305 section 5: the Connection Attempt Delay
};

enum class DialFailure : std::uint8_t {
  config,        ///< the target cannot stand in a request line
  not_admitted,  ///< every address is refused by policy: DialError::verdict says why; not a failure of the network
  resolve,       ///< no address for the target, or for the proxy
  refused,       ///< ECONNREFUSED
  unreachable,   ///< any other error of connect(2)
  timeout,       ///< no connection in time
  write_timeout,
  head_too_large,  ///< 8,192 bytes without an end
  head_timeout,
  closed_early,  ///< the proxy closed or reset before the head was complete
  bad_status_line,
  status,  ///< not 2xx: DialError::status
};
/// "connect_refused", … for metrics and events.
[[nodiscard]] std::string_view name(DialFailure);

struct DialError {
  DialFailure failure;
  std::string sentence;  ///< printable; names the target, and the proxy where there is one
  int status = 0;        ///< of DialFailure::status
  Verdict verdict;       ///< of DialFailure::not_admitted
};

struct Connected {
  Stream stream;         ///< not a byte behind the proxy's answer was read from it
  policy::Address peer;  ///< of the target, or of the proxy
  bool through_proxy = false;
};

/// The addresses of a name, most preferred first, or a sentence; Resolver::resolve. Takes at most DialTimes::connect.
using Lookup = std::function<Task<std::expected<std::vector<Address>, std::string>>(std::string host)>;
/// May the target's address be dialled? The proxy's own is not asked about: the user named it.
using Admit = std::function<Verdict(const policy::Address&)>;

/// `target.host` is in normal form and was allowed by the filter. `lookup` and `admit` outlive the coroutine.
/// Pass variables, no braces: g++ 12 copies a temporary aggregate in a co_await expression bit by bit (GCC bug 99576).
[[nodiscard]] Task<std::expected<Connected, DialError>> dial(Target target, UpstreamConfig config, const Lookup& lookup, const Admit& admit,
                                                             DialTimes times = {});

}  // namespace cordon::egress
