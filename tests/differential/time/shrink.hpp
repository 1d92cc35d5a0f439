#pragma once
#include <algorithm>
#include <cstddef>
#include <utility>

#include "differential/time/timed_rows.hpp"

namespace freshet::differential {

/// Few rows for which `fails(const timed_rows&)` is still true: pieces are left out, smaller and smaller ones, for as
/// long as it fails without them (Zeller, Hildebrandt, "Simplifying and isolating failure-inducing input", TSE 2002).
/// Asks at most `questions` times. REQUIRES: fails(rows).
template <class Fails>
timed_rows shrunk(timed_rows rows, Fails&& fails, std::size_t questions = 2000) {
  std::size_t longest = 0;
  for (const auto& partition : rows) longest = std::max(longest, partition.size());
  for (std::size_t piece = longest; piece > 0 && questions > 0;) {
    bool smaller = false;
    for (std::size_t p = 0; p < rows.size(); ++p)
      for (std::size_t at = 0; at < rows[p].size() && questions > 0;) {
        auto without = rows;
        const auto from = without[p].begin() + static_cast<std::ptrdiff_t>(at);
        const auto left = static_cast<std::size_t>(without[p].end() - from);
        without[p].erase(from, from + static_cast<std::ptrdiff_t>(std::min(piece, left)));
        --questions;
        if (fails(std::as_const(without))) {
          rows = std::move(without);
          smaller = true;
        } else {
          at += piece;
        }
      }
    // One row less may make others superfluous that were needed before.
    if (!smaller || piece > 1) piece = piece > 1 ? piece / 2 : 0;
  }
  return rows;
}

}  // namespace freshet::differential
