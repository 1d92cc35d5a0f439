#pragma once
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "freshet/core/position.hpp"

namespace freshet {

/// Messages of a spout task that a run before has finished, out of order: the next run reads past them. Not thread
/// safe.
class past_messages {
 public:
  void add(const std::vector<position_range>& finished) {
    ranges_.insert(ranges_.end(), finished.begin(), finished.end());
    std::sort(ranges_.begin(), ranges_.end());
  }
  /// The whole message lies in one of the ranges. One of which only a part does is not known.
  bool hold(const position& p) const {
    if (ranges_.empty()) [[likely]]
      return false;
    const auto behind = std::upper_bound(ranges_.begin(), ranges_.end(), p, [](const position& m, const auto& range) {
      return m.partition != range.partition ? m.partition < range.partition : m.offset < range.from;
    });
    return behind != ranges_.begin() && std::prev(behind)->contains(p) && p.next <= std::prev(behind)->to;
  }
  /// Nothing up to here is emitted again.
  void forget(const position& committed) {
    std::erase_if(ranges_, [&](const auto& r) { return r.partition == committed.partition && r.to <= committed.next; });
  }
  /// What of a partition lies behind `offset`, ascending.
  std::vector<position_range> behind(partition_id partition, std::uint64_t offset) const {
    std::vector<position_range> all;
    for (const auto& r : ranges_)
      if (r.partition == partition && r.to > offset) all.push_back({partition, std::max(r.from, offset), r.to});
    return all;
  }

 private:
  std::vector<position_range> ranges_;  // by partition, then offset
};

}  // namespace freshet
