// The library's own bolts with state survive snapshots between any two calls, and full outboxes.
#include <gtest/gtest.h>

#include <string>

#include "freshet/base/random.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/as_of_join.hpp"
#include "freshet/stream/count_window_bolt.hpp"
#include "freshet/stream/deduplicate.hpp"
#include "freshet/stream/ordered_bolt.hpp"
#include "freshet/stream/pattern_bolt.hpp"
#include "freshet/stream/window_bolt.hpp"
#include "freshet/stream/window_join.hpp"
#include "freshet/testing/check_bolt.hpp"

namespace freshet {
namespace {

constexpr event_span ms(std::int64_t n) { return event_span{n}; }
constexpr event_time at(std::int64_t n) { return event_time{ms(n)}; }

struct reading {
  std::string key;
  std::int64_t value = 0;
  friend bool operator==(const reading&, const reading&) = default;
};
constexpr auto key = &reading::key;
using key_fn = decltype(key);
constexpr auto by_key = key_grouping{key};
/// What undoes itself by notes, and what by a copy.
auto both_kinds() { return aggregates::all_of{aggregates::sum{&reading::value}, aggregates::collect{&reading::value}}; }
using both_aggregates = decltype(both_kinds());

/// Calls `step(reading, time, stamp, random)` with readings out of order, some of them late, and time in between.
template <class Harness, class Step>
void random_steps(Harness& h, Step step) {
  random_source random(11);
  for (std::int64_t i = 0; i < 250; ++i) {
    const reading r{std::string(1, static_cast<char>('a' + random.below(3))), i};
    step(r, at(i * 5 + static_cast<std::int64_t>(random.below(60)) - 30), at(i * 5 - 10), random);
    if (random.chance(0.15)) h.advance_watermark(at(i * 5 - 10));
  }
  h.advance_watermark(end_of_time);
  EXPECT_GT(h.output().values.size(), 20u) << "too little to be compared";
}
template <class B>
void expect_survives(const B& bolt) {
  const auto script = [](auto& h) {
    random_steps(h, [&](const reading& r, event_time t, event_time stamp, random_source&) { h.process(r, t, stamp); });
  };
  EXPECT_EQ(testing::check_bolt(bolt, by_key, script), "");
}
/// With two inputs.
template <class B>
void expect_join_survives(const B& bolt) {
  const auto script = [](auto& h) {
    h.template input<&B::on_left>(by_key);
    h.template input<&B::on_right>(by_key);
    random_steps(h, [&](const reading& r, event_time t, event_time stamp, random_source& random) {
      if (random.chance(0.5)) h.template process<&B::on_left>(r, t, stamp);
      else h.template process<&B::on_right>(r, t, stamp);
    });
  };
  EXPECT_EQ(testing::check_bolt(bolt, by_key, script), "");
}

TEST(library_bolts, windows_survive) {
  using tumbling_windows = window_bolt<reading, key_fn, std::string, tumbling, both_aggregates>;
  expect_survives(tumbling_windows{key, tumbling{ms(35)}, both_kinds(), {.allowed_lateness = ms(20)}});
  expect_survives(tumbling_windows{
      key, tumbling{ms(35)}, both_kinds(), {.early = {.every_tuples = 2}, .panes = panes::discarding}});
  using early_hops = window_bolt<reading, key_fn, std::string, hopping, both_aggregates>;
  expect_survives(
      early_hops{key, hopping{ms(40), ms(15)}, both_kinds(), {.allowed_lateness = ms(20), .late_results = true}});
  expect_survives(hopping_bolt<reading, key_fn, std::string, both_aggregates>{
      key, hopping{ms(40), ms(15)}, both_kinds(), {.allowed_lateness = ms(20)}});
}

TEST(library_bolts, windows_that_count_survive) {
  expect_survives(count_window_bolt<reading, key_fn, std::string, tumbling_count, both_aggregates>{
      key, tumbling_count{3}, both_kinds()});
  expect_survives(count_window_bolt<reading, key_fn, std::string, sliding_count, both_aggregates>{
      key, sliding_count{5, 2}, both_kinds()});
}

TEST(library_bolts, aggregates_survive) {
  expect_survives(running_aggregate_bolt<reading, key_fn, std::string, both_aggregates>{key, both_kinds()});
}

TEST(library_bolts, deduplication_survives) {
  expect_survives(deduplicate_bolt<reading, std::string>{ms(15), ms(10)});
  using in_order = ordered_bolt<reading, std::string, ordered_deduplicate_bolt<reading, std::string>>;
  expect_survives(in_order{ordered_deduplicate_bolt<reading, std::string>{ms(15)}, ms(10)});
}

TEST(library_bolts, patterns_survive) {
  const auto is_even = [](const reading& r) { return r.value % 2 == 0; };
  const auto is_third = [](const reading& r) { return r.value % 3 == 0; };
  using in_order = ordered_bolt<reading, std::string, pattern_bolt<reading, std::string>>;
  const auto sought = pattern<reading>{is_even}.followed_by(is_third).within(ms(50)).after(after_match::no_skip);
  expect_survives(in_order{pattern_bolt<reading, std::string>{sought}, ms(10)});
}

TEST(library_bolts, joins_survive) {
  const auto pair = [](const reading* l, const reading* r) { return (l ? l->value : -1) * 1000 + (r ? r->value : -1); };
  using pairs = freshet::detail::gives_pairs<reading, reading, std::string, decltype(pair)>;
  expect_join_survives(
      window_join_bolt<reading, reading, std::string, hopping, pairs>{hopping{ms(40), ms(20)}, ms(10), pairs{pair}});
  expect_join_survives(session_join_bolt<reading, reading, std::string, pairs>{sessions{ms(8)}, ms(10), pairs{pair}});
  const auto as_of_pair = [](const reading& l, const reading* r) { return l.value * 1000 + (r ? r->value : -1); };
  using table = as_of_join_bolt<reading, reading, std::string, decltype(as_of_pair), without_value, by_arrival>;
  expect_join_survives(table{as_of{ms(60)}, ms(10), {}, as_of_pair});
}

TEST(library_bolts, co_grouping_survives) {
  using groups = freshet::detail::gives_groups<reading, reading, std::string>;
  expect_join_survives(
      window_join_bolt<reading, reading, std::string, tumbling, groups>{tumbling{ms(40)}, ms(10), groups{}});
}

}  // namespace
}  // namespace freshet
