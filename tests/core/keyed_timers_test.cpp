#include "freshet/core/keyed_timers.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "core/bolt_bench.hpp"
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

/// A key that can be written while nobody has `refused`.
struct fragile {
  int id = 0;
  bool operator==(const fragile&) const = default;
  static inline bool refused = false;
};
struct sets_a_timer {
  using state = int;
  void process(const int& v, state& n, processing_timers& t, emitter<int>&) {
    ++n;
    if (v != 0) t.at(at(v));
  }
  void on_processing_timer(const fragile&, event_time, state&, processing_timers&, emitter<int>&) {}
};

}  // namespace

template <>
struct codec<fragile> {
  static void write(writer& w, const fragile& f) {
    if (fragile::refused) throw std::runtime_error("no more keys");
    w.raw(f.id);
  }
  static void read(reader& r, fragile& f, std::uint32_t) { f.id = r.raw<int>(); }
};

namespace {

/// A call changes timers when it is over, where nothing may throw; the group is written first, as it was at the
/// barrier.
TEST(keyed_timers, a_key_that_cannot_be_written_fails_the_epoch_and_not_the_call_that_sets_a_timer) {
  samples::bolt_bench<int, int> bench{
      sets_a_timer{}, key_grouping{[](int) { return fragile{7}; }}, {.max_parallelism = 1}};
  auto& state = *bench.op->state;
  bench.read({1, 2});
  state.freeze(key_group_range{0, 1});
  bench.read({0});  // what the key's state was is written with its first use
  fragile::refused = true;
  bench.read({3});
  fragile::refused = false;
  EXPECT_TRUE(bench.host.failures.empty());
  const auto write_all = [&] {
    while (!state.write_frozen(100)) {}
  };
  try {
    write_all();
    ADD_FAILURE() << "the epoch lacks timers";
  } catch (const std::runtime_error& e) { EXPECT_STREQ(e.what(), "no more keys"); }

  // Another epoch has all of them.
  (void)state.take_frozen();
  state.freeze(key_group_range{0, 1});
  bench.read({4});
  write_all();
  const auto whole = state.take_frozen();
  timed_state<fragile, int> loaded(1);
  reader r(whole.groups.at(0));
  ASSERT_TRUE(loaded.load(0, r));
  std::vector<int> due;
  while (auto t = loaded.processing_timers.take_due(end_of_time))
    due.push_back(static_cast<int>((t->time - at(0)).count()));
  EXPECT_EQ(due, (std::vector{1, 2, 3}));
}

}  // namespace
}  // namespace freshet
