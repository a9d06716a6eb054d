// SPDX-License-Identifier: Apache-2.0
#include "egress/metrics.hpp"

#include <cordon/events.hpp>

#include <cstdio>

namespace cordon::egress {
namespace {

constexpr std::size_t kMostRules = 1000;

std::string label(std::string_view value) {  // backslash, quote and newline are escaped, all else stands as it is
  std::string out = "\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') (out += '\\') += c;
    else if (c == '\n') out += "\\n";
    else out += c;
  }
  return out += '"';
}

void head(std::string& to, std::string_view name, std::string_view help, std::string_view type) {
  ((((((to += "# HELP ") += name) += ' ') += help) += "\n# TYPE ") += name) += ' ';
  (to += type) += '\n';
}

void single(std::string& to, std::string_view name, std::string_view help, std::string_view type, std::uint64_t value) {
  head(to, name, help, type);
  ((to += name) += ' ') += std::to_string(value) + '\n';
}

std::string decimal(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", v);
  return text;
}

}  // namespace

void Histogram::add(std::chrono::nanoseconds took) {
  const double seconds = std::chrono::duration<double>(took).count();
  std::size_t i = 0;
  while (i < kBounds.size() && seconds > kBounds[i]) ++i;
  ++counts_[i];
  ++count_;
  sum_ += seconds;
}

void Histogram::render(std::string& to, std::string_view name, std::string_view help) const {
  head(to, name, help, "histogram");
  const std::string n(name);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i)
    to += n + "_bucket{le=\"" + decimal(kBounds[i]) + "\"} " + std::to_string(below += counts_[i]) + '\n';
  to += n + "_bucket{le=\"+Inf\"} " + std::to_string(count_) + '\n';
  to += n + "_sum " + decimal(sum_) + '\n' + n + "_count " + std::to_string(count_) + '\n';
}

void Metrics::decided(bool allowed, const std::string& rule) {
  std::pair<std::string, std::string> key(allowed ? "allowed" : "denied", rule);
  if (decisions.size() >= kMostRules && !decisions.contains(key)) key.second = "(others)";
  ++decisions[key];
}

std::string Metrics::prometheus(std::uint64_t dns_questions) const {
  std::string s;
  single(s, "cordon_connections_total", "Connections accepted from clients.", "counter", accepted);
  single(s, "cordon_connections_open", "Connections of clients that are open now.", "gauge", open);
  single(s, "cordon_accept_pauses_total", "Times that accepting paused, for want of descriptors or at the limit of connections.", "counter",
         accept_pauses);
  head(s, "cordon_decisions_total", "Decisions by rule.", "counter");
  for (const auto& [key, n] : decisions)
    s += "cordon_decisions_total{decision=" + label(key.first) + ",rule=" + label(key.second) + "} " + std::to_string(n) + '\n';
  head(s, "cordon_dial_failures_total", "Dials that failed, by kind.", "counter");
  for (const auto& [kind, n] : failures) s += "cordon_dial_failures_total{kind=" + label(kind) + "} " + std::to_string(n) + '\n';
  head(s, "cordon_bytes_total", "Bytes relayed.", "counter");
  s += "cordon_bytes_total{direction=\"up\"} " + std::to_string(bytes_up) + "\ncordon_bytes_total{direction=\"down\"} " + std::to_string(bytes_down) +
       '\n';
  single(s, "cordon_dns_questions_total", "Names that a name server was asked for.", "counter", dns_questions);
  resolve.render(s, "cordon_resolve_seconds", "Time to resolve a name.");
  dial.render(s, "cordon_dial_seconds", "Time from the decision to the connected target.");
  single(s, "cordon_upstream_dials_total", "Dials through the upstream proxy.", "counter", upstream_dials);
  single(s, "cordon_upstream_failures_total", "Dials in which the upstream proxy could not be reached or broke the protocol.", "counter",
         upstream_failures);
  if (upstream_configured) single(s, "cordon_upstream_up", "Did the last dial reach the upstream proxy?", "gauge", upstream_healthy ? 1 : 0);
  return s;
}

std::string Metrics::json() const {
  std::uint64_t allowed = 0, denied = 0;
  for (const auto& [key, n] : decisions) (key.first == "allowed" ? allowed : denied) += n;
  return "{\"connections\":" + std::to_string(accepted) + ",\"allowed\":" + std::to_string(allowed) + ",\"denied\":" + std::to_string(denied) +
         ",\"bytes_up\":" + std::to_string(bytes_up) + ",\"bytes_down\":" + std::to_string(bytes_down) + "}";
}

}  // namespace cordon::egress
