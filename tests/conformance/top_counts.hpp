#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "freshet/core/emitter.hpp"
#include "freshet/stream/keyed.hpp"

namespace freshet::conformance {

template <class K>
using ranked = keyed<std::uint64_t, keyed<K, std::uint64_t>>;  ///< rank from 1, and who has it

/// The largest of running counts, ties by key; behind a global grouping. Gives a row for each rank that has changed, so
/// the last row of each rank is the answer. A count only grows: who was pushed out can come in again only by a row of
/// its own, so it is enough to keep those who are in.
template <class K>
struct top_counts {
  std::size_t size;

  using state = std::vector<keyed<K, std::uint64_t>>;
  void process(const keyed<K, std::uint64_t>& next, state& best, emitter<ranked<K>>& out) const {
    const auto before = [](const auto& a, const auto& b) {
      return a.value != b.value ? a.value > b.value : a.key < b.key;
    };
    auto old = std::find_if(best.begin(), best.end(), [&](const auto& each) { return each.key == next.key; });
    if (old == best.end()) {
      if (best.size() == size && before(best.back(), next)) return;
      if (best.size() < size) best.push_back(next);
      old = best.end() - 1;
    }
    *old = next;
    const auto now = std::lower_bound(best.begin(), old, next, before);
    std::rotate(now, old, old + 1);
    for (auto each = now; each <= old; ++each) out.emit({static_cast<std::uint64_t>(each - best.begin()) + 1, *each});
  }
};

}  // namespace freshet::conformance
