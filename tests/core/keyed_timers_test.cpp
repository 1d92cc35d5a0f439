#include "freshet/core/keyed_timers.hpp"

#include <gtest/gtest.h>

#include "freshet/base/random.hpp"
#include "freshet/base/time_arithmetic.hpp"

namespace freshet {
namespace {

constexpr event_time at(std::int64_t ms) { return event_time(event_span(ms)); }

using timers = keyed_timers<std::string>;
using fired = std::vector<std::tuple<std::string, std::uint64_t, event_time, event_time>>;

fired take_all(timers& t, event_time watermark = end_of_time) {
  fired all;
  while (auto due = t.take_due(watermark)) all.emplace_back(due->key, due->tag, due->time, due->stamp);
  return all;
}
void change(timers& t, random_source& random) {
  const std::string key = "key " + std::to_string(random.below(30));
  const std::uint64_t tag = random.below(2);
  const auto what = random.below(10);
  if (what < 7) t.set(key, tag, at(static_cast<std::int64_t>(random.below(20))), at(1));
  else if (what < 9) t.erase(key, tag);
  else t.take_due(at(static_cast<std::int64_t>(random.below(20))));
}
std::string saved(const timers& t, std::uint32_t groups) {
  writer w;
  for (std::uint32_t g = 0; g < groups; ++g) t.save(g, w);
  return w.take();
}

TEST(keyed_timers, order_does_not_depend_on_the_number_of_groups) {
  timers one(1), many(128);
  random_source a(1), b(1);
  for (int i = 0; i < 2000; ++i) {
    change(one, a);
    change(many, b);
    ASSERT_EQ(one.next_time(), many.next_time());
  }
  ASSERT_EQ(one.size(), many.size());
  ASSERT_GT(one.size(), 10u);
  EXPECT_EQ(take_all(one), take_all(many));
}

TEST(keyed_timers, rollback_is_as_if_nothing_had_been) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    random_source random(seed);
    timers t(8);
    for (int i = 0; i < 300; ++i) change(t, random);
    const std::string before = saved(t, 8);
    t.begin();
    for (int i = 0; i < 300; ++i) change(t, random);
    t.rollback();
    ASSERT_EQ(saved(t, 8), before);
    timers copy(8);
    reader r(before);
    for (std::uint32_t g = 0; g < 8; ++g) ASSERT_TRUE(copy.load(g, r));
    ASSERT_EQ(t.next_time(), copy.next_time());
    ASSERT_EQ(take_all(t), take_all(copy)) << "seed " << seed;
  }
}

TEST(keyed_timers, rollback_over_and_over_stays_small) {
  timers t(2);
  for (int i = 0; i < 10; ++i) t.set(std::to_string(i), 0, at(100 + i), at(0));
  for (int round = 0; round < 2000; ++round) {
    t.begin();
    for (int i = 0; i < 10; ++i) t.set(std::to_string(i), 0, at(i), at(0));
    take_all(t, at(5));
    t.rollback();
  }
  EXPECT_EQ(t.size(), 10u);
  EXPECT_LT(t.bytes(), 20000u);
}

TEST(keyed_timers, commit_keeps) {
  timers t(8);
  t.begin();
  t.set("a", 0, at(1), at(0));
  t.commit();
  t.rollback();
  EXPECT_EQ(t.size(), 1u);
}

TEST(keyed_timers, groups_move_one_at_a_time) {
  timers t(8), other(8);
  for (int i = 0; i < 100; ++i) t.set(std::to_string(i), 0, at(i), at(0));
  const auto whole = saved(t, 8);
  for (std::uint32_t g = 0; g < 8; ++g) {
    writer w;
    t.save(g, w);
    reader r(w.data());
    ASSERT_TRUE(other.load(g, r));
    t.drop(g);
    ASSERT_EQ(t.size() + other.size(), 100u);
  }
  EXPECT_EQ(t.next_time(), end_of_time);
  EXPECT_EQ(saved(other, 8), whole);
  writer w;
  other.save(0, w);
  reader r(w.data());
  EXPECT_FALSE(other.load(1, r));  // keys of another group
}

}  // namespace
}  // namespace freshet
