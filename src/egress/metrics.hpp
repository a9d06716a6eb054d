// SPDX-License-Identifier: Apache-2.0
// What egress counted, as Prometheus text (exposition format 0.0.4) and as JSON for the supervisor.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace cordon::egress {

/// Seconds in buckets, as Prometheus counts them.
class Histogram {
 public:
  void add(std::chrono::nanoseconds took);
  void render(std::string& to, std::string_view name, std::string_view help) const;

 private:
  static constexpr std::array<double, 10> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10};
  std::array<std::uint64_t, kBounds.size() + 1> counts_{};
  double sum_ = 0;
  std::uint64_t count_ = 0;
};

struct Metrics {
  std::uint64_t accepted = 0, accept_pauses = 0, bytes_up = 0, bytes_down = 0;
  std::uint64_t open = 0;  ///< connections of clients now
  std::uint64_t upstream_dials = 0, upstream_failures = 0;
  bool upstream_configured = false, upstream_healthy = true;               ///< as the last dial through it ended
  std::map<std::pair<std::string, std::string>, std::uint64_t> decisions;  ///< by {allowed or denied, rule}
  std::map<std::string, std::uint64_t> failures;                           ///< dials by kind of error
  Histogram resolve, dial;

  /// At most 1,000 rules have a line of their own; the others share one.
  void decided(bool allowed, const std::string& rule);
  [[nodiscard]] std::string prometheus(std::uint64_t dns_questions) const;
  [[nodiscard]] std::string json() const;  ///< the totals alone
};

}  // namespace cordon::egress
