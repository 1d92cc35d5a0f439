#include "freshet/stream/numeric_aggregates.hpp"

#include <chrono>

#include "stream/aggregate_laws.hpp"

namespace freshet {
namespace {

namespace agg = aggregates;

struct order {
  std::string user;
  int amount = 0;
  double price = 0;
  std::chrono::seconds took{};
  double total() const { return amount * price; }
};
const std::vector<order> orders{{"a", 3, 0.5, std::chrono::seconds(4)},
                                {"b", -7, 2, std::chrono::seconds(1)},
                                {"a", 5, 1.25, std::chrono::seconds(9)}};

template <class A, class T>
auto answer(const A& a, const std::vector<T>& values) {
  return result_of(a, added(a, values));
}
bool near(double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(1.0, std::abs(b)); }

std::vector<double> random_numbers(std::uint64_t seed, double mean = 0) {
  random_source random(seed);
  std::vector<double> all(200);
  for (auto& x : all) x = mean + random.uniform01() * 100 - 50;
  return all;
}

TEST(numeric_aggregates, take_fields_functions_and_values) {
  EXPECT_EQ(answer(agg::sum{&order::amount}, orders), 1);
  EXPECT_EQ(answer(agg::sum{&order::total}, orders), 3 * 0.5 - 14 + 5 * 1.25);
  EXPECT_EQ(answer(agg::sum{[](const order& o) { return o.user.size(); }}, orders), 3u);
  EXPECT_EQ(answer(agg::sum<int>{}, std::vector{1, 2, 3}), 6);
  EXPECT_EQ(answer(agg::sum{&order::took}, orders), std::chrono::seconds(14));
  EXPECT_EQ(answer(agg::count<order>{}, orders), 3u);
  EXPECT_EQ(answer(agg::mean{&order::amount}, orders), 1.0 / 3);
  EXPECT_EQ(answer(agg::min{&order::amount}, orders), -7);
  EXPECT_EQ(answer(agg::max{&order::price}, orders), 2);
  EXPECT_EQ(answer(agg::max{&order::user}, orders), "b");
  EXPECT_EQ(answer(agg::min<std::string>{}, std::vector<std::string>{"b", "a"}), "a");
}

TEST(numeric_aggregates, fit_the_streams_they_are_for) {
  static_assert(wiring::check_aggregate<agg::sum<order, int order::*>, order>::ok);
  static_assert(std::is_same_v<accumulator_t<agg::sum<std::uint8_t>>, std::uint64_t>);
  static_assert(std::is_same_v<aggregate_result_t<agg::sum<float>>, double>);
  static_assert(std::is_same_v<aggregate_result_t<agg::max<float>>, float>);
  static_assert(starts_neutral<agg::variance<int>> && starts_neutral<agg::min<int>> && starts_neutral<agg::mean<int>>);
}

TEST(numeric_aggregates, sums_of_integers_wrap) {
  EXPECT_EQ(answer(agg::sum<std::int64_t>{}, std::vector<std::int64_t>{INT64_MAX, 1}), INT64_MIN);
  EXPECT_EQ(answer(agg::sum<std::int8_t>{}, std::vector<std::int8_t>{127, 127}), 254);
}

TEST(numeric_aggregates, merging_is_adding_all) {
  expect_merges(agg::count<order>{}, orders);
  expect_merges(agg::sum{&order::amount}, orders);
  expect_merges(agg::min{&order::amount}, orders);
  expect_merges(agg::max{&order::user}, orders);
  std::vector<std::int64_t> wide;
  random_source random(1);
  for (int i = 0; i < 100; ++i) wide.push_back(static_cast<std::int64_t>(random()));
  expect_merges(agg::sum<std::int64_t>{}, wide);
  expect_merges(agg::min<std::int64_t>{}, wide);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto numbers = random_numbers(seed);
    expect_merges(agg::sum<double>{}, numbers, near, seed);
    expect_merges(agg::mean<double>{}, numbers, near, seed);
    const auto same = [](const agg::moments& a, const agg::moments& b) {
      return a.count == b.count && near(a.mean, b.mean) && near(a.variance(), b.variance());
    };
    expect_merges(agg::variance<double>{}, numbers, same, seed);
  }
}

TEST(numeric_aggregates, variance_by_its_definition) {
  for (const double mean : {0.0, 1e9}) {  // sums of squares would lose all digits of the second
    const auto numbers = random_numbers(7, mean);
    double total = 0, squares = 0;
    for (const double x : numbers) total += x - mean;
    const double middle = total / static_cast<double>(numbers.size());
    for (const double x : numbers) squares += (x - mean - middle) * (x - mean - middle);
    const auto m = answer(agg::variance<double>{}, numbers);
    EXPECT_EQ(m.count, numbers.size());
    EXPECT_NEAR(m.mean, mean + middle, 1e-9 * std::max(1.0, mean));
    EXPECT_NEAR(m.variance(), squares / 200, squares * 1e-7);
    EXPECT_NEAR(m.sample_variance(), squares / 199, squares * 1e-7);
    EXPECT_DOUBLE_EQ(m.sample_deviation() * m.sample_deviation(), m.sample_variance());
  }
}

TEST(numeric_aggregates, of_nothing_and_of_one) {
  EXPECT_TRUE(std::isnan(answer(agg::mean<double>{}, std::vector<double>{})));
  EXPECT_TRUE(std::isnan(answer(agg::variance<double>{}, std::vector<double>{}).variance()));
  EXPECT_TRUE(std::isnan(answer(agg::variance<double>{}, std::vector<double>{3}).sample_variance()));
  EXPECT_EQ(answer(agg::variance<double>{}, std::vector<double>{3}).variance(), 0);
}

TEST(numeric_aggregates, extremes_pass_over_what_is_no_number) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& values : {std::vector{nan, 2.0, 1.0}, std::vector{2.0, nan, 1.0}, std::vector{2.0, 1.0, nan}}) {
    EXPECT_EQ(answer(agg::min<double>{}, values), 1);
    EXPECT_EQ(answer(agg::max<double>{}, values), 2);
  }
  EXPECT_TRUE(std::isnan(answer(agg::min<double>{}, std::vector{nan})));
}

}  // namespace
}  // namespace freshet
