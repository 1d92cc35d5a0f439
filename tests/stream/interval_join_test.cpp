#include "freshet/stream/interval_join.hpp"

#include "stream/join_scene.hpp"

namespace freshet::joins {
namespace {

answer run(const side& left, const side& right, between reach, join_options options, const way& w) {
  return run_join(left, right, w, [&](const auto& l, const auto& r, std::size_t parallelism) {
    options.parallelism = parallelism;
    return with_function_of(options.kind, [&](auto f) { return l.interval_join("join", r, reach, f, options); });
  });
}
answer model(const side& left, const side& right, between reach, const join_options& o) {
  return nested_loop(left.with_stamps(), right.with_stamps(), reach, o);
}

/// One partition a side, times in order, so that nothing is late but where a test wants it.
side one(std::vector<event> events, event_span bound = ms(1000)) { return {{std::move(events)}, bound}; }
using ids = std::vector<std::pair<int, int>>;
/// The ids of the rows, the same in all engines.
ids pairs(const side& left, const side& right, between reach, join_kind kind = join_kind::inner,
          event_span lateness = {}) {
  const join_options options{.kind = kind, .allowed_lateness = lateness};
  const auto expected = model(left, right, reach, options);
  for (auto by : engines) {
    const way w{.by = by, .parallelism = 2};
    EXPECT_EQ(difference(expected, run(left, right, reach, options, w)), "") << w.text();
  }
  ids all;
  for (const auto& row : expected.rows) all.emplace_back(row.left, row.right);
  return all;
}

TEST(interval_join, both_ends_are_in) {
  const auto left = one({{1, at(100), 0}});
  const auto right = one({{1, at(89), 1}, {1, at(90), 2}, {1, at(100), 3}, {1, at(105), 4}, {1, at(106), 5}});
  EXPECT_EQ(pairs(left, right, {ms(-10), ms(5)}), (ids{{0, 2}, {0, 3}, {0, 4}}));
}

TEST(interval_join, a_gap_of_nothing_pairs_equal_times) {
  const auto left = one({{1, at(-5), 0}, {1, at(0), 1}});
  const auto right = one({{1, at(-6), 10}, {1, at(-5), 11}, {1, at(-4), 12}, {1, at(0), 13}, {2, at(0), 14}});
  EXPECT_EQ(pairs(left, right, {ms(0), ms(0)}), (ids{{0, 11}, {1, 13}}));
}

TEST(interval_join, an_interval_may_lie_on_one_side) {
  const auto left = one({{1, at(100), 0}});
  const auto right = one({{1, at(69), 1}, {1, at(70), 2}, {1, at(80), 3}, {1, at(81), 4}});
  EXPECT_EQ(pairs(left, right, {ms(-30), ms(-20)}, join_kind::full), (ids{{-1, 1}, {-1, 4}, {0, 2}, {0, 3}}));
  EXPECT_EQ(pairs(right, left, {ms(20), ms(30)}, join_kind::full), (ids{{1, -1}, {2, 0}, {3, 0}, {4, -1}}));
}

TEST(interval_join, kinds_give_what_has_no_partner) {
  const auto left = one({{1, at(0), 0}, {2, at(0), 1}});
  const auto right = one({{1, at(1), 10}, {3, at(1), 11}});
  const between reach{ms(0), ms(2)};
  EXPECT_EQ(pairs(left, right, reach), (ids{{0, 10}}));
  EXPECT_EQ(pairs(left, right, reach, join_kind::left), (ids{{0, 10}, {1, -1}}));
  EXPECT_EQ(pairs(left, right, reach, join_kind::right), (ids{{-1, 11}, {0, 10}}));
  EXPECT_EQ(pairs(left, right, reach, join_kind::full), (ids{{-1, 11}, {0, 10}, {1, -1}}));
}

TEST(interval_join, an_empty_side_leaves_the_other_alone) {
  const auto some = one({{1, at(0), 0}, {1, at(0), 1}});
  EXPECT_EQ(pairs(some, one({}), {ms(0), ms(9)}, join_kind::full), (ids{{0, -1}, {1, -1}}));
  EXPECT_EQ(pairs(one({}), some, {ms(0), ms(9)}, join_kind::full), (ids{{-1, 0}, {-1, 1}}));
  EXPECT_EQ(pairs(one({}), one({}), {ms(0), ms(9)}, join_kind::full), ids{});
}

TEST(interval_join, many_to_many_of_one_key) {
  std::vector<event> left, right;
  for (int i = 0; i < 60; ++i) left.push_back({7, at(i / 3), i});
  for (int i = 0; i < 80; ++i) right.push_back({7, at(i / 4), 1000 + i});
  EXPECT_EQ(pairs(one(left), one(right), {ms(-100), ms(100)}).size(), 4800u);
  EXPECT_EQ(pairs(one(left), one(right), {ms(0), ms(0)}).size(), 240u);
}

TEST(interval_join, late_on_each_side) {
  // With a bound of 10, what follows the tuple at 100 has the stamp 90.
  const auto left = one({{1, at(100), 0}, {1, at(90), 1}, {1, at(91), 2}}, ms(10));
  const auto right = one({{1, at(100), 10}, {1, at(85), 11}, {1, at(86), 12}, {1, at(100), 13}}, ms(10));
  const join_options strict{}, patient{.allowed_lateness = ms(5)};
  const auto a = model(left, right, {ms(-50), ms(50)}, strict);
  EXPECT_EQ(a.left_late, (std::vector<late_row>{{1, at(90), at(90), late_reason::time}}));
  EXPECT_EQ(a.right_late.size(), 2u);
  const auto b = model(left, right, {ms(-50), ms(50)}, patient);
  EXPECT_EQ(b.left_late.size(), 0u);
  EXPECT_EQ(b.right_late, (std::vector<late_row>{{11, at(85), at(90), late_reason::time}}));
  EXPECT_EQ(pairs(left, right, {ms(-50), ms(50)}).size(), 4u);
  EXPECT_EQ(pairs(left, right, {ms(-50), ms(50)}, join_kind::full, ms(5)).size(), 9u);
}

TEST(interval_join, random_schedules_give_what_a_nested_loop_gives) {
  for (std::uint64_t seed = 0; seed < seeds_up_to(240); ++seed) {
    random_source random(seed);
    const scene s(random);
    const auto lower = static_cast<std::int64_t>(random.below(40)) - 25;
    const between reach{ms(lower), ms(lower + static_cast<std::int64_t>(random.chance(0.2) ? 0 : random.below(30)))};
    const join_options options{.kind = static_cast<join_kind>(seed % 4), .allowed_lateness = s.lateness};
    const auto expected = model(s.left, s.right, reach, options);
    for (auto by : engines) {
      const auto w = way::random(by, random);
      ASSERT_EQ(difference(expected, run(s.left, s.right, reach, options, w)), "")
          << "seed " << seed << ", " << to_string(options.kind) << ", " << w.text();
    }
  }
}

}  // namespace
}  // namespace freshet::joins
