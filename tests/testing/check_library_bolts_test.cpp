// The library's own bolts with state survive snapshots between any two calls, and full outboxes.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "freshet/base/random.hpp"
#include "freshet/stream/aggregate_bolt.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/as_of_join.hpp"
#include "freshet/stream/broadcast_join.hpp"
#include "freshet/stream/combine_window_bolt.hpp"
#include "freshet/stream/count_window_bolt.hpp"
#include "freshet/stream/deduplicate.hpp"
#include "freshet/stream/interval_join.hpp"
#include "freshet/stream/ordered_bolt.hpp"
#include "freshet/stream/partial_bolt.hpp"
#include "freshet/stream/pattern_bolt.hpp"
#include "freshet/stream/session_bolt.hpp"
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

TEST(library_bolts, sessions_survive) {
  using activity = session_bolt<reading, key_fn, std::string, both_aggregates>;
  expect_survives(activity{key, sessions{ms(12)}, both_kinds(), {.allowed_lateness = ms(20), .late_results = true}});
  expect_survives(activity{key,
                           sessions{ms(12)},
                           both_kinds(),
                           {.early = {.every_tuples = 2, .every = ms(15)}, .panes = panes::discarding}});
}

TEST(library_bolts, windows_with_triggers_survive) {
  const auto asks = [](const reading& r, const trigger_view& v) {
    if (r.value % 7 == 0) return firing::purge;
    if (v.tuples < 3) return firing::none;
    return r.value % 2 == 0 ? firing::fire : firing::fire_and_purge;
  };
  const auto expect_triggered = [&](auto windows) {
    using bolt = window_bolt<reading, key_fn, std::string, decltype(windows), both_aggregates, decltype(asks)>;
    expect_survives(bolt{key, windows, both_kinds(), {.allowed_lateness = ms(20)}, asks});
  };
  expect_triggered(tumbling{ms(60)});
  expect_triggered(hopping{ms(60), ms(25)});
  expect_triggered(global_windows{});
  using activity = session_bolt<reading, key_fn, std::string, both_aggregates, decltype(asks)>;
  expect_survives(activity{key, sessions{ms(12)}, both_kinds(), {.panes = panes::discarding}, asks});
}

/// By the clock, which goes on between the readings.
TEST(library_bolts, windows_early_by_the_clock_survive) {
  const window_options early{.early = {.every = ms(10), .measured_in = time_domain::processing}};
  const auto script = [](auto& h) {
    random_steps(h, [&](const reading& r, event_time t, event_time stamp, random_source& random) {
      h.process(r, t, stamp);
      if (random.chance(0.3)) h.advance_clock(ms(7));
    });
    const auto& results = h.output().values;
    EXPECT_GT(std::count_if(results.begin(), results.end(), [](const auto& w) { return !w.is_final; }), 20);
  };
  using tumbling_windows = window_bolt<reading, key_fn, std::string, tumbling, both_aggregates>;
  EXPECT_EQ(testing::check_bolt(tumbling_windows{key, tumbling{ms(60)}, both_kinds(), early}, by_key, script), "");
  using activity = session_bolt<reading, key_fn, std::string, both_aggregates>;
  EXPECT_EQ(testing::check_bolt(activity{key, sessions{ms(12)}, both_kinds(), early}, by_key, script), "");
}

