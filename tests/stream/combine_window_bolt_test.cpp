#include "freshet/stream/combine_window_bolt.hpp"

#include <gtest/gtest.h>

#include "freshet/base/random.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/testing/bolt_harness.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace samples;
using namespace std::chrono_literals;
using rows_t = std::vector<row>;

/// Begins with something: a part that is merged into a new accumulator would be counted on top of it.
struct longest_and_count {
  std::pair<std::int64_t, std::int64_t> init() const { return {-1000, 0}; }
  void add(std::pair<std::int64_t, std::int64_t>& a, const reading& r) const {
    a.first = std::max(a.first, r.value);
    ++a.second;
  }
  void merge(std::pair<std::int64_t, std::int64_t>& into, const std::pair<std::int64_t, std::int64_t>& from) const {
    into.first = std::max(into.first, from.first);
    into.second += from.second;
  }
  std::int64_t result(const std::pair<std::int64_t, std::int64_t>& a) const { return a.first * 1000 + a.second; }
};

std::vector<reading> some_readings() {
  random_source random(7);
  std::vector<reading> all;
  for (std::int64_t i = 1; i <= 500; ++i)
    all.push_back({std::string(1, static_cast<char>('a' + random.below(5))),
                   ms(i * 2 - static_cast<std::int64_t>(random.below(60))), i % 97 - 200});
  return all;
}

/// Can't add one of the values.
struct sum_of_good {
  void add(std::int64_t& sum, const reading& r) const {
    sum += r.value;
    if (r.value == 13) throw std::runtime_error("13");
  }
  void merge(std::int64_t& into, const std::int64_t& from) const { into += from; }
};

template <class W>
constexpr event_span lateness_of = std::is_same_v<W, global_windows> ? event_span{} : event_span{7};

class combined_windows : public on_every_engine {
 protected:
  template <class W>
  void expect_the_same(const W& windows, std::size_t parallelism) {
    EXPECT_EQ(run_once(windows, true, parallelism), run_once(windows, false, 1));
  }
  template <class W>
  std::pair<rows_t, std::vector<std::tuple<reading, event_time, late_reason>>> run_once(const W& windows, bool combine,
                                                                                        std::size_t parallelism) {
    stream_builder b{"combined"};
    collect_sink<windowed<std::string, std::int64_t>> got;
    collect_sink<late_tuple<reading>> late;
    const auto divided = b.spout("readings", vector_spout<reading>{some_readings()})
                             .event_time(&reading::at, {.bound = 20ms})
                             .key_by(&reading::key)
                             .window(windows, {.allowed_lateness = lateness_of<W>});
    const bolt_options options{.parallelism = parallelism};
    const auto w = combine ? divided.combine().aggregate("windows", longest_and_count{}, options)
                           : divided.aggregate("windows", longest_and_count{}, options);
    w.to("results", got);
    w.late().to("late", late);
    start_on(GetParam().second, b.build()).wait();
    rows_t all;
    for (const auto& r : got.take()) all.push_back(row_of(r));
    std::vector<std::tuple<reading, event_time, late_reason>> too_late;
    for (const auto& l : late.take()) too_late.emplace_back(l.value, l.stamp, l.reason);
    return {sorted(std::move(all)), sorted(std::move(too_late))};
  }
};
INSTANTIATE_TEST_SUITE_P(, combined_windows, ::testing::ValuesIn(every_engine()), name_of_engine);

TEST_P(combined_windows, give_what_others_give) {
  expect_the_same(tumbling{30ms}, 1);
  expect_the_same(hopping{30ms, 7ms}, 4);
  expect_the_same(sessions{3ms}, 4);
  expect_the_same(global_windows{}, 1);
}

