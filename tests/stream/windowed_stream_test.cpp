#include "freshet/stream/windowed_stream.hpp"

#include <gtest/gtest.h>

#include "freshet/stream/aggregates.hpp"
#include "freshet/testing/topology_driver.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace samples;
using namespace std::chrono_literals;
using rows_t = std::vector<row>;

class windowed_streams : public on_every_engine {
 protected:
  auto by_key(std::vector<reading> all, event_time_options time = {}) {
    return readings(std::move(all), time).key_by(&reading::key);
  }
};
INSTANTIATE_TEST_SUITE_P(, windowed_streams, ::testing::ValuesIn(every_engine()), name_of_engine);

TEST_P(windowed_streams, a_reading_at_the_end_of_a_window_is_in_the_next) {
  const auto w = by_key({{"a", ms(0)}, {"a", ms(9)}, {"a", ms(10)}, {"b", ms(19)}}).window(tumbling{10ms}).count("n");
  EXPECT_EQ(rows(w), (rows_t{{"a", 0, 10, 2}, {"a", 10, 20, 1}, {"b", 10, 20, 1}}));
}

TEST_P(windowed_streams, late_is_who_comes_when_the_stamp_has_reached_the_end) {
  // The watermark is the largest time: after 10 the window up to 10 is complete, after 9 it is not.
  const auto w = by_key({{"a", ms(9), 1}, {"a", ms(0), 2}, {"a", ms(10), 3}, {"a", ms(9), 4}, {"a", ms(12), 5}})
                     .window(tumbling{10ms})
                     .count("n");
  collect_sink<late_tuple<reading>> late;
  w.late().to("late", late);
  EXPECT_EQ(rows(w), (rows_t{{"a", 0, 10, 2}, {"a", 10, 20, 2}}));
  const auto all = late.take();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].value.value, 4);
  EXPECT_EQ(all[0].time, ms(9));
  EXPECT_EQ(all[0].stamp, ms(10));
  EXPECT_EQ(all[0].reason, late_reason::window);
}

TEST_P(windowed_streams, allowed_lateness_keeps_a_window_open) {
  const auto w = by_key({{"a", ms(5)}, {"a", ms(14)}, {"a", ms(6)}, {"a", ms(15)}, {"a", ms(7)}})
                     .window(tumbling{10ms}, {.allowed_lateness = 5ms})
                     .count("n");
  EXPECT_EQ(rows(w), (rows_t{{"a", 0, 10, 2}, {"a", 10, 20, 2}}));
}

TEST_P(windowed_streams, windows_are_aligned_before_the_epoch_too) {
  const auto w = by_key({{"a", ms(-21)}, {"a", ms(-20)}, {"a", ms(-11)}, {"a", ms(-1)}, {"a", ms(0)}})
                     .window(tumbling{10ms})
                     .count("n");
  EXPECT_EQ(rows(w), (rows_t{{"a", -30, -20, 1}, {"a", -20, -10, 2}, {"a", -10, 0, 1}, {"a", 0, 10, 1}}));
}

TEST_P(windowed_streams, offsets_move_windows) {
  const auto w = by_key({{"a", ms(2)}, {"a", ms(3)}, {"a", ms(12)}}).window(tumbling{10ms, 3ms}).count("n");
  EXPECT_EQ(rows(w), (rows_t{{"a", -7, 3, 1}, {"a", 3, 13, 2}}));
}

TEST_P(windowed_streams, there_are_windows_at_the_ends_of_time) {
  constexpr auto most = INT64_MAX, least = INT64_MIN;
  const auto first = first_event_time, last = last_event_time;
  const auto w = by_key({{"a", first, 1}, {"a", last, 2}})
                     .window(tumbling{10ms})
                     .aggregate("sum", aggregates::sum{&reading::value});
  const auto all = rows(w);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].start, least);
  EXPECT_EQ(all[0].value, 1);
  EXPECT_EQ(all[1].end, most);
  EXPECT_EQ(all[1].value, 2);
}

/// Slices of a millisecond, as many as there are times.
TEST_P(windowed_streams, there_are_hopping_windows_at_the_ends_of_time) {
  const hopping windows{10ms, 3ms};
  const auto w = by_key({{"a", first_event_time}, {"a", last_event_time}}).window(windows).count("n");
  rows_t expected;
  for (const event_time t : {first_event_time, last_event_time})
    for_each_window(windows, t, [&](const window& each) {
      expected.push_back(row_of(windowed<std::string, std::uint64_t>{"a", 1, each}));
    });
  EXPECT_EQ(rows(w), sorted(expected));
}

