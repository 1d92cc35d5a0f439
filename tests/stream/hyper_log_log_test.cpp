#include "freshet/stream/hyper_log_log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "freshet/base/random.hpp"
#include "freshet/core/stable_hash.hpp"

namespace freshet {
namespace {

hyper_log_log sketch_of(std::uint64_t from, std::uint64_t to) {
  hyper_log_log h;
  for (auto i = from; i < to; ++i) h.add(stable_hash<std::uint64_t>::of(i));
  return h;
}

TEST(hyper_log_log, is_exact_up_to_512) {
  EXPECT_EQ(hyper_log_log{}.estimate(), 0);
  EXPECT_EQ(sketch_of(0, 1).estimate(), 1);
  auto h = sketch_of(0, 512);
  h.merge(sketch_of(0, 512));
  EXPECT_EQ(h.estimate(), 512);
}

/// Errors of many independent sketches: their mean shows a bias, their square the standard error.
TEST(hyper_log_log, keeps_its_error_without_bias_in_every_range) {
  const double expected = 1.04 / 64;
  for (const std::uint64_t n : {513, 1000, 2500, 5000, 10000, 12000, 20000, 60000}) {
    const int sketches = n > 20000 ? 30 : 60;
    double total = 0, squares = 0, worst = 0;
    for (int i = 0; i < sketches; ++i) {
      const std::uint64_t from = static_cast<std::uint64_t>(i) << 32;
      const double off = sketch_of(from, from + n).estimate() / static_cast<double>(n) - 1;
      total += off;
      squares += off * off;
      worst = std::max(worst, std::abs(off));
    }
    EXPECT_LT(std::abs(total / sketches), 4 * expected / std::sqrt(sketches)) << n;
    EXPECT_LT(std::sqrt(squares / sketches), 1.5 * expected) << n;
    EXPECT_LT(worst, 5 * expected) << n;
  }
}

TEST(hyper_log_log, ends_of_the_range) {
  hyper_log_log h;
  for (std::uint64_t i = 0; i < 4096; ++i) h.add(i << 52);  // every register as high as it can be
  EXPECT_GT(h.estimate(), 1e15);
  for (std::uint64_t i = 0; i < 600; ++i) h.add(i);
  EXPECT_GT(h.estimate(), 1e15);
}

TEST(hyper_log_log, follows_from_the_set_alone) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    random_source random(seed);
    std::vector<std::uint64_t> hashes(random.below(1400));
    for (auto& x : hashes) x = random();
    hyper_log_log whole;
    for (const auto x : hashes) whole.add(x);
    std::vector<hyper_log_log> parts(1 + random.below(6));
    std::shuffle(hashes.begin(), hashes.end(), random);
    for (const auto x : hashes) {
      parts[random.below(parts.size())].add(x);
      if (random.chance(0.3)) parts[random.below(parts.size())].add(x);  // also seen elsewhere
    }
    while (parts.size() > 1) {
      const auto i = random.below(parts.size() - 1);
      parts[i].merge(parts.back());
      parts.pop_back();
    }
    ASSERT_EQ(parts[0], whole) << "seed " << seed;
  }
}

TEST(hyper_log_log, is_written_and_read) {
  for (const std::uint64_t n : {0, 1, 512, 513, 9000}) {
    const auto h = sketch_of(0, n);
    writer w;
    codec<hyper_log_log>::write(w, h);
    hyper_log_log copy = sketch_of(5, 700);
    reader r(w.data());
    codec<hyper_log_log>::read(r, copy, 1);
    EXPECT_TRUE(!r.failed() && r.left() == 0);
    EXPECT_EQ(copy, h);
  }
}

TEST(hyper_log_log, refuses_damaged_bytes) {
  writer short_registers;
  write_value(short_registers, std::vector<std::uint64_t>{});
  write_value(short_registers, std::vector<std::uint8_t>(100));
  writer high_registers;
  write_value(high_registers, std::vector<std::uint64_t>{});
  write_value(high_registers, std::vector<std::uint8_t>(4096, 200));
  writer unsorted;
  write_value(unsorted, std::vector<std::uint64_t>{2, 1});
  write_value(unsorted, std::vector<std::uint8_t>{});
  for (const writer* w : {&short_registers, &high_registers, &unsorted}) {
    reader r(w->data());
    hyper_log_log h;
    codec<hyper_log_log>::read(r, h, 1);
    EXPECT_TRUE(r.failed());
    EXPECT_EQ(h.estimate(), 0);
  }
}

}  // namespace
}  // namespace freshet
