// SPDX-License-Identifier: Apache-2.0
// Runs attacks through the real program. Each runs in a process of its own that adopts all its descendants and ends
// them, in a scratch directory that it removes: nothing is left.
#pragma once
#include "prove/case.hpp"

#include <functional>

namespace cordon::prove {

enum class Verdict {
  holds,     ///< got through without the sandbox, not with it
  escaped,   ///< got through although this tier promises that it does not
  weaker,    ///< got through, and this tier, or Cordon, does not promise otherwise
  untried,   ///< something is missing here; `why` says what
  unproven,  ///< fails without a sandbox as well, so says nothing about one
};

struct Outcome {
  Verdict verdict = Verdict::untried;
  std::string why;  ///< one line; may be empty
};

struct Settings {
  std::string cordon, probe, scratch;  ///< absolute paths; `scratch`: a directory to make directories in
  std::vector<std::string> options;    ///< of every `cordon run`
  bool landlock = false;               ///< the tier that they give
  bool keep = false;                   ///< leave the scratch directories, to look at
  unsigned jobs = 2;
};

/// The tier that a run with these settings gets: "namespaces" or "landlock". An error is the sentence of `cordon run`.
[[nodiscard]] Result<std::string> tier_in_force(const Settings& settings);

/// Calls `done` for each case, in no order, from this thread.
void run_cases(const std::vector<Case>& cases, const Settings& settings, const std::function<void(const Case&, const Outcome&)>& done);

}  // namespace cordon::prove
