#include "freshet/base/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

namespace freshet {
namespace {

static_assert(std::uniform_random_bit_generator<random_source>);

// Computed by an independent implementation; the first number is also that of Rust's rand_xoshiro for seed 0.
TEST(random_source, gives_the_published_sequence) {
  random_source random(0);
  for (const std::uint64_t expected :
       {0x99ec5f36cb75f2b4u, 0xbf6e1f784956452au, 0x1a5f849d4933e6e0u, 0x6aa594f1262d2d2cu})
    EXPECT_EQ(random(), expected);
}

TEST(random_source, the_seed_decides) {
  random_source a(7), same(7), other(8);
  EXPECT_EQ(a(), same());
  EXPECT_NE(a(), other());
}

TEST(random_source, below_reaches_all_and_only_smaller_numbers_evenly) {
  random_source random(1);
  std::array<int, 10> seen{};
  constexpr int draws = 100'000;
  for (int i = 0; i < draws; ++i) ++seen.at(random.below(10));
  double chi_square = 0;
  for (const int n : seen) chi_square += (n - draws / 10.0) * (n - draws / 10.0) / (draws / 10.0);
  EXPECT_LT(chi_square, 27.9);  // 0.1 % of 9 degrees of freedom; the seed is fixed
  EXPECT_EQ(random.below(1), 0u);
  for (int i = 0; i < 1000; ++i) EXPECT_LT(random.below((std::uint64_t{1} << 63) + 1), (std::uint64_t{1} << 63) + 1);
}

TEST(random_source, uniform01_stays_below_one_with_mean_one_half) {
  random_source random(2);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double x = random.uniform01();
    ASSERT_GE(x, 0);
    ASSERT_LT(x, 1);
    sum += x;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.005);
}

TEST(random_source, exponential_has_its_mean_and_deviation) {
  random_source random(3);
  double sum = 0, squares = 0;
  constexpr int draws = 200'000;
  for (int i = 0; i < draws; ++i) {
    const double x = random.exponential(4);
    ASSERT_GE(x, 0);
    ASSERT_TRUE(std::isfinite(x));
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / draws, 4, 0.05);
  EXPECT_NEAR(std::sqrt(squares / draws - (sum / draws) * (sum / draws)), 4, 0.1);
}

TEST(random_source, chance_of_nothing_and_of_everything) {
  random_source random(4);
  int yes = 0;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_FALSE(random.chance(0));
    EXPECT_TRUE(random.chance(1));
    yes += random.chance(0.25);
  }
  EXPECT_NEAR(yes, 2500, 150);
}

TEST(random_source, drives_std_distributions) {
  random_source random(5);
  std::uniform_int_distribution<int> die(1, 6);
  for (int i = 0; i < 100; ++i) {
    const int n = die(random);
    EXPECT_TRUE(n >= 1 && n <= 6);
  }
}

TEST(system_seed, differs_between_calls) { EXPECT_NE(system_seed(), system_seed()); }

}  // namespace
}  // namespace freshet
