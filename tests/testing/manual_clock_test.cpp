#include "freshet/testing/manual_clock.hpp"

#include <gtest/gtest.h>

namespace {
using namespace freshet;
using namespace std::chrono_literals;

TEST(manual_clock, stands_until_it_is_moved) {
  freshet::testing::manual_clock clock{event_time{5s}};
  const auto before = clock.now();
  EXPECT_NE(before, std::chrono::steady_clock::time_point{}) << "0 stands for never";
  EXPECT_EQ(clock.now(), before);
  EXPECT_EQ(clock.wall(), event_time{5s});
  clock.advance(1'500ms);
  EXPECT_EQ(clock.now() - before, 1'500ms);
  EXPECT_EQ(clock.wall(), event_time{6'500ms});
}

}  // namespace