TEST_P(windowed_streams, hopping_windows_share_readings) {
  const auto w = by_key({{"a", ms(0), 1}, {"a", ms(5), 2}, {"a", ms(12), 4}})
                     .window(hopping{10ms, 5ms})
                     .aggregate("sum", aggregates::sum{&reading::value});
  EXPECT_EQ(rows(w), (rows_t{{"a", -5, 5, 1}, {"a", 0, 10, 3}, {"a", 5, 15, 6}, {"a", 10, 20, 4}}));
}

TEST_P(windowed_streams, years_pass_in_one_step) {
  const auto later = ms(0) + std::chrono::days{365 * 200};
  const auto w = by_key({{"a", ms(0)}, {"a", later}}).window(hopping{1h, 1s}).count("n");
  EXPECT_EQ(rows(w).size(), 2u * 3600);
}

TEST_P(windowed_streams, a_late_reading_bridges_sessions) {
  const auto w = by_key({{"a", ms(0)}, {"a", ms(20)}, {"a", ms(10)}, {"a", ms(31)}, {"b", ms(31)}}, {.bound = 20ms})
                     .window(sessions{10ms})
                     .count("n");
  EXPECT_EQ(rows(w), (rows_t{{"a", 0, 30, 3}, {"a", 31, 41, 1}, {"b", 31, 41, 1}}));
}

TEST_P(windowed_streams, a_gap_may_be_zero_or_huge) {
  const auto in = by_key({{"a", ms(0)}, {"a", ms(0)}, {"a", ms(1)}}, {.bound = 1ms});
  const auto zero = in.window(sessions{0ms}).count("zero");
  const auto huge = in.window(sessions{event_span::max()}).count("huge");
  collect_sink<windowed<std::string, std::uint64_t>> of_huge;
  huge.to("of huge", of_huge);
  EXPECT_EQ(rows(zero), (rows_t{{"a", 0, 1, 2}, {"a", 1, 2, 1}}));
  const auto all = of_huge.take();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].value, 3u);
  EXPECT_EQ(all[0].window.end, end_of_time);
}

TEST_P(windowed_streams, count_windows_need_no_times) {
  const std::vector<reading> all{{"a", {}, 1}, {"b", {}, 9}, {"a", {}, 2}, {"a", {}, 3}, {"a", {}, 4}, {"a", {}, 5}};
  const auto in = builder.spout("readings", vector_spout<reading>{all}).key_by(&reading::key);
  const auto pairs = in.window(tumbling_count{2}).aggregate("pairs", aggregates::sum{&reading::value});
  const auto last3 = in.window(sliding_count{3, 1}).aggregate("last 3", aggregates::sum{&reading::value});
  collect_sink<windowed<std::string, std::int64_t>> sums;
  last3.to("sums", sums);
  EXPECT_EQ(rows(pairs), (rows_t{{"a", 0, 1, 3, 0}, {"a", 0, 1, 7, 1}}));
  std::vector<std::int64_t> of_a;
  for (const auto& w : sums.take())
    if (w.key == "a") of_a.push_back(w.value);
  EXPECT_EQ(of_a, (std::vector<std::int64_t>{1, 3, 6, 9, 12}));
}

TEST_P(windowed_streams, the_global_window_ends_with_the_input) {
  const auto w = by_key({{"a", ms(0)}, {"a", ms(1000)}}).window(global_windows{}).count("n");
  EXPECT_EQ(rows(w), (rows_t{{"a", INT64_MIN, INT64_MAX, 2}}));
}

TEST_P(windowed_streams, early_results_are_numbered_and_not_final) {
  const auto in = by_key({{"a", ms(0)}, {"a", ms(1)}, {"a", ms(2)}, {"a", ms(3)}, {"a", ms(4)}});
  const auto w = in.window(tumbling{10ms}, {.early = {.every_tuples = 2}}).count("n");
  EXPECT_EQ(rows(w), (rows_t{{"a", 0, 10, 2, 0, false}, {"a", 0, 10, 4, 1, false}, {"a", 0, 10, 5, 2, true}}));
}

TEST_P(windowed_streams, discarding_panes_have_what_is_new) {
  const auto in = by_key({{"a", ms(0)}, {"a", ms(1)}, {"a", ms(2)}});
  const auto w = in.window(tumbling{10ms}, {.early = {.every_tuples = 2}, .panes = panes::discarding}).count("n");
  EXPECT_EQ(rows(w), (rows_t{{"a", 0, 10, 1, 1, true}, {"a", 0, 10, 2, 0, false}}));
}