/// What `combine` gives, read by the windows behind it.
TEST(library_bolts, windows_of_parts_survive) {
  using part = window_part<reading, std::string, accumulator_t<both_aggregates>>;
  using parts = aggregate_of_parts<reading, std::string, both_aggregates>;
  const auto script = [](auto& h) {
    const auto all = both_kinds();
    random_steps(h, [&](const reading& r, event_time t, event_time stamp, random_source&) {
      part alone{r.key, t, started(all), r};
      all.add(alone.value, r);
      h.process(std::move(alone), t, stamp);
    });
  };
  constexpr auto by_part = key_grouping{key_of_partial{}};
  using hops = hopping_bolt<part, key_of_partial, std::string, parts>;
  EXPECT_EQ(testing::check_bolt(hops{{}, hopping{ms(40), ms(15)}, {both_kinds()}, {.allowed_lateness = ms(20)}},
                                by_part, script),
            "");
  using activity = session_bolt<part, key_of_partial, std::string, parts>;
  EXPECT_EQ(testing::check_bolt(activity{{}, sessions{ms(12)}, {both_kinds()}, {}}, by_part, script), "");
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

/// What collects the tuples of half a key, for as long as a batch of them lasts.
TEST(library_bolts, halves_of_keys_survive) {
  using aggregate = partial_aggregate<reading, std::string, both_aggregates>;
  using collect = partial_bolt<aggregate, reading, std::string>;
  const auto script = [](auto& h) {
    random_steps(h, [&](const reading& r, event_time t, event_time stamp, random_source& random) {
      h.process({{r.key, random.chance(0.5)}, r}, t, stamp);
      if (random.chance(0.4)) h.advance_clock(ms(1));
    });
  };
  EXPECT_EQ(testing::check_bolt(collect{aggregate{both_kinds()}}, key_grouping{place_of_tuple{}}, script), "");
}

TEST(library_bolts, parts_that_are_merged_survive) {
  using aggregate = partial_aggregate<reading, std::string, both_aggregates>;
  using output = emitter<keyed<std::string, aggregate_result_t<both_aggregates>>>;
  using merge = merge_parts_bolt<aggregate, std::string, output>;
  const auto script = [](auto& h) {
    aggregate adds{both_kinds()};
    aggregate::state so_far;
    random_steps(h, [&](const reading& r, event_time t, event_time stamp, random_source& random) {
      adds.process(r, so_far);
      if (random.chance(0.5)) h.process({r.key, std::exchange(so_far, {})}, t, stamp);
    });
  };
  EXPECT_EQ(testing::check_bolt(merge{aggregate{both_kinds()}}, key_grouping{key_of_partial{}}, script), "");
}

/// A rule by key whose limit is the same for all keys, and changes now and then.
struct limit {
  std::int64_t value = 0;
};
struct above_limit {
  using state = std::int64_t;
  using broadcast = limit;
  using output = emitter<std::int64_t>;
  void on_reading(const reading& r, state& seen, const broadcast& most, output& out) {
    if (r.value + ++seen > most.value) out.emit(r.value * 1000 + most.value);
  }
  void on_limit(const limit& raise, broadcast& most) { most.value += raise.value; }
};
TEST(library_bolts, broadcast_state_survives) {
  const auto script = [](auto& h) {
    h.template input<&above_limit::on_reading>(by_key);
    h.template input<&above_limit::on_limit>(all_grouping{});
    random_steps(h, [&](const reading& r, event_time t, event_time stamp, random_source& random) {
      h.template process<&above_limit::on_reading>(r, t, stamp);
      if (random.chance(0.3)) h.template process<&above_limit::on_limit>({random.chance(0.5) ? 4 : 1}, t, stamp);
    });
  };
  EXPECT_EQ(testing::check_bolt(above_limit{}, by_key, script), "");
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
  expect_join_survives(
      interval_join_bolt<reading, reading, std::string, decltype(pair)>{between{-ms(20), ms(30)}, ms(10), pair});
  const auto as_of_pair = [](const reading& l, const reading* r) { return l.value * 1000 + (r ? r->value : -1); };
  using table = as_of_join_bolt<reading, reading, std::string, decltype(as_of_pair), without_value, by_arrival>;
  expect_join_survives(table{as_of{ms(60)}, ms(10), {}, as_of_pair});
}

TEST(library_bolts, copies_of_a_table_survive) {
  const auto pair = [](const reading& l, const reading* r) { return l.value * 1000 + (r ? r->value : -1); };
  using table = as_of_join_bolt<reading, reading, std::string, decltype(pair), without_value, by_arrival>;
  using copies = broadcast_join_bolt<reading, reading, std::string, table>;
  const auto script = [](auto& h) {
    constexpr auto by_copy = key_grouping{[](const to_copy<reading>& r) {
      return key_in_copy<std::string>{r.copy, r.value.key};
    }};
    h.template input<&copies::on_left>(by_copy);
    h.template input<&copies::on_right>(by_copy);
    random_steps(h, [&](const reading& r, event_time t, event_time stamp, random_source& random) {
      const auto copy = static_cast<std::uint32_t>(random.below(2));
      if (random.chance(0.7)) return h.template process<&copies::on_left>({copy, r}, t, stamp);
      for (const std::uint32_t each : {0u, 1u}) h.template process<&copies::on_right>({each, r}, t, stamp);
    });
  };
  EXPECT_EQ(testing::check_bolt(copies{table{as_of{}, ms(10), {}, pair}, ms(10)}, by_key, script), "");
}

TEST(library_bolts, co_grouping_survives) {
  using groups = freshet::detail::gives_groups<reading, reading, std::string>;
  expect_join_survives(
      window_join_bolt<reading, reading, std::string, tumbling, groups>{tumbling{ms(40)}, ms(10), groups{}});
}

}  // namespace
}  // namespace freshet
