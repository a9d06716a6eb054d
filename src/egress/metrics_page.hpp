// SPDX-License-Identifier: Apache-2.0
// GET /metrics: what egress counted, for Prometheus.
#pragma once
#include "egress/listener.hpp"

namespace cordon::egress {

/// Answers each connection once; until the acceptor is closed.
Task<void> serve_metrics(Service& service, Acceptor& acceptor);

}  // namespace cordon::egress
