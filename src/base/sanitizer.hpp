// SPDX-License-Identifier: Apache-2.0
// In a build with a sanitizer its run time is part of our processes, and must bear what they do without libc. Else nothing.
#pragma once
#include <cstddef>

namespace cordon::sanitizer {

#if defined(CORDON_SANITIZED)
/// Before a process confines itself or makes another: the run time looks at /proc for the last time and ends its thread, and no search
/// for leaks at the exit would trace this process.
void give_up_the_host();
/// In a new process: where it stands, since nobody told pthread.
void on_stack(const void* bottom, std::size_t size);
#else
inline void give_up_the_host() {}
inline void on_stack(const void*, std::size_t) {}
#endif

}  // namespace cordon::sanitizer