/// A reduction has no result of nothing.
TEST_P(windowed_streams, discarding_panes_without_a_tuple_give_nothing) {
  const auto in = by_key({{"a", ms(0), 1}, {"a", ms(1), 2}, {"a", ms(2), 3}, {"a", ms(3), 4}});
  const auto larger = [](const reading& a, const reading& b) { return a.value < b.value ? b : a; };
  const auto w = in.window(tumbling{10ms}, {.early = {.every_tuples = 2}, .panes = panes::discarding})
                     .reduce("largest", larger)
                     .map("value", [](const windowed<std::string, reading>& r) { return r.value.value; });
  collect_sink<std::int64_t> got;
  w.to("got", got);
  run();
  EXPECT_EQ(sorted(got.take()), (std::vector<std::int64_t>{2, 4}));
}

TEST_P(windowed_streams, final_only_leaves_one_result_a_window) {
  const auto in = by_key({{"a", ms(0)}, {"a", ms(12)}, {"a", ms(1)}, {"a", ms(40)}});
  const auto w =
      in.window(tumbling{10ms}, {.allowed_lateness = 10ms, .early = {.every_tuples = 1}, .late_results = true})
          .count("n")
          .final_only();
  auto got = rows(w);
  for (auto& r : got) r.pane = 0;  // how many came before depends on what was known when
  EXPECT_EQ(got, (rows_t{{"a", 0, 10, 2}, {"a", 10, 20, 1}, {"a", 40, 50, 1}}));
}

/// Rows at 0, 20 and 10 with a gap of 10 ms are two sessions, and then one.
TEST_P(windowed_streams, sessions_that_become_one_number_their_results_on) {
  const auto in = by_key({{"a", ms(0)}, {"a", ms(1)}, {"a", ms(20)}, {"a", ms(11)}}, {.bound = 20ms});
  const auto all = in.window(sessions{10ms}, {.early = {.every_tuples = 1}}).count("n");
  EXPECT_EQ(rows(all), (rows_t{{"a", 0, 10, 1, 0, false},
                               {"a", 0, 11, 2, 1, false},
                               {"a", 0, 30, 4, 2, false},
                               {"a", 0, 30, 4, 3, true},
                               {"a", 20, 30, 1, 0, false}}));
}

TEST_P(windowed_streams, discarding_panes_of_sessions_add_up) {
  const auto in = by_key({{"a", ms(0)}, {"a", ms(1)}, {"a", ms(2)}, {"a", ms(20)}, {"a", ms(11)}}, {.bound = 20ms});
  const auto w = in.window(sessions{10ms}, {.early = {.every_tuples = 2}, .panes = panes::discarding}).count("n");
  EXPECT_EQ(rows(w), (rows_t{{"a", 0, 11, 2, 0, false}, {"a", 0, 30, 3, 1, false}}));
}

TEST_P(windowed_streams, final_only_leaves_one_result_a_session) {
  const auto in = by_key({{"a", ms(0)}, {"a", ms(12)}, {"a", ms(6)}, {"a", ms(60)}}, {.bound = 10ms});
  const auto w = in.window(sessions{8ms}, {.early = {.every_tuples = 1, .every = 2ms}}).count("n").final_only();
  auto got = rows(w);
  for (auto& r : got) r.pane = 0;
  EXPECT_EQ(got, (rows_t{{"a", 0, 20, 3}, {"a", 60, 68, 1}}));
}

TEST_P(windowed_streams, a_window_function_sees_all_readings) {
  const auto w = by_key({{"a", ms(0), 4}, {"a", ms(1), 5}, {"a", ms(11), 6}})
                     .window(tumbling{10ms})
                     .process<windowed<std::string, std::int64_t>>(
                         "range", [](const std::string& key, const window& span, const std::vector<reading>& all,
                                     emitter<windowed<std::string, std::int64_t>>& out) {
                           for (const auto& r : all) out.emit({key, r.value, span});
                         });
  EXPECT_EQ(rows(w), (rows_t{{"a", 0, 10, 4}, {"a", 0, 10, 5}, {"a", 10, 20, 6}}));
}

