#pragma once
#include <cstddef>
#include <vector>

#include "freshet/base/event_time.hpp"

namespace freshet {

/// Which of several times is the least, the first of equal ones. A winner tree (Knuth, TAOCP 3, 5.4.1): changing one
/// of n costs O(log n), asking nothing. Not thread safe.
class winner_tree {
 public:
  explicit winner_tree(std::size_t size = 0, event_time all = end_of_time);

  std::size_t size() const noexcept { return times_.size(); }
  event_time operator[](std::size_t i) const { return times_[i]; }
  void set(std::size_t i, event_time t);
  /// One more, in linear time.
  void add(event_time t);
  /// REQUIRES: size() > 0.
  std::size_t winner() const { return contender(1); }

 private:
  /// Node i has the lesser of nodes 2i and 2i + 1; time i stands at node size + i.
  std::size_t contender(std::size_t node) const { return node < size() ? nodes_[node] : node - size(); }
  void play(std::size_t node);
  void play_all();
  std::vector<event_time> times_;
  std::vector<std::size_t> nodes_;
};

}  // namespace freshet
