#include "freshet/core/position.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(position, orders_by_partition_then_offset) {
  EXPECT_LT((position{0, 9, 10}), (position{1, 0, 1}));
  EXPECT_LT((position{1, 0, 21}), (position{1, 21, 40}));
  EXPECT_EQ((position{1, 2, 3}), (position{1, 2, 3}));
}

TEST(position_range, contains_what_starts_in_it) {
  const position_range range{2, 10, 20};
  EXPECT_TRUE(range.contains({2, 10, 11}));
  EXPECT_TRUE(range.contains({2, 19, 400}));
  EXPECT_FALSE(range.contains({2, 20, 21}));
  EXPECT_FALSE(range.contains({2, 9, 12}));
  EXPECT_FALSE(range.contains({3, 10, 11}));
}

TEST(position_range, is_empty_when_nothing_can_start_in_it) {
  EXPECT_TRUE((position_range{0, 5, 5}).empty());
  EXPECT_FALSE((position_range{0, 5, 6}).empty());
}

}  // namespace
}  // namespace freshet
