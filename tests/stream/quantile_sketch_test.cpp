#include "freshet/stream/quantile_sketch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

#include "freshet/base/random.hpp"

namespace freshet {
namespace {

quantile_sketch sketch_of(const std::vector<double>& values, double error = 0.01) {
  quantile_sketch s(error);
  for (const double v : values) s.add(v);
  return s;
}
void expect_within(std::vector<double> values, double error) {
  const auto s = sketch_of(values, error);
  std::sort(values.begin(), values.end());
  for (const double q : {0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0}) {
    const double exact = values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
    EXPECT_LE(std::abs(s.quantile(q) - exact), error * std::abs(exact) * (1 + 1e-9)) << q << " of " << values.size();
  }
}

TEST(quantile_sketch, keeps_its_error_on_all_kinds_of_numbers) {
  random_source random(1);
  const std::vector<std::function<double()>> kinds{
      [&] { return random.uniform01() * 1000; },
      [&] { return random.exponential(3); },
      [&] { return std::exp(random.uniform01() * 30 - 15); },
      [&] { return random.uniform01() - 0.5; },
      [&] { return static_cast<double>(random.below(3)) - 1; },
      [&] { return -1e6 * random.uniform01(); },
      [&] { return 42.0; },
      [&] { return std::exp(random.uniform01() * 35); },
  };
  for (const auto& next : kinds) {
    for (const std::size_t n : {1, 2, 10, 5000}) {
      std::vector<double> values(n);
      std::generate(values.begin(), values.end(), next);
      for (const double error : {0.01, 0.05, 0.2}) expect_within(values, error);
    }
  }
}

TEST(quantile_sketch, of_nothing) {
  EXPECT_TRUE(std::isnan(quantile_sketch().quantile(0.5)));
  EXPECT_EQ(sketch_of({std::nan("")}).count(), 0u);
}

TEST(quantile_sketch, ends_of_the_range) {
  const double inf = std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::max();
  const auto s = sketch_of({-inf, 0, inf, 1e-320, -0.0});
  EXPECT_EQ(s.quantile(0), -most);
  EXPECT_EQ(s.quantile(1), most);
  EXPECT_EQ(s.quantile(0.5), 0);
  EXPECT_EQ(s.quantile(-3), -most);
  EXPECT_EQ(s.quantile(3), most);
}

TEST(quantile_sketch, keeps_the_upper_end_when_it_runs_out_of_buckets) {
  random_source random(2);
  std::vector<double> values(20000);
  for (auto& v : values) v = std::exp(random.uniform01() * 400 - 200);
  const auto s = sketch_of(values);
  std::sort(values.begin(), values.end());
  for (const double q : {0.95, 0.99, 0.999}) {
    const double exact = values[static_cast<std::size_t>(q * 19999)];
    EXPECT_NEAR(s.quantile(q) / exact, 1, 0.0101);
  }
  writer w;
  codec<quantile_sketch>::write(w, s);
  EXPECT_LT(w.size(), 2048 * 12 + 100);
}

TEST(quantile_sketch, follows_from_the_values_alone) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    random_source random(seed);
    const double span = seed % 2 ? 5 : 150;  // the second runs out of buckets
    std::vector<double> values(random.below(500));
    for (auto& v : values) v = (random.chance(0.5) ? 1 : -1) * std::exp(random.uniform01() * span - span / 2);
    const auto whole = sketch_of(values);
    std::shuffle(values.begin(), values.end(), random);
    std::vector<quantile_sketch> parts(1 + random.below(6));
    for (const double v : values) parts[random.below(parts.size())].add(v);
    while (parts.size() > 1) {
      parts[random.below(parts.size() - 1)].merge(parts.back());
      parts.pop_back();
    }
    ASSERT_EQ(parts[0], whole) << "seed " << seed;
  }
}

TEST(quantile_sketch, refuses_an_error_it_cannot_keep) {
  for (const double error : {0.0, -1.0, 1.0, std::nan("")}) EXPECT_THROW(quantile_sketch{error}, std::invalid_argument);
}

TEST(quantile_sketch, is_written_and_read) {
  const auto s = sketch_of({-3, 0, 5, 1e9, 7}, 0.02);
  writer w;
  codec<quantile_sketch>::write(w, s);
  quantile_sketch copy = sketch_of({1});
  reader r(w.data());
  codec<quantile_sketch>::read(r, copy, 1);
  EXPECT_TRUE(!r.failed() && r.left() == 0);
  EXPECT_EQ(copy, s);
  std::string bytes = w.take();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const char bit : {'\x01', '\x80', '\xff'}) {  // whatever it reads, it must stay within bounds
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ bit);
      reader from(damaged);
      quantile_sketch any;
      codec<quantile_sketch>::read(from, any, 1);
      any.add(2);
      any.add(-1e300);
      any.merge(any.relative_error() == s.relative_error() ? s : any);
      static_cast<void>(any.quantile(0.5));
    }
  }
}

}  // namespace
}  // namespace freshet
