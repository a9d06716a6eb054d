// SPDX-License-Identifier: Apache-2.0
#include "launch/seccomp.hpp"

namespace cordon::launch {
namespace {
#include "filters.inc"  // kFilters: an array of spans, by FilterChoice::index
}  // namespace

std::span<const sock_filter> filter_of(const FilterChoice& choice) { return kFilters[choice.index()]; }

}  // namespace cordon::launch