/// The function's results don't say themselves which of them are the last.
TEST_P(windowed_streams, final_only_calls_a_window_function_for_the_last_result_alone) {
  std::vector<reading> all;
  for (int i = 0; i < 5; ++i) all.push_back({"a", ms(i), 1});
  const auto sizes =
      by_key(all)
          .window(tumbling{10ms}, {.early = {.every_tuples = 2}})
          .process<std::int64_t>("sizes", [](const std::string&, const window&, const std::vector<reading>& values,
                                             emitter<std::int64_t>& out) { out.emit(std::ssize(values)); });
  collect_sink<std::int64_t> each;
  sizes.to("each", each);
  collect_sink<keyed<int, std::int64_t>> sums;
  sizes.final_only()
      .key_by([](std::int64_t) { return 0; })
      .reduce("sum", [](std::int64_t a, std::int64_t b) { return a + b; })
      .to("sums", sums);
  run();
  EXPECT_EQ(sorted(each.take()), (std::vector<std::int64_t>{2, 4, 5}));
  const auto got = sums.take();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].value, 5);
}

TEST_P(windowed_streams, reduce_gives_one_value_a_window) {
  const auto larger = [](const reading& a, const reading& b) { return a.value < b.value ? b : a; };
  const auto w =
      by_key({{"a", ms(0), 4}, {"a", ms(1), 9}, {"a", ms(2), 5}}).window(tumbling{10ms}).reduce("most", larger);
  collect_sink<windowed<std::string, reading>> got;
  w.to("got", got);
  run();
  const auto all = got.take();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].value.value, 9);
}

TEST_P(windowed_streams, results_have_the_time_of_their_window) {
  const auto w = by_key({{"a", ms(0)}, {"b", ms(4)}, {"a", ms(12)}, {"b", ms(35)}}).window(tumbling{10ms}).count("n");
  const auto of_windows = w.key_by([](const auto&) { return std::string{"all"}; })
                              .window(tumbling{20ms})
                              .aggregate("sum", aggregates::sum{&windowed<std::string, std::uint64_t>::value});
  EXPECT_EQ(rows(of_windows), (rows_t{{"all", 0, 20, 3}, {"all", 20, 40, 1}}));
}

TEST_P(windowed_streams, metrics_say_how_far_time_is_and_who_was_late) {
  const auto w = by_key({{"a", ms(0)}, {"a", ms(50)}, {"a", ms(1)}, {"a", ms(2)}}).window(tumbling{10ms}).count("n");
  w.to("results", collect_sink<windowed<std::string, std::uint64_t>>{});
  auto r = start_on(GetParam().second, builder.build());
  r.wait();
  const auto n = r.metrics().node("n");
  EXPECT_EQ(n.late, 2u);
  EXPECT_EQ(n.woke_behind, 0u);
  EXPECT_EQ(n.watermark, end_of_time);
  EXPECT_EQ(n.state_rows, 0u);  // what has closed is forgotten
}

TEST_P(windowed_streams, many_keys_and_one_large_one) {
  std::vector<reading> all;
  for (int i = 0; i < 1000; ++i) all.push_back({std::to_string(i), ms(i % 7), 1});
  for (int i = 0; i < 3000; ++i) all.push_back({"large", ms(i % 10), 1});
  const auto w = by_key(std::move(all), {.bound = 10ms}).window(tumbling{10ms}).count("n", {.parallelism = 3});
  const auto got = rows(w);
  ASSERT_EQ(got.size(), 1001u);
  EXPECT_EQ(got.back(), (row{"large", 0, 10, 3000}));
}

TEST(windowed_stream, sessions_end_and_go_on_within_the_allowed_lateness) {
  stream_builder builder{"readings"};
  builder.spout("readings", vector_spout<reading>{{}})
      .event_time(&reading::at)
      .key_by(&reading::key)
      .window(sessions{10ms}, {.allowed_lateness = 50ms, .late_results = true})
      .count("n");
  freshet::testing::topology_driver driver{builder.build()};
  auto& got = driver.watch<windowed<std::string, std::uint64_t>>("n");
  const auto after = [&](const auto& step) {
    got.clear();
    step();
    rows_t all;
    for (const auto& w : got) all.push_back(row_of(w));
    return all;
  };
  const auto push = [&](std::int64_t at) { return [&driver, at] { driver.push("readings", reading{"a", ms(at)}); }; };
  const auto advance = [&](std::int64_t to) { return [&driver, to] { driver.advance_watermark(ms(to)); }; };
  EXPECT_EQ(after(push(0)), rows_t{});
  EXPECT_EQ(after(advance(10)), (rows_t{{"a", 0, 10, 1, 0, false}}));
  EXPECT_EQ(after(push(5)), rows_t{});  // it has moved the end, and that is still to come
  EXPECT_EQ(after(advance(15)), (rows_t{{"a", 0, 15, 2, 1, false}}));
  EXPECT_EQ(after(push(3)), (rows_t{{"a", 0, 15, 3, 2, false}}));
  EXPECT_EQ(after(advance(30)), rows_t{});
  EXPECT_EQ(after(push(14)), (rows_t{{"a", 0, 24, 4, 3, false}}));  // moved, to before what has passed
  EXPECT_EQ(after(advance(73)), rows_t{});
  EXPECT_EQ(after(advance(74)), (rows_t{{"a", 0, 24, 4, 4, true}}));
}

