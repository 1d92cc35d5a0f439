#include "connect/kafka/join_watch.hpp"

#include <gtest/gtest.h>

#include "freshet/testing/manual_clock.hpp"

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;

class join_watch_of_member : public ::testing::Test {
 protected:
  void SetUp() override {
    watch_.begin(1000ms);
    watch_.request_sent(join_watch::join_group);
    watch_.has_joined();
    watch_.goes_on();
  }
  void heartbeat() {
    watch_.request_sent(join_watch::heartbeat);
    watch_.response_received(join_watch::heartbeat);
  }

  freshet::testing::manual_clock time_;
  join_watch watch_{time_};
};

TEST_F(join_watch_of_member, commits_are_for_the_middle_between_two_heartbeats) {
  heartbeat();
  time_.advance(250ms);
  EXPECT_FALSE(watch_.may_commit());
  time_.advance(1ms);
  EXPECT_TRUE(watch_.may_commit());
  time_.advance(498ms);
  EXPECT_TRUE(watch_.may_commit());
  time_.advance(1ms);
  EXPECT_FALSE(watch_.may_commit()) << "the next one's answer may come before what is sent now";
  heartbeat();
  time_.advance(300ms);
  EXPECT_TRUE(watch_.may_commit());
}
TEST_F(join_watch_of_member, the_answer_is_waited_for) {
  watch_.request_sent(join_watch::heartbeat);
  time_.advance(300ms);
  EXPECT_FALSE(watch_.may_commit());
  watch_.response_received(join_watch::heartbeat);
  EXPECT_FALSE(watch_.may_commit());
  time_.advance(251ms);
  EXPECT_TRUE(watch_.may_commit());
}
TEST_F(join_watch_of_member, there_is_a_while_after_a_join) {
  time_.advance(249ms);
  EXPECT_FALSE(watch_.may_commit());
  time_.advance(2ms);
  EXPECT_TRUE(watch_.may_commit());
}
TEST_F(join_watch_of_member, nothing_is_committed_beside_a_join) {
  heartbeat();
  watch_.request_sent(join_watch::join_group);
  time_.advance(300ms);
  EXPECT_TRUE(watch_.is_joining());
  EXPECT_FALSE(watch_.may_commit());
  watch_.has_joined();
  watch_.goes_on();
  time_.advance(300ms);
  EXPECT_TRUE(watch_.may_commit());
}
TEST_F(join_watch_of_member, to_give_partitions_back_is_to_join_again) {
  heartbeat();
  time_.advance(300ms);
  watch_.gives_back();
  EXPECT_TRUE(watch_.is_joining());
  EXPECT_FALSE(watch_.may_commit());
}
TEST(join_watch, tells_who_has_asked_to_join_and_is_not_in) {
  join_watch watch;
  EXPECT_FALSE(watch.is_half_joined());
  watch.begin(1000ms);
  watch.request_sent(join_watch::join_group);
  EXPECT_TRUE(watch.is_half_joined());
  watch.has_joined();
  EXPECT_TRUE(watch.is_half_joined());
  watch.goes_on();
  EXPECT_FALSE(watch.is_half_joined());
}

}  // namespace
}  // namespace freshet::kafka
