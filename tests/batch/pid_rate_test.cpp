#include "batch/pid_rate.hpp"

#include <gtest/gtest.h>

// The vectors of Spark's own PIDRateEstimatorSuite.
namespace {
using namespace freshet;

backpressure_options with(double p, double i, double d, double min) {
  return {.enabled = true, .proportional = p, .integral = i, .derivative = d, .min_rate = min};
}

TEST(pid_rate, says_nothing_for_the_first_batch_and_then_the_processing_rate) {
  pid_rate rate(20, with(1, 0, 0, 10));
  EXPECT_EQ(rate.compute(0, 10, 10, 0), std::nullopt);
  EXPECT_EQ(rate.compute(10, 10, 10, 0), 1000.0);
}

TEST(pid_rate, ignores_times_that_do_not_advance) {
  pid_rate rate(20, with(1, 0, 0, 10));
  EXPECT_EQ(rate.compute(0, 10, 10, 0), std::nullopt);
  EXPECT_EQ(rate.compute(10, 10, 10, 0), 1000.0);
  EXPECT_EQ(rate.compute(10, 10, 10, 0), std::nullopt);
}

TEST(pid_rate, ignores_batches_that_say_nothing) {
  pid_rate rate(20, with(1, 0, 0, 10));
  EXPECT_EQ(rate.compute(0, 10, 10, 0), std::nullopt);
  EXPECT_EQ(rate.compute(10, 0, 10, 0), std::nullopt);
  EXPECT_EQ(rate.compute(20, -10, 10, 0), std::nullopt);
  EXPECT_EQ(rate.compute(30, 10, 0, 0), std::nullopt);
  EXPECT_EQ(rate.compute(40, 10, -10, 0), std::nullopt);
}

TEST(pid_rate, sinks_to_its_minimum_under_a_scheduling_delay) {
  pid_rate rate(20, with(1, 1, 0, 5));
  for (int k = 0; k < 50; ++k) {
    const auto got = rate.compute(k * 20, 1, 20, 100);
    if (k == 0) EXPECT_EQ(got, std::nullopt);
    else EXPECT_EQ(got, 5.0) << k;
  }
}

TEST(pid_rate, follows_a_growing_processing_rate) {
  pid_rate rate(20, with(1, 1, 0, 10));
  for (int k = 0; k < 50; ++k) {
    const auto got = rate.compute(k * 20, (k + 1) * 20, 20, 0);
    if (k == 0) EXPECT_EQ(got, std::nullopt);
    else EXPECT_EQ(got, (k + 1) * 1000.0);
  }
}

TEST(pid_rate, weighs_past_errors) {
  pid_rate rate(1000, with(1, 0.2, 0, 100));
  EXPECT_EQ(rate.compute(1000, 5000, 800, 0), std::nullopt);
  EXPECT_DOUBLE_EQ(rate.compute(2000, 5000, 1250, 0).value(), 4000);
  EXPECT_DOUBLE_EQ(rate.compute(3000, 4000, 1000, 250).value(), 3800);
  EXPECT_DOUBLE_EQ(rate.compute(4000, 4000, 1000, 1000).value(), 3200);
  EXPECT_DOUBLE_EQ(rate.compute(5000, 10, 1000, 0).value(), 100);
}

}  // namespace
