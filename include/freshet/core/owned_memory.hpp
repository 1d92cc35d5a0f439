#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "freshet/core/state_table.hpp"
#include "freshet/core/value_bytes.hpp"

namespace freshet {

/// About how much memory the entries of tables own elsewhere, without ever looking at all of them at once: each call
/// looks at some slots, and gives what the last whole round has found, or more where this one has already. Not thread
/// safe.
class owned_memory {
 public:
  template <class K, class S>
  std::size_t look(const std::vector<state_table<K, S>>& tables) {
    for (std::size_t left = slots_a_look; left > 0;) {
      const auto& t = tables[table_];
      const auto from = slot_;
      slot_ = t.for_some(
          from, left, [this](const auto& e) { bytes_ += detail::owned_bytes(e.key) + detail::owned_bytes(e.value); });
      left -= std::min(left, slot_ - from + 1);
      if (slot_ < t.capacity()) break;
      slot_ = 0;
      if (++table_ < tables.size()) continue;
      table_ = 0;
      round_before_ = std::exchange(bytes_, 0);
      return round_before_;
    }
    return std::max(round_before_, bytes_);
  }

 private:
  static constexpr std::size_t slots_a_look = 512;
  std::size_t table_ = 0, slot_ = 0;  // where the round goes on
  std::size_t bytes_ = 0, round_before_ = 0;
};

}  // namespace freshet