TEST_P(combined_windows, of_a_whole_stream) {
  const auto all = some_readings();
  const auto w =
      readings(all, {.bound = 60ms}).window(tumbling{1000ms, 500ms}).combine().count("n").map("counts", [](auto& r) {
        return windowed<std::string, std::uint64_t>{"all", r.value, r.window};
      });
  std::int64_t before = 0;
  for (const auto& r : all) before += r.at < ms(500);
  const auto got = rows(w);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].value, before);
  EXPECT_EQ(got[1].value, 500 - before);
}

// --- what goes on at the end of a batch ---

template <class W>
struct in_batches : combine_window_bolt<reading, std::string reading::*, std::string, W, longest_and_count> {
  using base = combine_window_bolt<reading, std::string reading::*, std::string, W, longest_and_count>;
  explicit in_batches(const W& windows) : base(&reading::key, windows, {}, 0ms) {}
  /// The harness puts state back as where tuples of a batch were given up.
  void process(const reading& r, typename base::output& out) {
    out.frame().rollback_state = false;
    out.frame().is_waited_for = true;
    base::process(r, out);
  }
};

TEST(combine_window_bolt, tuples_in_the_same_windows_are_one_part) {
  const in_batches bolt{hopping{20ms, 10ms}};
  freshet::testing::bolt_harness harness{bolt};
  harness.process({"a", ms(5), 1}, ms(5), ms(-30));
  harness.process({"a", ms(7), 2}, ms(7), ms(-3));
  harness.process({"a", ms(6), 3}, ms(6), ms(10));  // late for the first of its two windows
  harness.process({"a", ms(3), 4}, ms(3), ms(20));  // and for both
  EXPECT_TRUE(harness.output().values.empty());
  harness.flush();
  const auto& parts = harness.output();
  ASSERT_EQ(parts.values.size(), 2u);
  EXPECT_FALSE(parts.values[0].alone || parts.values[1].alone);
  EXPECT_EQ(parts.values[0].value, std::pair(std::int64_t{2}, std::int64_t{2}));
  EXPECT_EQ(parts.stamps[0], ms(-3));
  EXPECT_EQ(parts.values[1].value, std::pair(std::int64_t{3}, std::int64_t{1}));
  EXPECT_EQ(parts.stamps[1], ms(10));
  ASSERT_EQ(harness.side<late_output<reading>>().values.size(), 1u);
  EXPECT_EQ(harness.side<late_output<reading>>().values[0].reason, late_reason::window);
  harness.flush();
  EXPECT_EQ(parts.values.size(), 2u);
}

TEST(combine_window_bolt, a_part_of_a_session_is_one_by_itself) {
  const in_batches bolt{sessions{10ms}};
  freshet::testing::bolt_harness harness{bolt};
  for (const int t : {0, 30, 10, 20, 45}) harness.process({"a", ms(t), t}, ms(t), ms(t - 1));
  harness.flush();
  const auto& parts = harness.output();
  ASSERT_EQ(parts.values.size(), 2u);
  EXPECT_EQ(parts.values[0].first, ms(0));
  EXPECT_EQ(parts.times[0], ms(30));
  EXPECT_EQ(parts.stamps[0], ms(29));
  EXPECT_EQ(parts.values[0].value.second, 4);
}

/// 5 ms is over for those who didn't wait, if not by the stamp.
TEST(combine_window_bolt, what_may_come_too_late_goes_alone) {
  const in_batches bolt{tumbling{10ms}};
  freshet::testing::bolt_harness harness{bolt};
  harness.advance_watermark(ms(10));
  const reading slept{"a", ms(5), 1};
  harness.process(slept, ms(5), ms(0));
  const auto& parts = harness.output();
  ASSERT_EQ(parts.values.size(), 1u);
  EXPECT_EQ(parts.values[0].alone, slept);
  EXPECT_EQ(parts.stamps[0], ms(0));
  harness.process({"a", ms(11), 2}, ms(11), ms(0));
  EXPECT_EQ(parts.values.size(), 1u);
  harness.flush();
  ASSERT_EQ(harness.output().values.size(), 2u);
  EXPECT_FALSE(harness.output().values[1].alone);
}

