#include "runtime/doubled_pause.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {
using namespace std::chrono_literals;

TEST(doubled_pause, doubles_up_to_the_longest) {
  EXPECT_EQ(doubled_pause(1s, 60s, 1), 1s);
  EXPECT_EQ(doubled_pause(1s, 60s, 2), 2s);
  EXPECT_EQ(doubled_pause(1s, 60s, 6), 32s);
  EXPECT_EQ(doubled_pause(1s, 60s, 7), 60s);
  EXPECT_EQ(doubled_pause(60s, 10s, 1), 10s);
}

TEST(doubled_pause, is_never_more_than_there_is_time) {
  constexpr auto always = std::chrono::nanoseconds::max();
  for (std::uint32_t nth : {31u, 32u, 64u, 65u, 4'000'000'000u}) {
    EXPECT_EQ(doubled_pause(10s, 10s, nth), 10s) << nth;
    EXPECT_EQ(doubled_pause(10s, always, nth), always) << nth;
    EXPECT_EQ(doubled_pause(0s, always, nth), 0s) << nth;
  }
}

}  // namespace
}  // namespace freshet
