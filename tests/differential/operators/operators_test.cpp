// Random operators in a row over random rows, out of order, from several spouts and partitions, on both engines, with
// faults, and with partitions that fall asleep: results and late rows are those of plain loops, to the last one.
//
// A test that fails names the seed. To run it alone:
//     FRESHET_SEED=123 build/dev/tests/differential_tests --gtest_filter='*random_operators*'
// More seeds a case: FRESHET_SEEDS=2000.
#include <gtest/gtest.h>

#include "differential/operators/model.hpp"
#include "differential/operators/run_operators.hpp"
#include "differential/time/seeds.hpp"

namespace freshet::differential::operators {
namespace {

std::string wrong_with(const operator_scene& s, const promise& kept, random_source& random) {
  return difference(s, run_operators(s, kept, random));
}

class random_operators : public ::testing::TestWithParam<part_of_promise> {};

TEST_P(random_operators, give_what_plain_loops_give) { compare_seeds(GetParam(), 80, some_operator_scene, wrong_with); }

INSTANTIATE_TEST_SUITE_P(seeds, random_operators, parts_of_promises(), name_of_part);

constexpr const promise& in_events = promises[0];
constexpr const promise& in_batches = promises[4];

/// What is different when the loops are a millisecond off.
template <class Change>
std::string difference_by(const operator_scene& s, Change&& change) {
  random_source random(s.seed);
  auto other = s;
  change(other);
  return difference(other, run_operators(s, in_batches, random));
}
template <class Change>
void expect_found(Change&& change) {
  const auto wrong_with_it = [&](const operator_scene& s) { return difference_by(s, change); };
  std::uint64_t seed = 1;
  while (seed <= 60 && (has_naps(some_operator_scene(seed)) || wrong_with_it(some_operator_scene(seed)).empty()))
    ++seed;
  ASSERT_LE(seed, 60u);
  const auto least = shortest(some_operator_scene(seed), wrong_with_it);
  std::size_t rows = 0;
  for (const auto& partition : least.rows) rows += partition.size();
  EXPECT_GE(rows, 1u);
  EXPECT_LE(rows, 4u) << described(least) << wrong_with_it(least);
}

TEST(operator_model, an_allowed_lateness_that_is_off_by_a_millisecond_is_found_with_few_rows) {
  expect_found([](operator_scene& s) { s.stages[0].lateness += tick; });
}
TEST(operator_model, a_watermark_that_is_off_by_a_millisecond_is_found_with_few_rows) {
  expect_found([](operator_scene& s) { s.sources[0].bound += tick; });
}
TEST(operator_model, a_missing_row_is_found_with_few_rows) {
  expect_found([](operator_scene& s) {
    for (auto& partition : s.rows)
      if (!partition.empty()) return partition.pop_back();
  });
}

/// 17 matches end with one row, so they have its time and its origin: behind them nothing but the order in which they
/// were given says which is first. They are more than the 16 that std::sort leaves in their order by chance.
TEST(operator_model, matches_that_one_row_ends_stay_in_the_order_of_their_beginnings) {
  operator_scene s;
  s.seed = 1;
  // Rows of kind 1 followed by one of kind 2, all of which may overlap, then the digest of 17 matches in their order.
  s.stages = {{.what = operation::pattern, .span = event_span{20}, .number = 278, .variant = true, .parallelism = 2},
              {.what = operation::tumbling_count, .span = event_span{1}, .number = 17, .parallelism = 2}};
  s.sources.resize(2);  // of a partition each; the second has no rows
  s.sources[1].first = 1;
  s.rows.resize(2);
  const timed_row last{0, event_time{event_span{17}}, 2};
  std::int64_t matches = 0;
  for (std::int64_t i = 0; i < 17; ++i) {
    const timed_row first{0, event_time{event_span{i}}, 20 * i + 1};  // matches of one key of the second stage
    s.rows[0].push_back(first);
    matches = mixed(matches, mixed(first.value, last.value));
  }
  s.rows[0].push_back(last);
  const auto key = result_row(mixed(1, last.value), {}).key;
  const auto wanted = mixed(mixed(mixed(key, matches), 0), true);

  const auto of_loops = answers_of(s, {});
  ASSERT_EQ(of_loops.results.size(), 1u);
  EXPECT_EQ(of_loops.results[0].row.value, wanted);
  for (const auto* kept : {&in_events, &in_batches}) {
    random_source random(s.seed);
    const auto got = run_operators(s, *kept, random);
    ASSERT_EQ(got.results.size(), 1u) << kept->name;
    EXPECT_EQ(got.results[0].row.value, wanted) << kept->name;
    EXPECT_EQ(difference(s, got), "") << kept->name;
  }
}

/// Which of the rows come late is luck, but not whether any do.
TEST(operator_model, rows_of_partitions_that_slept_are_late_by_it_or_in_the_result) {
  std::uint64_t scenes = 0, behind_naps = 0, late = 0;
  for (std::uint64_t seed = 1; scenes < 40; ++seed) {
    const auto s = some_operator_scene(seed);
    if (!has_naps(s)) continue;
    ++scenes;
    const auto& naps = s.sources[0].naps;
    for (std::size_t p = 0; p < naps.size(); ++p)
      if (naps[p] != partitions_spout::no_nap) behind_naps += s.rows[s.sources[0].first + p].size() - naps[p];
    for (const auto* kept : {&in_events, &in_batches}) {
      random_source random(seed);
      const auto got = run_operators(s, *kept, random);
      EXPECT_EQ(difference(s, got), "") << described(s);
      late += counts_of(got.late).woke;
    }
  }
  EXPECT_GT(late, 0u);
  EXPECT_LT(late, 2 * behind_naps);
}

}  // namespace
}  // namespace freshet::differential::operators
