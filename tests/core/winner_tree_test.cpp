#include "freshet/core/winner_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "freshet/base/random.hpp"

namespace freshet {
namespace {

event_time at(std::uint64_t ms) { return event_time(event_time::duration(ms)); }

TEST(winner_tree, knows_the_least_and_the_first_of_equals) {
  for (std::size_t size = 1; size < 40; ++size) {
    random_source random(size);
    winner_tree tree(size / 2);
    std::vector<event_time> times(size / 2, end_of_time);
    while (times.size() < size) {
      times.push_back(at(random.below(5)));
      tree.add(times.back());
    }
    for (int i = 0; i < 300; ++i) {
      ASSERT_EQ(tree.winner(), static_cast<std::size_t>(std::min_element(times.begin(), times.end()) - times.begin()));
      const auto j = random.below(size);
      times[j] = random.chance(0.2) ? end_of_time : at(random.below(10));
      tree.set(j, times[j]);
      ASSERT_EQ(tree[j], times[j]);
    }
  }
}

}  // namespace
}  // namespace freshet
