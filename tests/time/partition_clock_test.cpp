#include "freshet/time/partition_clock.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

using namespace std::chrono_literals;
using clock_type = policy_clock<bounded_out_of_orderness>;

event_time at(std::int64_t ms) { return event_time{event_span{ms}}; }
const event_clock::time_point start{1000s};

/// A spout's chain, as far as a clock sees it.
struct partition_clock_test : testing::Test {
  clock_type clock{{event_span{5}}, 10s};
  call_frame frame;
  event_time own = not_stamped;

  partition_clock_test() {
    frame.clock = &clock;
    frame.own_stamp = &own;
  }
  /// A message of one tuple.
  event_time see(partition_id from, std::int64_t time, bool continues = false) {
    ++frame.call;
    frame.source = {from, continues};
    own = not_stamped;
    return clock.stamp(frame, at(time), 0);
  }
};

TEST_F(partition_clock_test, a_stamp_is_the_watermark_before_the_message) {
  clock.open({0}, start);
  EXPECT_EQ(see(0, 100), beginning_of_time);
  EXPECT_EQ(see(0, 90), at(95));
  EXPECT_EQ(see(0, 120), at(95));
  EXPECT_EQ(clock.watermark(), at(115));
}

TEST_F(partition_clock_test, partitions_have_their_own) {
  clock.open({0, 1}, start);
  see(0, 100);
  EXPECT_EQ(see(1, 50), beginning_of_time);
  EXPECT_EQ(see(1, 60), at(45));
  EXPECT_EQ(clock.watermark(), at(55));
}

TEST_F(partition_clock_test, partitions_that_have_sent_nothing_hold_it_back) {
  clock.open({0, 1}, start);
  see(0, 100);
  EXPECT_EQ(clock.watermark(), beginning_of_time);
  clock.look(start + 9s, true);
  see(0, 101);
  EXPECT_EQ(clock.look(start + 10s, true), start + 20s);
  EXPECT_EQ(clock.watermark(), at(96));
  EXPECT_FALSE(clock.is_idle());
}

TEST_F(partition_clock_test, a_test_can_say_how_far_one_of_them_has_come) {
  clock.open({0, 1}, start);
  see(0, 100);
  clock.advance(0, at(200));
  EXPECT_EQ(clock.watermark(), beginning_of_time) << "the other one holds it back";
  clock.advance(1, at(150));
  EXPECT_EQ(clock.watermark(), at(150));
  EXPECT_EQ(see(0, 120), at(200)) << "it stamps what follows";
  clock.advance(1, at(90));
  clock.advance(1, end_of_time);
  EXPECT_EQ(clock.watermark(), at(200)) << "never back, and never the end";
}

TEST_F(partition_clock_test, is_idle_when_all_partitions_are) {
  clock.open({0}, start);
  see(0, 100);
  clock.look(start, true);
  clock.look(start + 10s, true);
  EXPECT_TRUE(clock.is_idle());
  EXPECT_EQ(clock.watermark(), at(95));
  see(0, 101);
  EXPECT_EQ(clock.watermark(), at(96));
  EXPECT_FALSE(clock.is_idle());
}

TEST_F(partition_clock_test, who_could_not_send_is_not_idle) {
  clock.open({0}, start);
  clock.look(start + 9s, false);
  clock.look(start + 18s, true);
  EXPECT_FALSE(clock.is_idle());
  clock.look(start + 19s, true);
  EXPECT_TRUE(clock.is_idle());
}

TEST_F(partition_clock_test, a_task_without_partitions_is_idle) {
  clock.open({}, start);
  EXPECT_TRUE(clock.is_idle());
}

TEST_F(partition_clock_test, a_partition_without_a_name_holds_it_back_and_is_the_first_that_sends) {
  clock.open({some_partition}, start);
  EXPECT_FALSE(clock.is_idle());
  EXPECT_EQ(clock.watermark(), beginning_of_time);
  see(1, 100);
  EXPECT_EQ(clock.watermark(), at(95));
  see(2, 110);
  see(1, 120);
  EXPECT_EQ(clock.watermark(), at(105));
}

TEST_F(partition_clock_test, a_partition_without_a_name_is_idle_after_the_timeout) {
  clock.open({some_partition}, start);
  EXPECT_EQ(clock.look(start, true), start + 10s);
  clock.look(start + 10s, true);
  EXPECT_TRUE(clock.is_idle());
}

TEST_F(partition_clock_test, a_copy_knows_that_a_partition_has_no_name_yet) {
  clock.open({some_partition}, start);
  const auto before = clock.copy();
  see(1, 100);
  clock.assign(*before);
  EXPECT_FALSE(clock.is_idle());
  EXPECT_EQ(clock.watermark(), beginning_of_time);
  see(2, 110);
  EXPECT_EQ(clock.watermark(), at(105));
}

TEST_F(partition_clock_test, tuples_of_a_message_and_of_a_position_share_a_stamp) {
  clock.open({0}, start);
  see(0, 100);
  EXPECT_EQ(clock.stamp(frame, at(200), 0), beginning_of_time);  // another tuple of the same message
  EXPECT_EQ(see(0, 300, true), beginning_of_time);               // another message of the same position
  EXPECT_EQ(see(0, 300), at(295));
}

TEST_F(partition_clock_test, what_is_emitted_again_has_the_stamp_it_had) {
  clock.open({0}, start);
  see(0, 100);
  ++frame.call;
  own = at(33);
  EXPECT_EQ(clock.stamp(frame, at(900), 0), at(33));
  EXPECT_EQ(clock.watermark(), at(95));  // it was seen when it came first
}

TEST_F(partition_clock_test, a_call_that_is_made_once_more_was_not_seen) {
  clock.open({0}, start);
  frame.rollback_state = true;
  see(0, 100);
  see(0, 200);
  frame.undo_stamp();
  EXPECT_EQ(own, not_stamped);
  EXPECT_EQ(clock.watermark(), at(95));
  EXPECT_EQ(see(0, 150), at(95));
}

TEST_F(partition_clock_test, goes_back_to_a_copy) {
  clock.open({0, 1}, start);
  see(0, 100);
  const auto before = clock.copy();
  see(0, 200);
  see(1, 300);
  see(7, 1);  // a partition it did not know
  clock.assign(*before);
  EXPECT_EQ(clock.watermark(), beginning_of_time);
  EXPECT_EQ(see(0, 150), at(95));
  EXPECT_EQ(see(1, 150), beginning_of_time);
  EXPECT_EQ(see(7, 5), beginning_of_time);
}

TEST_F(partition_clock_test, what_was_not_shown_to_it_has_the_watermark_there_is) {
  clock.open({0}, start);
  see(0, 100);
  EXPECT_EQ(clock.stamp_of({0, false}), at(95));
  ++frame.call;
  own = not_stamped;
  frame.keep_stamp();
  EXPECT_EQ(own, at(95));
}

}  // namespace
}  // namespace freshet
