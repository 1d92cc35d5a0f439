#include "differential/time/shrink.hpp"

#include <gtest/gtest.h>

namespace freshet::differential {
namespace {

bool holds(const timed_rows& rows, std::int64_t value) {
  for (const auto& partition : rows)
    for (const auto& r : partition)
      if (r.value == value) return true;
  return false;
}
std::size_t size(const timed_rows& rows) {
  std::size_t n = 0;
  for (const auto& partition : rows) n += partition.size();
  return n;
}

TEST(shrink, leaves_only_what_the_failure_needs) {
  random_source random(3);
  timed_rows rows(3);
  for (std::int64_t v = 0; v < 300; ++v) rows[random.below(3)].push_back({1, {}, v});
  const auto fewest = shrunk(rows, [](const timed_rows& r) { return holds(r, 17) && holds(r, 250) && holds(r, 251); });
  EXPECT_EQ(size(fewest), 3u);
  EXPECT_TRUE(holds(fewest, 17) && holds(fewest, 250) && holds(fewest, 251));
}

TEST(shrink, gives_up_after_so_many_questions) {
  timed_rows rows(1, std::vector<timed_row>(1000));
  std::size_t asked = 0;
  (void)shrunk(
      rows, [&](const timed_rows& r) { return ++asked, r[0].size() > 900; }, 20);
  EXPECT_LE(asked, 20u);
}

}  // namespace
}  // namespace freshet::differential
