#include "freshet/core/winner_tree.hpp"

#include <algorithm>

namespace freshet {

winner_tree::winner_tree(std::size_t size, event_time all) : times_(size, all), nodes_(size) { play_all(); }

void winner_tree::set(std::size_t i, event_time t) {
  times_[i] = t;
  for (std::size_t at = (size() + i) / 2; at > 0; at /= 2) play(at);
}

void winner_tree::add(event_time t) {
  times_.push_back(t);
  nodes_.resize(size());
  play_all();
}

void winner_tree::play(std::size_t node) {
  const std::size_t a = contender(2 * node), b = contender(2 * node + 1);
  nodes_[node] = times_[a] != times_[b] ? (times_[a] < times_[b] ? a : b) : std::min(a, b);
}

void winner_tree::play_all() {
  for (std::size_t node = size(); node-- > 1;) play(node);
}

}  // namespace freshet
