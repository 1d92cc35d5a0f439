#include "freshet/core/range_lost.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(range_lost, says_what_and_why) {
  const range_lost gone({3, 100, 150}, "retention");
  EXPECT_EQ(gone.lost(), (position_range{3, 100, 150}));
  EXPECT_EQ(gone.earliest(), 150u);
  EXPECT_STREQ(gone.what(), "retention");
}

TEST(range_lost, holds_messages_that_begin_in_it) {
  const range_lost gone({3, 100, 150}, "");
  EXPECT_TRUE(gone.holds({3, 100, 101}));
  EXPECT_TRUE(gone.holds({3, 140, 150}));
  EXPECT_TRUE(gone.holds({3, 90, 101}));  // the gap before it reaches further back
  EXPECT_FALSE(gone.holds({3, 99, 100}));
  EXPECT_FALSE(gone.holds({3, 150, 151}));
  EXPECT_FALSE(gone.holds({3, 141, 161}));  // and here the message behind the gap is there
  EXPECT_FALSE(gone.holds({2, 100, 101}));
}

}  // namespace
}  // namespace freshet
