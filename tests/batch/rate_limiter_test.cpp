#include "batch/rate_limiter.hpp"

#include <gtest/gtest.h>

namespace {
using namespace freshet;
using namespace std::chrono_literals;
using time_point = rate_limiter::time_point;

TEST(rate_limiter, deals_out_an_initial_rate) {
  rate_limiter limiter({.enabled = true, .initial_rate = 1000}, 100ms);
  time_point now{1s}, until{};
  EXPECT_EQ(limiter.take(50, now, until), 0u);
  EXPECT_GT(until, now);
  now += 10ms;
  EXPECT_EQ(limiter.take(50, now, until), 10u);
  now += 10s;  // saved for one interval only
  EXPECT_EQ(limiter.take(5000, now, until), 100u);
}

TEST(rate_limiter, takes_back_what_was_not_polled) {
  rate_limiter limiter({.enabled = true, .initial_rate = 1000}, 100ms);
  time_point now{1s}, until{};
  limiter.take(1, now, until);
  now += 50ms;
  EXPECT_EQ(limiter.take(100, now, until), 50u);
  limiter.give_back(20);
  EXPECT_EQ(limiter.take(100, now, until), 20u);
}

TEST(rate_limiter, has_no_limit_before_the_first_estimate) {
  rate_limiter limiter({.enabled = true}, 100ms);
  time_point now{1s}, until{};
  EXPECT_EQ(limiter.take(12345, now, until), 12345u);
  limiter.learn(now, 1000, 100ms, 0ms);
  limiter.learn(now + 100ms, 1000, 100ms, 0ms);
  EXPECT_DOUBLE_EQ(limiter.rate(), 10'000);
}

}  // namespace
