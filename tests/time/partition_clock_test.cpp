#include "freshet/time/partition_clock.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

using std::chrono::seconds;

constexpr event_time at(std::int64_t ms) { return event_time(event_span(ms)); }

/// A clock, and the messages that it sees.
struct scene {
  policy_clock<bounded_out_of_orderness> clock{bounded_out_of_orderness{}, seconds(5)};
  event_clock::time_point now{};
  call_frame frame;

  event_time send(partition_id partition, event_time t) {
    event_time stamp = not_stamped;
    frame.source = {partition, false};
    frame.own_stamp = &stamp;
    frame.begin();
    return clock.stamp(frame, t, 0);
  }
};

TEST(partition_clock, partitions_hold_the_watermark_back_until_they_have_sent_something) {
  scene s;
  s.clock.open({3, 4}, s.now);
  EXPECT_FALSE(s.clock.is_idle());
  EXPECT_EQ(s.send(3, at(7)), beginning_of_time);
  EXPECT_EQ(s.clock.watermark(), beginning_of_time);
  s.send(4, at(5));
  EXPECT_EQ(s.clock.watermark(), at(5));
  EXPECT_EQ(s.send(3, at(9)), at(7));
}

TEST(partition_clock, without_partitions_nobody_is_held_back) {
  scene s;
  s.clock.open({}, s.now);
  EXPECT_TRUE(s.clock.is_idle());
}

TEST(partition_clock, a_partition_without_a_name_holds_back_too_and_is_the_first_that_sends) {
  scene s;
  s.clock.open({some_partition}, s.now);
  EXPECT_FALSE(s.clock.is_idle());
  EXPECT_EQ(s.clock.watermark(), beginning_of_time);
  s.send(1, at(7));
  EXPECT_EQ(s.clock.watermark(), at(7));
  s.send(2, at(8));
  s.send(1, at(9));
  EXPECT_EQ(s.clock.watermark(), at(8));
}

TEST(partition_clock, a_partition_without_a_name_is_idle_after_the_timeout) {
  scene s;
  s.clock.open({some_partition}, s.now);
  EXPECT_EQ(s.clock.look(s.now, true), s.now + seconds(5));
  s.clock.look(s.now + seconds(5), true);
  EXPECT_TRUE(s.clock.is_idle());
}

TEST(partition_clock, a_copy_knows_that_a_partition_has_no_name_yet) {
  scene s;
  s.clock.open({some_partition}, s.now);
  const auto before = s.clock.copy();
  s.send(1, at(7));
  s.clock.assign(*before);
  EXPECT_FALSE(s.clock.is_idle());
  EXPECT_EQ(s.clock.watermark(), beginning_of_time);
  s.send(2, at(8));
  EXPECT_EQ(s.clock.watermark(), at(8));
}

}  // namespace
}  // namespace freshet
