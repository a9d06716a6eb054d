// SPDX-License-Identifier: Apache-2.0
// The seccomp program of a plan, out of the table that libseccomp made when Cordon was built.
#pragma once
#include <linux/filter.h>

#include <cordon/plan.hpp>
#include <span>

#include "launch/filter_rules.hpp"

namespace cordon::launch {

/// Allows what is reviewed; refused calls go to user notification (so that they are events), `connect` and addressed
/// sends too; foreign architectures, x32 and every number that is newer than this list fail with ENOSYS.
[[nodiscard]] std::span<const sock_filter> filter_of(const FilterChoice& choice);

/// The errno that a refused call gets, its name, and what would allow it. Name is empty for calls that are not refused.
struct Refusal {
  const char* name;
  int error;
  const char* hint = "";
};
[[nodiscard]] Refusal refusal(int nr);

}  // namespace cordon::launch
