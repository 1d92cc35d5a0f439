#include "freshet/core/past_messages.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(past_messages, are_those_that_lie_in_a_range_as_a_whole) {
  past_messages past;
  past.add({{0, 10, 20}, {0, 30, 40}});
  past.add({{1, 5, 6}});
  EXPECT_TRUE(past.hold({0, 10, 12}));
  EXPECT_TRUE(past.hold({0, 18, 20}));
  EXPECT_TRUE(past.hold({1, 5, 6}));
  EXPECT_FALSE(past.hold({0, 9, 11}));
  EXPECT_FALSE(past.hold({0, 19, 21}));
  EXPECT_FALSE(past.hold({0, 20, 22}));
  EXPECT_FALSE(past.hold({1, 12, 13}));
  EXPECT_FALSE(past.hold({2, 5, 6}));
}

TEST(past_messages, tell_what_lies_behind_an_offset) {
  past_messages past;
  past.add({{0, 30, 40}, {0, 10, 20}, {1, 5, 6}});
  EXPECT_EQ(past.behind(0, 0), (std::vector<position_range>{{0, 10, 20}, {0, 30, 40}}));
  EXPECT_EQ(past.behind(0, 15), (std::vector<position_range>{{0, 15, 20}, {0, 30, 40}}));
  EXPECT_EQ(past.behind(0, 20), (std::vector<position_range>{{0, 30, 40}}));
  EXPECT_TRUE(past.behind(1, 6).empty());
}

TEST(past_messages, are_forgotten_when_a_commit_has_come_past_them) {
  past_messages past;
  past.add({{0, 10, 20}, {0, 30, 40}, {1, 5, 6}});
  past.forget({0, 19, 19});
  EXPECT_TRUE(past.hold({0, 10, 11}));
  past.forget({0, 30, 30});
  EXPECT_FALSE(past.hold({0, 10, 11}));
  EXPECT_TRUE(past.hold({0, 30, 31}));
  EXPECT_TRUE(past.hold({1, 5, 6}));
}

}  // namespace
}  // namespace freshet
