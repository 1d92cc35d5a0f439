#include "freshet/base/time_arithmetic.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

using namespace std::chrono_literals;

constexpr event_time at(std::int64_t ms) { return event_time(event_span(ms)); }

TEST(time_arithmetic, moves_within_time) {
  EXPECT_EQ(shifted(at(5), 3ms), at(8));
  EXPECT_EQ(shifted(at(5), -8ms), at(-3));
  EXPECT_EQ(shifted_back(at(5), 8ms), at(-3));
  EXPECT_EQ(shifted(at(INT64_MAX - 5), 4ms), last_event_time);
}

TEST(time_arithmetic, stops_at_the_ends) {
  EXPECT_EQ(shifted(at(INT64_MAX - 5), 6ms), end_of_time);
  EXPECT_EQ(shifted(at(1), event_span::max()), end_of_time);
  EXPECT_EQ(shifted(at(0), event_span::max()), end_of_time);
  EXPECT_EQ(shifted(at(-1), event_span::max()), last_event_time);
  EXPECT_EQ(shifted(at(-1), event_span::min()), beginning_of_time);
  EXPECT_EQ(shifted(at(0), event_span::min()), beginning_of_time);
  EXPECT_EQ(shifted(at(1), event_span::min()), first_event_time);
  EXPECT_EQ(shifted_back(at(INT64_MIN + 5), 6ms), beginning_of_time);
}

TEST(time_arithmetic, the_ends_stay_where_they_are) {
  for (const auto by : {event_span::min(), event_span(-1), event_span(0), event_span(1), event_span::max()}) {
    EXPECT_EQ(shifted(beginning_of_time, by), beginning_of_time);
    EXPECT_EQ(shifted(end_of_time, by), end_of_time);
  }
}

TEST(time_arithmetic, events_are_between_the_ends) {
  EXPECT_EQ(nearest_event_time(beginning_of_time), first_event_time);
  EXPECT_EQ(nearest_event_time(end_of_time), last_event_time);
  EXPECT_EQ(nearest_event_time(at(-7)), at(-7));
}

TEST(time_arithmetic, distances_do_not_overflow) {
  EXPECT_EQ(distance(at(-3), at(4)), 7ms);
  EXPECT_EQ(distance(at(4), at(4)), 0ms);
  EXPECT_EQ(distance(at(-1), at(INT64_MAX - 1)), event_span::max());
  EXPECT_EQ(distance(at(-1), end_of_time), event_span::max());
  EXPECT_EQ(distance(beginning_of_time, end_of_time), event_span::max());
  EXPECT_EQ(distance(beginning_of_time, at(-1)), event_span::max());
  EXPECT_EQ(distance(beginning_of_time, at(0)), event_span::max());
  EXPECT_EQ(distance(beginning_of_time, at(-2)), event_span(INT64_MAX - 1));
}

}  // namespace
}  // namespace freshet
