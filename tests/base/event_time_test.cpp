#include "freshet/base/event_time.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(event_time, is_a_signed_64_bit_count_of_milliseconds) {
  static_assert(sizeof(event_time::rep) == 8 && std::is_signed_v<event_time::rep>);
  static_assert(std::is_same_v<event_time::period, std::milli>);
  EXPECT_EQ(event_time(std::chrono::seconds(2)).time_since_epoch().count(), 2000);
}

TEST(event_time, bounds_enclose_all_times) {
  EXPECT_LT(beginning_of_time, event_time{});
  EXPECT_GT(end_of_time, event_time{});
  EXPECT_EQ(end_of_time.time_since_epoch().count(), INT64_MAX);
}

}  // namespace
}  // namespace freshet
