// SPDX-License-Identifier: Apache-2.0
// A value of HTTPS_PROXY. What is accepted reads back to the same and fits a request line; what is refused is shown in printable
// ASCII, short, without what stands before an @.
#include <algorithm>

#include "check.hpp"
#include "egress/upstream_config.hpp"

using namespace cordon::egress;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = text(data, size);
  const auto address = parse_proxy_address(value);
  if (address) {
    CHECK(address->port != 0);
    CHECK(!address->host.empty() && address->host.size() <= 254);
    CHECK(std::ranges::all_of(address->host, [](char c) { return c > 0x20 && c < 0x7f && c != '@' && c != '/' && c != '%'; }));
    CHECK(parse_proxy_address(address->text()) == address);
    CHECK(parse_proxy_address(" HTTPS://" + address->text() + "/\n") == address);
  }
  static Environment environment{{"HTTPS_PROXY", ""}, {"NO_PROXY", "x"}};
  environment["HTTPS_PROXY"] = value;
  if (size % 2 == 0) {
    CHECK(choose_upstream("required", environment).has_value() == address.has_value());
    return 0;
  }
  const auto choice = choose_upstream("env", environment).value();
  CHECK(choice.config.direct() != address.has_value());
  CHECK(choice.warning.size() < 800);
  CHECK(std::ranges::all_of(choice.warning, [](char c) { return c >= 0x20 && c < 0x7f; }));
  const auto shown = presentable(std::string("http://user:PASSWORD@") + std::string(value));
  CHECK(shown.find("PASSWORD") == std::string::npos || value.find("PASSWORD") != std::string_view::npos);
  return 0;
}
