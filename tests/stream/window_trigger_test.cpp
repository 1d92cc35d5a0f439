// Windows with triggers, against a loop: on both engines, with faults, the same results in the same number.
#include "freshet/stream/window_trigger.hpp"

#include <gtest/gtest.h>

#include <map>

#include "freshet/base/random.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "freshet/testing/topology_driver.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace samples;
using namespace std::chrono_literals;
using rows_t = std::vector<row>;

/// Whatever a trigger can know, and each of its answers.
firing moody(const reading& r, const trigger_view& v) {
  if (v.stamp >= v.window.end && r.value % 3 == 0) return firing::fire;
  if (v.tuples >= 5) return v.pane >= 2 ? firing::fire_and_purge : firing::fire;
  if (r.value % 11 == 0) return firing::purge;
  return r.value % 17 == 0 ? firing::fire_and_purge : firing::none;
}

/// Out of order by up to 40 ms; of one partition, so that there is one order.
std::vector<reading> some_readings(std::uint64_t seed) {
  random_source random(seed);
  std::vector<reading> all;
  std::int64_t now = 0;
  for (std::int64_t i = 1; i <= 300; ++i) {
    now += static_cast<std::int64_t>(random.below(8));
    const auto back = static_cast<std::int64_t>(random.below(40));
    all.push_back({std::string(1, static_cast<char>('a' + random.below(3))), ms(now - back), i});
  }
  return all;
}
constexpr event_span bound = 15ms, lateness = 12ms;

/// What the loop knows of a window.
struct model_window {
  window span;
  std::int64_t sum = 0;
  std::uint64_t tuples = 0;
  std::uint32_t pane = 0;
};
/// The windows of each key, those that haven't closed among them: no tuple reaches one that has, or it is late.
using model = std::map<std::string, std::vector<model_window>>;

/// Adds a tuple to the window at `w`, and says what comes of it.
void add(const reading& r, event_time stamp, panes kind, std::vector<model_window>& all, std::size_t at, rows_t& out) {
  model_window& w = all[at];
  w.sum += r.value;
  ++w.tuples;
  const auto wanted = moody(r, {w.tuples, w.pane, w.span, r.at, stamp});
  const bool purges = wanted == firing::purge || wanted == firing::fire_and_purge;
  if (wanted == firing::fire || wanted == firing::fire_and_purge) {
    out.push_back({r.key, w.span.start.time_since_epoch().count(), w.span.end.time_since_epoch().count(), w.sum,
                   w.pane++, purges});
    w.tuples = 0;
    if (kind == panes::discarding) w.sum = 0;
  }
  if (purges) all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
}
template <class W>
void visit_windows(const W& windows, const reading& r, event_time stamp, panes kind, std::vector<model_window>& all,
                   rows_t& out) {
  for_each_window(windows, r.at, [&](const window& w) {
    if (is_late(w, lateness, stamp)) return;
    const auto found = std::find_if(all.begin(), all.end(), [&](auto& m) { return m.span == w; });
    const auto at = static_cast<std::size_t>(found - all.begin());
    if (found == all.end()) all.push_back({w});
    add(r, stamp, kind, all, at, out);
  });
}
void visit_windows(const sessions& windows, const reading& r, event_time stamp, panes kind,
                   std::vector<model_window>& all, rows_t& out) {
  if (is_late(r.at, lateness, stamp)) return;
  model_window joined{{r.at, r.at + windows.gap}};
  for (std::size_t i = all.size(); i-- > 0;) {
    const auto& w = all[i];
    if (w.span.end < joined.span.start || joined.span.end < w.span.start) continue;
    joined = {{std::min(joined.span.start, w.span.start), std::max(joined.span.end, w.span.end)},
              joined.sum + w.sum,
              joined.tuples + w.tuples,
              std::max(joined.pane, w.pane)};
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
  }
  all.push_back(joined);
  add(r, stamp, kind, all, all.size() - 1, out);
}
template <class W>
rows_t rows_of_loop(const W& windows, const std::vector<reading>& readings, panes kind) {
  model open;
  rows_t out;
  event_time largest = beginning_of_time;
  for (const auto& r : readings) {
    const auto stamp = largest == beginning_of_time ? largest : largest - bound;
    visit_windows(windows, r, stamp, kind, open[r.key], out);
    largest = std::max(largest, r.at);
  }
  for (const auto& [key, all] : open)
    for (const auto& w : all)
      if (kind == panes::accumulating || w.tuples != 0)
        out.push_back(
            {key, w.span.start.time_since_epoch().count(), w.span.end.time_since_epoch().count(), w.sum, w.pane, true});
  return sorted(std::move(out));
}

rows_t only_in(const rows_t& a, const rows_t& b) {
  rows_t rest;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(rest));
  return rest;
}

