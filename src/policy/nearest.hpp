// SPDX-License-Identifier: Apache-2.0
// The known word that is nearest to a mistyped one: one that it begins, else by Levenshtein distance.
#pragma once
#include <cordon/events.hpp>

#include <algorithm>
#include <numeric>
#include <string_view>
#include <vector>

namespace cordon::policy {

inline std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] != b[j])});
      diagonal = above;
    }
  }
  return row.back();
}

inline std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  word = word.substr(0, 64);
  if (const auto whole = std::ranges::find_if(known, [&](auto k) { return word.size() > 1 && k.starts_with(word); }); whole != known.end())
    return *whole;
  return *std::min_element(known.begin(), known.end(), [&](auto a, auto b) { return distance(word, a) < distance(word, b); });
}

}  // namespace cordon::policy
