// SPDX-License-Identifier: Apache-2.0
// Denials as events, without floods: the first ones of a kind are told one by one, the others as a number at the end.
#pragma once
#include <cordon/events.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace cordon::launch {

class Tally {
 public:
  using Tell = std::function<void(const Event&)>;
  explicit Tally(Tell tell) : tell_(std::move(tell)) {}
  /// `complete` fills in what costs time (pid, exe); it is called only if the event is told.
  void add(Event event, const std::function<void(Event&)>& complete);
  /// Tells what was only counted, as events with `repeated`.
  void flush();

 private:
  struct Count {
    Event event;
    std::uint64_t more = 0;
    unsigned told = 0;
  };
  Tell tell_;
  std::map<std::string, Count> counts_;
  std::uint64_t others_ = 0;
};

}  // namespace cordon::launch