// --- build() ---

std::vector<std::string> mistakes_of_building(const topology_builder& builder) {
  try {
    builder.build();
  } catch (const topology_error& e) { return e.mistakes(); }
  return {};
}
struct windowed_stream_mistakes : ::testing::Test {
  stream_builder builder{"readings"};
  stream<reading> in = builder.spout("readings", vector_spout<reading>{{}});
  stream<reading> timed() { return in.event_time(&reading::at); }
  void expect_mistake(const std::string& part) {
    const auto all = mistakes_of_building(builder);
    ASSERT_EQ(all.size(), 1u) << (all.size() > 1 ? all[0] + "\n" + all[1] : "");
    EXPECT_NE(all[0].find(part), std::string::npos) << all[0];
  }
};

TEST_F(windowed_stream_mistakes, windows_without_event_times) {
  const auto w = in.key_by(&reading::key).window(tumbling{10ms}).count("n");
  w.to("results", [](const windowed<std::string, std::uint64_t>&) {});
  expect_mistake("bolt \"n\" works with event times, and spout \"readings\" gives none: call .event_time(...)");
}
TEST_F(windowed_stream_mistakes, event_times_behind_a_repartition) {
  const auto shuffled = in.shuffle().map("same", [](const reading& r) { return r; }, {.parallelism = 2});
  shuffled.event_time(&reading::at).to("readings out", [](const reading&) {});
  expect_mistake("bolt \"same.event_time\" sets event times too late: bolt \"same\" is not chained");
}
TEST_F(windowed_stream_mistakes, event_times_twice) {
  timed().map("copy", [](const reading& r) { return r; }).event_time(&reading::at).to("out", [](const reading&) {});
  expect_mistake("spout \"readings\" gets event times from two bolts, \"readings.event_time\" and \"copy.event_time\"");
}
TEST_F(windowed_stream_mistakes, updates_into_state) {
  const auto w = timed().key_by(&reading::key).window(tumbling{10ms}, {.early = {.every_tuples = 1}}).count("n");
  w.key_by([](const auto&) { return 0; }).count("sums").to("out", [](const keyed<int, std::uint64_t>&) {});
  expect_mistake(
      "bolt \"sums\" has state and reads more than one result a window of bolt \"n\": read its final_only()");
}
TEST_F(windowed_stream_mistakes, final_results_into_state_are_fine) {
  const auto w = timed().key_by(&reading::key).window(tumbling{10ms}, {.early = {.every_tuples = 1}}).count("n");
  w.final_only().key_by([](const auto&) { return 0; }).count("sums").to("out", [](const keyed<int, std::uint64_t>&) {});
  EXPECT_TRUE(mistakes_of_building(builder).empty());
}
TEST_F(windowed_stream_mistakes, windows_and_lateness_that_make_no_sense) {
  const auto keyed = timed().key_by(&reading::key);
  keyed.window(tumbling{0ms}).count("none").to("a", [](const auto& w) { (void)w; });
  keyed.window(tumbling{1ms}, {.allowed_lateness = -1ms}).count("before").to("b", [](const auto& w) { (void)w; });
  const auto fire = [](const reading&, const trigger_view&) { return firing::fire; };
  keyed.window(sessions{1ms}, {.late_results = true}).trigger(fire).count("both").to("c", [](const auto& w) {
    (void)w;
  });
  const auto all = mistakes_of_building(builder);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_NE(all[0].find("the size of tumbling windows must be above zero, but is 0 ms"), std::string::npos);
  EXPECT_NE(all[1].find("allowed_lateness must not be negative, but is -1 ms"), std::string::npos);
  EXPECT_NE(all[2].find("has a trigger, which alone decides on results before the last"), std::string::npos);
}

}  // namespace
}  // namespace freshet