TEST(combine_window_bolt, a_tuple_that_nobody_waited_for_is_in_the_late_output_of_the_windows) {
  using part = window_part<reading, std::string, std::pair<std::int64_t, std::int64_t>>;
  using windows = window_bolt<part, key_of_partial, std::string, tumbling,
                              aggregate_of_parts<reading, std::string, longest_and_count>>;
  const windows bolt{{}, tumbling{10ms}, {}, {}};
  freshet::testing::bolt_harness harness{bolt, key_grouping{key_of_partial{}}};
  harness.advance_watermark(ms(50));
  const reading slept{"a", ms(5), 1};
  harness.process({"a", ms(5), {1, 1}, slept}, ms(5), ms(0));  // not late by its own stamp
  harness.process({"a", ms(55), {2, 3}, {}}, ms(55), ms(0));
  harness.process({"a", ms(56), {5, 1}, reading{"a", ms(56), 5}}, ms(56), ms(0));
  harness.advance_watermark(end_of_time);
  ASSERT_EQ(harness.output().values.size(), 1u);
  EXPECT_EQ(harness.output().values[0].value, 5004);
  ASSERT_EQ(harness.side<late_output<reading>>().values.size(), 1u);
  EXPECT_EQ(harness.side<late_output<reading>>().values[0].value, slept);
  EXPECT_EQ(harness.side<late_output<reading>>().values[0].reason, late_reason::woke);
}

// --- build() ---

TEST(combined_window_mistakes, early_results) {
  stream_builder b{"readings"};
  b.spout("readings", vector_spout<reading>{{}})
      .event_time(&reading::at)
      .key_by(&reading::key)
      .window(tumbling{1ms}, {.early = {.every_tuples = 1}})
      .combine()
      .count("n");
  try {
    b.build();
    FAIL() << "nothing is wrong";
  } catch (const topology_error& e) {
    ASSERT_EQ(e.mistakes().size(), 1u) << e.what();
    EXPECT_NE(e.mistakes()[0].find("bolt \"n\" is wrong about its windows: combines tuples before they are sent on, so "
                                   "that nobody sees them one by one: leave out early and late_results, or combine()"),
              std::string::npos)
        << e.what();
  }
}

/// Tuples that fail for good, in the aggregate or beside it, are in no window.
TEST_P(combined_windows, what_is_given_up_is_not_in_them) {
  for (const bool combine : {false, true}) {
    stream_builder b{"given up"};
    collect_sink<windowed<std::string, std::int64_t>> got;
    auto in =
        b.spout("readings",
                vector_spout<reading>{
                    {{"k", ms(1), 2}, {"k", ms(2), 13}, {"poisoned", ms(3), 13}, {"k", ms(4), 7}, {"k", ms(5), 4}}})
            .event_time(&reading::at);
    in.map("beside", [](const reading& r) {
      if (r.value == 7) throw std::runtime_error("7");
      return r.value;
    });
    const auto divided = in.key_by(&reading::key).window(tumbling{10ms});
    const auto sums =
        combine ? divided.combine().aggregate("sums", sum_of_good{}) : divided.aggregate("sums", sum_of_good{});
    sums.to("results", got);
    auto engine = GetParam().second;
    if (auto* events = std::get_if<event_options>(&engine))
      events->retry = {.max_attempts = 2, .first = {}, .longest = {}};
    else std::get<batch_options>(engine).max_task_attempts = 2;
    start_on(engine, b.build()).wait();
    rows_t all;
    for (const auto& w : got.take()) all.push_back(row_of(w));
    // State that a failed call has changed is put back where that is promised.
    const auto* events = std::get_if<event_options>(&engine);
    if (combine || !events || events->guarantee == guarantee::exactly_once) {
      EXPECT_EQ(all, (rows_t{{"k", 0, 10, 6}})) << combine;
    }
  }
}

}  // namespace
}  // namespace freshet
