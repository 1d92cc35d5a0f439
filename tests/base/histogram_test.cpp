#include "freshet/base/histogram.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "freshet/base/random.hpp"

namespace freshet {
namespace {

TEST(histogram, of_nothing_is_zero) {
  const histogram h;
  EXPECT_EQ(h.count(), 0u);
  EXPECT_EQ(h.min(), 0u);
  EXPECT_EQ(h.max(), 0u);
  EXPECT_EQ(h.mean(), 0);
  EXPECT_EQ(h.percentile(99), 0u);
}

TEST(histogram, of_small_values_is_exact) {
  histogram h;
  for (std::uint64_t ns = 1; ns <= 100; ++ns) h.record(ns);
  EXPECT_EQ(h.percentile(0), 1u);
  EXPECT_EQ(h.percentile(1), 1u);
  EXPECT_EQ(h.percentile(50), 50u);
  EXPECT_EQ(h.percentile(99), 99u);
  EXPECT_EQ(h.percentile(99.9), 100u);
  EXPECT_EQ(h.percentile(100), 100u);
  EXPECT_EQ(h.percentile(-5), 1u);
  EXPECT_EQ(h.percentile(200), 100u);
  EXPECT_EQ(h.mean(), 50.5);
}

TEST(histogram, every_value_is_reported_at_most_a_64th_too_high) {
  random_source random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto ns = std::uint64_t{1} << random.below(42) | random.below(std::uint64_t{1} << random.below(42));
    if (ns > histogram::largest) continue;
    histogram h;
    h.record(ns);
    h.record(histogram::largest);  // so that `max` doesn't cap the answer
    const auto reported = h.percentile(50);
    ASSERT_GE(reported, ns);
    ASSERT_LE(static_cast<double>(reported), static_cast<double>(ns) * (1 + 1 / 64.0)) << ns;
  }
}

TEST(histogram, keeps_the_order_at_every_bucket_border) {
  for (int bit = 0; bit < 42; ++bit) {
    const std::uint64_t border = std::uint64_t{1} << bit;
    for (const std::uint64_t ns : {border - 1, border, border + 1}) {
      histogram h;
      h.record(ns);
      h.record(histogram::largest);
      EXPECT_GE(h.percentile(50), ns);
      EXPECT_LE(h.percentile(50), ns + ns / 64);
    }
  }
}

TEST(histogram, percentiles_agree_with_sorted_values) {
  random_source random(2);
  histogram h;
  std::vector<std::uint64_t> all;
  for (int i = 0; i < 50'000; ++i) {
    all.push_back(static_cast<std::uint64_t>(random.exponential(200'000)));
    h.record(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double p : {1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto exact = all[static_cast<std::size_t>(std::ceil(p * 50'000 / 100)) - 1];
    EXPECT_GE(h.percentile(p), exact) << p;
    EXPECT_LE(static_cast<double>(h.percentile(p)), static_cast<double>(exact) * (1 + 1 / 64.0)) << p;
  }
}

TEST(histogram, counts_values_beyond_its_range_and_keeps_the_maximum) {
  histogram h;
  h.record(histogram::largest * 4);
  h.record(0);
  EXPECT_EQ(h.max(), histogram::largest * 4);
  EXPECT_EQ(h.percentile(100), histogram::largest * 4);
  EXPECT_EQ(h.percentile(50), 0u);
  EXPECT_EQ(h.min(), 0u);
}

TEST(histogram, records_many_at_once_merges_and_resets) {
  histogram a, b;
  a.record(10, 3);
  a.record(5, 0);
  b.record(1000);
  a.merge(b);
  a.merge(histogram());
  EXPECT_EQ(a.count(), 4u);
  EXPECT_EQ(a.min(), 10u);
  EXPECT_EQ(a.max(), 1000u);
  EXPECT_EQ(a.mean(), 257.5);
  EXPECT_EQ(a.percentile(75), 10u);
  EXPECT_EQ(a.percentile(76), 1000u);
  a.reset();
  EXPECT_EQ(a.count(), 0u);
  EXPECT_EQ(a.percentile(50), 0u);
}

}  // namespace
}  // namespace freshet
