#include "runtime/run_counts.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <iostream>
#include <thread>

#include "base/error_of.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/runtime/restarting_executor.hpp"
#include "runtime/adaptive_scene.hpp"

// What runs that follow one another have counted, added up.
namespace freshet {
namespace {

using namespace adaptive_tests;

constexpr std::uint64_t task_metrics::*counters[] = {
    &task_metrics::emitted, &task_metrics::transferred,   &task_metrics::executed,     &task_metrics::acked,
    &task_metrics::failed,  &task_metrics::timed_out,     &task_metrics::late_answers, &task_metrics::replayed,
    &task_metrics::retried, &task_metrics::dead_lettered, &task_metrics::skipped,      &task_metrics::lost,
    &task_metrics::late,    &task_metrics::woke_behind,   &task_metrics::state_expired};
constexpr std::uint64_t task_metrics::*gauges[] = {&task_metrics::pending, &task_metrics::queued,
                                                   &task_metrics::batches, &task_metrics::state_rows,
                                                   &task_metrics::state_bytes};

/// Every number of it is another.
task_metrics numbered(std::string node, std::uint32_t task, std::uint64_t from) {
  task_metrics t;
  t.node = std::move(node);
  t.task = task;
  for (const auto c : counters) t.*c = from++;
  for (const auto g : gauges) t.*g = from++;
  t.busy = 0.5;
  t.watermark = event_time{} + 5ms;
  t.execute_latency.record(from, 2);
  t.complete_latency.record(from, 3);
  return t;
}

TEST(run_counts, are_added_and_what_is_true_of_a_moment_stays) {
  auto to = numbered("a", 0, 100);
  const auto was = to;
  const auto more = numbered("a", 0, 1000);
  add_counts(to, more);
  for (const auto c : counters) EXPECT_EQ(to.*c, was.*c + more.*c);
  for (const auto g : gauges) EXPECT_EQ(to.*g, was.*g);
  EXPECT_EQ(to.busy, 0.5);
  EXPECT_EQ(to.watermark, was.watermark);
  EXPECT_EQ(to.execute_latency.count(), 4u);
  EXPECT_EQ(to.complete_latency.count(), 6u);
  EXPECT_EQ(to.complete_latency.max(), more.complete_latency.max());
}

TEST(run_counts, of_tasks_that_are_gone_are_those_of_the_first) {
  run_metrics before, now;
  before.tasks = {numbered("a", 0, 10), numbered("a", 1, 20), numbered("a", 2, 30), numbered("b", 0, 40)};
  now.tasks = {numbered("b", 0, 1), numbered("a", 0, 2), numbered("a", 1, 3)};
  add_counts(now, before);
  EXPECT_EQ(now.tasks[0].emitted, 40u + 1);
  EXPECT_EQ(now.tasks[1].emitted, 10u + 30 + 2);
  EXPECT_EQ(now.tasks[2].emitted, 20u + 3);
  EXPECT_EQ(now.tasks.size(), 3u);
}

TEST(run_counts, of_edges_are_added_where_they_are_the_same) {
  run_metrics before, now;
  before.edges = {{"a", "b", 0, 1, 0, 7, {}}, {"b", "c", 1, 2, 0, 8, {}}};
  before.edges[0].transfer_latency.record(5);
  now.edges = {{"a", "b", 0, 1, 1, 1, {}}, {"a", "b", 0, 1, 0, 2, {}}};
  before.uptime = 3s;
  now.uptime = 4s;
  before.batches_done = 5;
  before.recomputed_partitions = 6;
  before.blocks = {1, 2, 3, 4, 5, 6};
  now.blocks = {10, 20, 30, 40, 50, 60};
  add_counts(now, before);
  ASSERT_EQ(now.edges.size(), 3u);
  EXPECT_EQ(now.edges[0].transferred, 1u);
  EXPECT_EQ(now.edges[1].transferred, 9u);
  EXPECT_EQ(now.edges[1].transfer_latency.count(), 1u);
  EXPECT_EQ(now.edges[2].transferred, 8u);
  EXPECT_EQ(now.uptime, 7s);
  EXPECT_EQ(now.batches_done, 5u);
  EXPECT_EQ(now.recomputed_partitions, 6u);
  const auto& b = now.blocks;
  EXPECT_EQ((std::vector{b.evicted, b.spilled, b.spilled_bytes, b.read_back, b.not_spilled, b.spilled_lost}),
            (std::vector<std::uint64_t>{11, 22, 33, 44, 55, 66}));
}

// --- of runs ---

/// What the nodes of `graph_of` have to do for all numbers.
struct counted {
  std::uint64_t numbers = 0, rows = 0, threes = 0;
};
counted count_all() {
  counted all;
  for (int v = 0; v < all_numbers; ++v) {
    ++all.numbers;
    ++(v % 10 == 3 ? all.threes : all.rows);
  }
  return all;
}

topology graph_of(const scene& s) {
  topology_builder b{"counted"};
  auto source = b.spout("numbers", allowed_numbers{s.left, partitions, each, s.may_end}, {.parallelism = 2});
  auto some = b.bolt("some",
                     [](int v) {
                       if (v % 10 == 3) throw std::runtime_error("a three");
                       return v;
                     },
                     {.parallelism = 2})
                  .input(source);
  auto sums = b.bolt("sums", sum_by_key{}, {.parallelism = 3}).input(some, key_grouping{key_of{}});
  b.sink("out", epoch_sink{s.world}, {.parallelism = 3}).input(sums);  // chained in one engine, and not in the other
  return b.build();
}

std::uint64_t over_edge_to(const run_metrics& m, std::string_view node) {
  std::uint64_t sum = 0;
  for (const auto& e : m.edges)
    if (e.to == node) sum += e.transferred;
  return sum;
}

void expect_counts(const run_metrics& m, const counted& wanted) {
  const auto source = m.node("numbers");
  EXPECT_EQ(source.emitted, wanted.numbers);
  EXPECT_EQ(source.acked + source.failed, wanted.numbers);
  EXPECT_EQ(source.pending, 0u);
  EXPECT_EQ(m.total().dead_lettered, wanted.threes);
  EXPECT_EQ(m.node("some").emitted, wanted.rows);
  EXPECT_EQ(m.node("sums").executed, wanted.rows);
  EXPECT_EQ(m.node("sums").emitted, wanted.rows);
  EXPECT_EQ(m.node("sums").state_rows, 27u);  // of each partition nine keys
  EXPECT_EQ(m.node("out").executed, wanted.rows);
  EXPECT_EQ(over_edge_to(m, "sums"), wanted.rows);
}

/// How many edges the description says that of.
std::size_t in_description(const topology_run& run, std::uint64_t transferred) {
  const auto text = run.describe(describe_format::json);
  const auto what = "\"transferred\":" + std::to_string(transferred);
  std::size_t n = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST(counts_of_an_adaptive_run, go_on_over_switches) {
  using enum engine_kind;
  for (const auto& [first, each_run] : {std::pair{batches, 7}, {events, 11}, {batches, no_limit}, {events, no_limit}}) {
    scene s;
    s.first = first;
    s.each_run = each_run;
    const auto graph = graph_of(s);
    auto run = s.start(graph);
    std::uint64_t seen = 0, at_most = 0;
    while (!run.wait_for(100us)) {
      const auto m = run.metrics();
      EXPECT_GE(m.node("numbers").emitted, seen);
      seen = m.node("numbers").emitted;
      at_most = std::max(at_most, seen);
    }
    EXPECT_LE(at_most, static_cast<unsigned>(all_numbers));
    expect_counts(run.metrics(), count_all());
    EXPECT_EQ(run.status().engine.switches == 0, each_run == no_limit);
    EXPECT_EQ(in_description(run, 108), 2u);  // to the sums, and on to the sink
  }
}

TEST(counts_of_an_adaptive_run, go_on_over_other_tasks) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    random_source random(seed);
    scene s;
    s.first = seed % 2 ? engine_kind::batches : engine_kind::events;
    s.each_run = 5 + static_cast<int>(random.below(20));
    auto run = s.start(graph_of(s));
    // Not without end: where a run takes longer to start than the next rescale to come, none would get on.
    for (int i = 0; i < 20 && !run.wait_for(std::chrono::microseconds(random.below(500))); ++i) {
      try {
        run.rescale("sums", 1 + random.below(4));
      } catch (const run_error& e) {
        EXPECT_EQ(e.error().code, errc::closed);
        break;
      }
    }
    run.wait();
    expect_counts(run.metrics(), count_all());
  }
}

/// Late by the clock of events: the same tuples, whoever is at work.
TEST(counts_of_an_adaptive_run, have_all_that_came_late) {
  const auto windows = [](const scene& s) {
    stream_builder builder{"windows"};
    builder.spout("numbers", allowed_numbers{s.left, partitions, each}, {.parallelism = 2})
        .event_time([](int v) { return event_time{} + std::chrono::milliseconds(v % 7 ? v % each : v % each / 2); },
                    {.bound = 2ms})
        .key_by([](int v) { return v % 4; })
        .window(tumbling{4ms})
        .count("counts", {.parallelism = 2})
        .map("rows",
             [](const auto& w) {
               return row{w.key, static_cast<long>(w.value)};
             })
        .to("out", epoch_sink{s.world}, {.parallelism = 2});
    return builder.build();
  };
  scene in_one;
  *in_one.left = no_limit;
  auto events_only = events_without_pace::in(*in_one.files).start(windows(in_one));
  events_only.wait();
  const auto late = events_only.metrics().node("counts").late;
  EXPECT_GT(late, 5u);
  scene s;
  s.each_run = 9;
  auto run = s.start(windows(s));
  run.wait();
  EXPECT_GT(run.status().engine.switches, 5u);
  EXPECT_EQ(run.metrics().node("counts").late, late);
}

/// Reads from the beginning in each run.
topology fails(int times, const std::shared_ptr<std::atomic<int>>& seen) {
  topology_builder b{"fragile"};
  const auto left = std::make_shared<std::atomic<int>>(times);
  const auto breaks = [left](int v) {
    if (v == 3 && (*left)-- > 0) throw std::runtime_error("broken");
    return v;
  };
  auto in = b.spout("in", vector_spout{std::vector{1, 2, 3}});
  auto out = b.bolt("breaks", breaks, {.on_failure = on_failure::stop}).input(in, shuffle_grouping{});
  b.sink("out", [seen](int) { ++*seen; }).input(out);
  return b.build();
}

TEST(counts_of_a_restarted_run, go_on_and_what_a_failed_run_has_not_finished_has_failed) {
  const restart_policy soon{.most = 5, .first = 1us, .longest = 1us, .log = {}};
  const auto seen = std::make_shared<std::atomic<int>>(0);
  auto in_batches =
      restarting_executor{batch_executor{batch_options{.interval = 0ms, .max_task_attempts = 1, .log = {}}}, soon}
          .start(fails(3, seen));
  in_batches.wait();
  const auto m = in_batches.metrics();
  EXPECT_EQ(m.node("in").emitted, 4u * 3);
  EXPECT_EQ(m.node("in").acked, 3u);
  EXPECT_EQ(m.node("in").failed, 3u * 3);
  EXPECT_EQ(m.node("breaks").failed, 3u);
  EXPECT_EQ(m.node("out").executed, 3u);

  auto in_events =
      restarting_executor{event_executor{event_options{.retry = {.max_attempts = 1}, .log = {}}}, soon}.start(
          fails(3, seen));
  in_events.wait();
  const auto of_events = in_events.metrics();
  EXPECT_EQ(of_events.node("in").emitted, 4u * 3);
  EXPECT_EQ(of_events.node("in").acked + of_events.node("in").failed, 4u * 3);
  EXPECT_EQ(of_events.node("breaks").failed, 3u);
}

}  // namespace
}  // namespace freshet