class window_triggers : public on_every_engine {
 protected:
  template <class W>
  void expect_the_loops(const W& windows) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed)
      for (const auto kind : {panes::accumulating, panes::discarding}) {
        const auto readings = some_readings(seed);
        const auto wanted = rows_of_loop(windows, readings, kind), got = run_once(windows, readings, kind, seed);
        ASSERT_EQ(only_in(got, wanted), rows_t{}) << "seed " << seed;
        ASSERT_EQ(only_in(wanted, got), rows_t{}) << "seed " << seed;
      }
  }
  template <class W>
  rows_t run_once(const W& windows, const std::vector<reading>& readings, panes kind, std::uint64_t seed) {
    stream_builder b{"triggers"};
    collect_sink<windowed<std::string, std::int64_t>> got;
    const bolt_options tasks{.parallelism = seed % 2 ? 1u : 4u};
    b.spout("readings", vector_spout<reading>{readings})
        .event_time(&reading::at, {.bound = bound})
        .key_by(&reading::key)
        .window(windows,
                {.allowed_lateness = std::is_same_v<W, global_windows> ? event_span{} : lateness, .panes = kind})
        .trigger(moody)
        .aggregate("windows", aggregates::sum{&reading::value}, tasks)
        .peek(
            "chained", [](const windowed<std::string, std::int64_t>&) {}, tasks)
        .to("results", got);
    auto engine = GetParam().second;
    const auto* events = std::get_if<event_options>(&engine);
    if (!events || events->guarantee == guarantee::exactly_once) {
      const auto faults = std::make_shared<testing::fault_plan>(seed);
      faults->throw_at_random("windows", 0.05, 20);
      faults->throw_at_random("chained", 0.05, 20);  // in the windows' task: what they did is undone
      std::visit([&](auto& o) { o.faults = faults; }, engine);
      if (auto* batches = std::get_if<batch_options>(&engine)) batches->max_task_attempts = 100;
    }
    start_on(engine, b.build()).wait();
    rows_t all;
    for (const auto& w : got.take()) all.push_back(row_of(w));
    return sorted(std::move(all));
  }
};
INSTANTIATE_TEST_SUITE_P(, window_triggers, ::testing::ValuesIn(every_engine()), name_of_engine);

TEST_P(window_triggers, of_tumbling_windows_are_those_of_a_loop) { expect_the_loops(tumbling{20ms}); }
TEST_P(window_triggers, of_hopping_windows_are_those_of_a_loop) { expect_the_loops(hopping{30ms, 7ms}); }
TEST_P(window_triggers, of_sessions_are_those_of_a_loop) { expect_the_loops(sessions{9ms}); }
TEST_P(window_triggers, of_the_global_window_are_those_of_a_loop) { expect_the_loops(global_windows{}); }

TEST_P(window_triggers, final_only_has_what_is_fired_and_purged) {
  const auto pairs = [](const reading&, const trigger_view& v) {
    return v.tuples == 2 ? firing::fire_and_purge : firing::none;
  };
  const auto w = readings({{"a", ms(0), 1}, {"a", ms(1), 2}, {"a", ms(2), 4}})
                     .key_by(&reading::key)
                     .window(tumbling{10ms})
                     .trigger(pairs)
                     .aggregate("sums", aggregates::sum{&reading::value});
  EXPECT_EQ(rows(w.final_only()), (rows_t{{"a", 0, 10, 3}, {"a", 0, 10, 4}}));
}

TEST(window_trigger, a_purged_window_is_forgotten_with_its_key) {
  stream_builder builder{"sums"};
  builder.spout("readings", vector_spout<reading>{{}})
      .event_time(&reading::at)
      .key_by(&reading::key)
      .window(global_windows{})
      .trigger(
          [](const reading& r, const trigger_view&) { return r.value < 0 ? firing::fire_and_purge : firing::none; })
      .aggregate("sums", aggregates::sum{&reading::value});
  testing::topology_driver driver{builder.build()};
  auto& sums = driver.watch<windowed<std::string, std::int64_t>>("sums");
  driver.push("readings", reading{"a", ms(0), 5});
  driver.push("readings", reading{"b", ms(0), 7});
  EXPECT_EQ(driver.metrics().node("sums").state_rows, 2u);
  driver.push("readings", reading{"a", ms(1), -1});
  EXPECT_EQ(driver.metrics().node("sums").state_rows, 1u);
  ASSERT_EQ(sums.size(), 1u);
  EXPECT_EQ(sums[0].value, 4);
  driver.push("readings", reading{"a", ms(2), 9});
  driver.finish();
  ASSERT_EQ(sums.size(), 3u);  // what came after the purge alone
  EXPECT_EQ(sums[1].value + sums[2].value, 9 + 7);
  EXPECT_TRUE(sums[1].is_final && sums[2].is_final && sums[1].pane == 0);
}

}  // namespace
}  // namespace freshet
