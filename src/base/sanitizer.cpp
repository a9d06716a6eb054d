// SPDX-License-Identifier: Apache-2.0
#include "base/sanitizer.hpp"

#if defined(CORDON_SANITIZED)
#include <sanitizer/common_interface_defs.h>

namespace {
bool confined = false;
}

// LeakSanitizer asks at the exit.
extern "C" [[gnu::visibility("default")]] int __lsan_is_turned_off() { return confined; }

namespace cordon::sanitizer {

void give_up_the_host() {
  confined = true;
  __sanitizer_sandbox_on_notify(nullptr);
}

void on_stack([[maybe_unused]] const void* bottom, [[maybe_unused]] std::size_t size) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(nullptr, bottom, size);
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

}  // namespace cordon::sanitizer
#endif
