#include "freshet/batch/batch_executor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "batch/batch_probe.hpp"
#include "freshet/testing/manual_clock.hpp"
#include "freshet/testing/simulated_files.hpp"

namespace {
using namespace freshet;
using namespace freshet::batch_tests;
using namespace std::chrono_literals;

/// The greatest running sum of each last digit: what a plain loop would end with.
std::map<int, long> sums_below(int n) {
  std::map<int, long> sums;
  for (int v = 0; v < n; ++v) sums[v % 10] += v;
  return sums;
}
std::map<int, long> greatest(const std::vector<std::pair<int, long>>& rows) {
  std::map<int, long> all;
  for (auto [k, v] : rows) all[k] = std::max(all[k], v);
  return all;
}

class with_triggers : public ::testing::TestWithParam<std::tuple<std::size_t, std::chrono::nanoseconds>> {};

TEST_P(with_triggers, gives_the_same_answer) {
  const auto [workers, interval] = GetParam();
  topology_builder builder{"sums"};
  collect_sink<std::pair<int, long>> sink;
  auto source = builder.spout("numbers", vector_spout{numbers(20'000)});
  auto even = builder.bolt("keep", [](int v, emitter<int>& out) { out.emit(v); }, {.parallelism = 3})
                  .input(source, shuffle_grouping{});
  auto sums = builder.bolt("sums", sum_by_last_digit{}, {.parallelism = 4}).input(even, key_grouping{last_digit{}});
  builder.sink("out", sink).input(sums, global_grouping{});
  auto run = batch_executor{quiet({.interval = interval, .workers = workers})}.start(builder.build());
  run.wait();
  const auto rows = sink.values();
  EXPECT_EQ(rows.size(), 20'000u);
  EXPECT_EQ(greatest(rows), sums_below(20'000));
  const auto m = run.metrics();
  EXPECT_EQ(m.node("numbers").emitted, 20'000u);
  EXPECT_EQ(m.node("numbers").acked, 20'000u);
  EXPECT_EQ(m.node("sums").executed, 20'000u);
  EXPECT_EQ(m.node("numbers").complete_latency.count(), 20'000u);
  EXPECT_EQ(run.status().state, run_state::finished);
}
INSTANTIATE_TEST_SUITE_P(batch_executor, with_triggers,
                         ::testing::Combine(::testing::Values(1, 2, 8), ::testing::Values(0ms, 1ms, 10ms)));

/// Deterministic to the order of every sink, whatever the number of workers.
TEST(batch_executor, routes_by_batch_partition_and_index_only) {
  const auto run_with = [](std::size_t workers) {
    topology_builder builder{"order"};
    auto sink = std::make_shared<std::array<std::vector<int>, 3>>();
    struct into {
      std::shared_ptr<std::array<std::vector<int>, 3>> all;
      std::size_t task = 0;
      void open(const task_context& c) { task = c.task; }
      void write(int v) { (*all)[task].push_back(v); }
    };
    auto source = builder.spout("in", partitioned_spout_probe{4, 500}, {.parallelism = 1});
    auto spread =
        builder.bolt("spread", [](int v) { return v + 1; }, {.parallelism = 2}).input(source, shuffle_grouping{});
    auto keyed = builder.bolt("partial", [](int v) { return v * 2; }, {.parallelism = 3})
                     .input(spread, partial_key_grouping{last_digit{}});
    builder.sink("out", into{sink}, {.parallelism = 3}).input(keyed);
    batch_executor{batches_of(300, {.workers = workers})}.start(builder.build()).wait();
    return *sink;
  };
  const auto one = run_with(1);
  EXPECT_EQ(one[0].size() + one[1].size() + one[2].size(), 2000u);
  EXPECT_EQ(run_with(2), one);
  EXPECT_EQ(run_with(8), one);
}

TEST(batch_executor, knows_all_groupings) {
  topology_builder builder{"groupings"};
  auto source = builder.spout("in", vector_spout{numbers(1000)});
  std::map<std::string, collect_sink<int>> sinks;
  const auto reads = [&](const std::string& name, auto grouping) {
    auto bolt = builder.bolt(name, [](int v) { return v; }, {.parallelism = 4}).input(source, grouping);
    builder.sink(name + ".sink", sinks[name], {.parallelism = 4}).input(bolt);
  };
  reads("forward", forward_grouping{});
  reads("shuffle", shuffle_grouping{});
  reads("local", local_or_shuffle_grouping{});
  reads("all", all_grouping{});
  reads("global", global_grouping{});
  reads("key", key_grouping{last_digit{}});
  reads("partial", partial_key_grouping{last_digit{}});
  reads("custom", custom_grouping{[](int v, std::size_t tasks) { return static_cast<std::size_t>(v) % tasks; }});
  reads("direct", direct_grouping{[](int v) { return v & 3; }});
  auto run = batch_executor{quiet({.trigger = batch_trigger::back_to_back, .workers = 2})}.start(builder.build());
  run.wait();
  for (auto& [name, sink] : sinks) {
    auto got = sorted(sink.take());
    if (name == "all") {
      EXPECT_EQ(got.size(), 4000u);
      got.erase(std::unique(got.begin(), got.end()), got.end());
    }
    EXPECT_EQ(got, numbers(1000)) << name;
  }
}

struct two_inputs {
  std::set<int> allowed;
  using output = emitter<int>;
  void on_rule(int v, output&) { allowed.insert(v); }
  void on_value(int v, output& out) {
    if (allowed.contains(v)) out.emit(v);
  }
};

TEST(batch_executor, reads_inputs_in_declaration_order_and_those_to_all_first) {
  topology_builder builder{"inputs"};
  collect_sink<int> sink;
  auto values = builder.spout("values", vector_spout{numbers(100)});
  auto rules = builder.spout("rules", vector_spout{std::vector<int>{3, 5, 99}});
  auto checked = builder.bolt("check", two_inputs{}, {.parallelism = 2})
                     .input<&two_inputs::on_value>(values, shuffle_grouping{})
                     .input<&two_inputs::on_rule>(rules, all_grouping{});
  builder.sink("out", sink).input(checked, global_grouping{});
  // Everything in one batch: only then a rule can hold for values that were polled before it.
  batch_executor{batches_of(103)}.start(builder.build()).wait();
  EXPECT_EQ(sorted(sink.take()), (std::vector<int>{3, 5, 99}));
}

struct odd_side : side_output<int, "odd"> {};

TEST(batch_executor, divides_side_outputs_and_merges_streams) {
  topology_builder builder{"sides"};
  collect_sink<int> evens, odds, both;
  auto source = builder.spout("in", vector_spout{numbers(1000)});
  struct split {
    void process(int v, emitter<int, odd_side>& out) {
      if (v % 2) out.emit<odd_side>(v);
      else out.emit(v);
    }
  };
  auto divided = builder.bolt("split", split{}, {.parallelism = 2}).input(source, shuffle_grouping{});
  builder.sink("evens", evens).input(divided, global_grouping{});
  builder.sink("odds", odds).input(divided.side<odd_side>(), global_grouping{});
  stream_ref<int> all = merge(stream_ref<int>(divided), divided.side<odd_side>());
  builder.sink("both", both).input(all, global_grouping{});
  batch_executor{quiet({.interval = 1ms})}.start(builder.build()).wait();
  EXPECT_EQ(evens.size(), 500u);
  EXPECT_EQ(odds.size(), 500u);
  EXPECT_EQ(sorted(both.take()), numbers(1000));
}

TEST(batch_executor, flushes_every_touched_key_once_a_batch) {
  topology_builder builder{"flush_key"};
  collect_sink<std::pair<int, long>> sink;
  auto source = builder.spout("in", vector_spout{numbers(1000)});
  auto sums = builder.bolt("sums", sum_once_a_batch{}, {.parallelism = 2}).input(source, key_grouping{last_digit{}});
  builder.sink("out", sink).input(sums, global_grouping{});
  auto run = batch_executor{batches_of(100)}.start(builder.build());
  run.wait();
  EXPECT_EQ(run.metrics().batches_done, 10u);
  const auto rows = sink.values();
  EXPECT_EQ(rows.size(), 100u);  // ten keys in ten batches
  EXPECT_EQ(greatest(rows), sums_below(1000));
}

/// Adds up on the producer's side and lets go at the end of the batch.
struct combine {
  std::map<int, long> sums;
  bool batched = false;
  void open(const task_context& c) { batched = c.batched; }
  void process(int v, emitter<std::pair<int, long>>&) { sums[v % 10] += v; }
  void flush(emitter<std::pair<int, long>>& out) {
    for (auto [k, v] : sums) out.emit({k, v});
    sums.clear();
  }
};
struct add_parts {
  using state = long;
  std::pair<int, long> process(const std::pair<int, long>& part, state& sum) {
    return {part.first, sum += part.second};
  }
};

TEST(batch_executor, combines_before_a_shuffle) {
  topology_builder builder{"combine"};
  collect_sink<std::pair<int, long>> sink;
  auto source = builder.spout("in", vector_spout{numbers(1000)});
  auto parts = builder.bolt("combine", combine{}).input(source);
  auto sums = builder.bolt("sums", add_parts{}, {.parallelism = 2})
                  .input(parts, key_grouping{[](const std::pair<int, long>& p) { return p.first; }});
  builder.sink("out", sink).input(sums, global_grouping{});
  auto run = batch_executor{batches_of(250)}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.size(), 40u);
  EXPECT_EQ(greatest(sink.values()), sums_below(1000));
  EXPECT_EQ(run.metrics().node("sums").executed, 40u);
}

TEST(batch_executor, reads_spouts_that_cannot_read_again) {
  topology_builder builder{"push"};
  push_like_spout spout;
  collect_sink<int> sink;
  auto source = builder.spout("push", spout);
  builder.sink("out", sink).input(source);
  auto run = batch_executor{quiet({.trigger = batch_trigger::back_to_back})}.start(builder.build());
  for (int v = 0; v < 5000; ++v) spout.source().push(v);
  while (sink.size() != 5000) std::this_thread::yield();
  spout.source().push(5000);
  while (sink.size() != 5001) std::this_thread::yield();
  spout.source().close();
  run.wait();
  EXPECT_EQ(sink.take(), numbers(5001));
}

TEST(batch_executor, available_now_ends_where_a_spout_is_idle) {
  topology_builder builder{"now"};
  push_like_spout spout;
  for (int v = 0; v < 1000; ++v) spout.source().push(v);
  collect_sink<int> sink;
  auto source = builder.spout("push", spout);
  builder.sink("out", sink).input(source);
  auto run = batch_executor{quiet({.trigger = batch_trigger::available_now})}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.take(), numbers(1000));
}

TEST(batch_executor, cuts_batches_of_so_many_rows) {
  topology_builder builder{"rows"};
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{numbers(1000)});
  builder.sink("out", sink).input(source);
  auto run = batch_executor{batches_of(300)}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.take(), numbers(1000));
  const auto m = run.metrics();
  ASSERT_EQ(m.batches.size(), 4u);
  EXPECT_EQ(m.batches[0].num_input_rows, 300u);
  EXPECT_EQ(m.batches[3].num_input_rows, 100u);
  EXPECT_EQ(m.batches[0].batch_id, 1u);
  EXPECT_EQ(m.batches[3].batch_id, 4u);
}

/// Spouts that ask for room at the same time never get more than there is.
TEST(batch_executor, cuts_no_batch_of_more_rows_whoever_polls) {
  for (int round = 0; round < 20; ++round) {
    topology_builder builder{"crowd"};
    auto source = builder.spout("in", partitioned_spout_probe{8, 60}, {.parallelism = 8, .max_batch = 8});
    collect_sink<int> sink;
    builder.sink("out", sink).input(source, shuffle_grouping{});
    auto run = batch_executor{batches_of(7, {.workers = 8, .recent_batches = 1000})}.start(builder.build());
    run.wait();
    EXPECT_EQ(sorted(sink.take()), numbers(480));
    for (const auto& b : run.metrics().batches) EXPECT_LE(b.num_input_rows, 7u) << "batch " << b.batch_id;
  }
}

TEST(batch_executor, records_progress_under_sparks_names) {
  topology_builder builder{"progress"};
  auto source = builder.spout("in", vector_spout{numbers(100)});
  builder.sink("out", collect_sink<int>{}).input(source);
  auto run = batch_executor{batches_of(50)}.start(builder.build());
  run.wait();
  const auto m = run.metrics();
  ASSERT_EQ(m.batches.size(), 2u);
  const auto& p = m.batches[1];
  std::set<std::string> names;
  std::chrono::nanoseconds parts{}, whole{};
  for (const auto& s : p.duration) {
    names.insert(s.name);
    (s.name == "triggerExecution" ? whole : parts) += s.took;
  }
  EXPECT_EQ(names, (std::set<std::string>{"latestOffset", "getBatch", "queryPlanning", "addBatch", "walCommit",
                                          "commitOffsets", "triggerExecution"}));
  EXPECT_EQ(parts, whole);
  EXPECT_EQ(p.processing_time, whole);
  EXPECT_EQ(p.total_delay, p.processing_time + p.scheduling_delay);
  EXPECT_GT(p.timestamp_ms, 0);
  EXPECT_GT(p.input_rows_per_second, 0);
  EXPECT_EQ(p.tasks, 1u);
}

/// Takes 10 ms to write each row, 3 to prepare and 4 to commit, of a clock that only it and the checkpoints move.
struct slow_sink {
  using token = int;
  freshet::testing::manual_clock* clock;
  void begin(const epoch_id&) {}
  void write(int) { clock->advance(10ms); }
  token prepare() {
    clock->advance(3ms);
    return 0;
  }
  void commit(const token&) { clock->advance(4ms); }
  void abort() {}
};

/// What took how long, by name, in milliseconds.
std::map<std::string, std::int64_t> durations_of(const batch_progress& p) {
  std::map<std::string, std::int64_t> all;
  for (const auto& s : p.duration) all[s.name] = std::chrono::duration_cast<std::chrono::milliseconds>(s.took).count();
  return all;
}

TEST(batch_executor, says_which_step_of_a_batch_took_how_long) {
  freshet::testing::manual_clock clock;
  freshet::testing::simulated_files files;
  files.on_step([&](const auto& step) {
    if (step.operation == freshet::testing::file_operation::sync && step.done) clock.advance(50ms);
  });
  topology_builder builder{"steps"};
  auto source = builder.spout("in", vector_spout{numbers(5)});
  builder.sink("out", slow_sink{&clock}).input(source, global_grouping{});
  auto options = batches_of(2, {.workers = 1, .clock = &clock});
  options.checkpoints = {.directory = "/checkpoints", .sync = log_sync::every_batch, .files = &files};
  auto run = batch_executor{options}.start(builder.build());
  run.wait();
  const auto m = run.metrics();
  ASSERT_EQ(m.batches.size(), 3u);
  const auto& before = m.batches[1];  // the first begins the log, which is synced more often
  EXPECT_EQ(before.num_input_rows, 2u);
  EXPECT_EQ(before.processing_time, 77ms);
  const auto& p = m.batches[2];
  EXPECT_EQ(p.num_input_rows, 1u);
  EXPECT_EQ(durations_of(p), (std::map<std::string, std::int64_t>{{"latestOffset", 0},
                                                                  {"queryPlanning", 0},
                                                                  {"getBatch", 0},
                                                                  {"addBatch", 13},
                                                                  {"walCommit", 50},
                                                                  {"commitOffsets", 4},
                                                                  {"triggerExecution", 67}}));
  EXPECT_EQ(p.processing_time, 67ms);
  EXPECT_EQ(p.scheduling_delay, 0ms);
  EXPECT_DOUBLE_EQ(p.processed_rows_per_second, 1 / 0.067);
  EXPECT_EQ(p.timestamp_ms, before.timestamp_ms + 77);
  EXPECT_DOUBLE_EQ(p.input_rows_per_second, 1 / 0.077);
}

/// What was read, as "partition: from, to".
std::vector<std::string> extents_of(const batch_progress::source& s) {
  std::vector<std::string> all;
  for (const auto& e : s.extents)
    all.push_back(e.partition + ": " + std::to_string(e.start_offset) + ", " + std::to_string(e.end_offset));
  return all;
}

TEST(batch_executor, records_how_far_each_batch_has_read) {
  topology_builder builder{"far"};
  auto source = builder.spout("in", partitioned_spout_probe{1, 50});
  builder.sink("out", collect_sink<int>{}).input(source);
  auto run = batch_executor{batches_of(20, {.workers = 1})}.start(builder.build());
  run.wait();
  const auto m = run.metrics();
  ASSERT_EQ(m.batches.size(), 3u);
  EXPECT_THAT(extents_of(m.batches[0].sources.at(0)), ::testing::ElementsAre("0: 0, 20"));
  EXPECT_THAT(extents_of(m.batches[1].sources.at(0)), ::testing::ElementsAre("0: 20, 40"));
  EXPECT_THAT(extents_of(m.batches[2].sources.at(0)), ::testing::ElementsAre("0: 40, 50"));
  const auto& last = m.batches[2];
  EXPECT_EQ(last.sources[0].num_input_rows, 10u);
  EXPECT_EQ(last.sources[0].input_rows_per_second, last.input_rows_per_second);
  EXPECT_EQ(last.sources[0].processed_rows_per_second, last.processed_rows_per_second);
  EXPECT_EQ(last.sinks.at(0).num_output_rows, 10u);
}

/// Five numbers, from nowhere in particular.
struct spout_without_positions {
  int left = 5;
  poll_status poll(spout_emitter<int>& out) {
    for (; left && out.room(); --left) out.emit(-left);
    return left ? poll_status::emitted() : poll_status::ended();
  }
};

TEST(batch_executor, records_what_each_spout_has_read_and_each_sink_has_written) {
  topology_builder builder{"ends"};
  auto partitioned = builder.spout("partitioned", partitioned_spout_probe{3, 10}, {.parallelism = 2});
  auto plain = builder.spout("plain", spout_without_positions{});
  const auto picky = [](int v) {
    if (v == -3) throw std::runtime_error("not this one");
  };
  builder.sink("both", collect_sink<int>{}, {.parallelism = 2})
      .input(partitioned, shuffle_grouping{})
      .input(plain, all_grouping{});
  builder.sink("picky", picky).input(plain);
  builder.sink("letters", [](const dead_letter&) {}).input(builder.dead_letters());
  auto run = batch_executor{batches_of(35, {.max_task_attempts = 1})}.start(builder.build());
  run.wait();
  const auto m = run.metrics();
  ASSERT_EQ(m.batches.size(), 2u) << "the dead letter of a sink comes with the next batch";
  const auto& [first, second] = std::tie(m.batches[0], m.batches[1]);
  ASSERT_EQ(first.sources.size(), 2u);
  EXPECT_EQ(first.sources[0].description, "partitioned");
  EXPECT_EQ(first.sources[0].num_input_rows, 30u);
  EXPECT_THAT(extents_of(first.sources[0]), ::testing::UnorderedElementsAre("0: 0, 10", "1: 0, 10", "2: 0, 10"));
  EXPECT_EQ(first.sources[1].description, "plain");
  EXPECT_EQ(first.sources[1].num_input_rows, 5u);
  EXPECT_THAT(first.sources[1].extents, ::testing::IsEmpty());
  const auto written = [](const batch_progress& p) {
    std::map<std::string, std::uint64_t> all;
    for (const auto& s : p.sinks) all[s.description] = s.num_output_rows;
    return all;
  };
  using rows = std::map<std::string, std::uint64_t>;
  EXPECT_EQ(written(first), (rows{{"both", 40}, {"picky", 4}, {"letters", 0}}));
  EXPECT_EQ(written(second), (rows{{"both", 0}, {"picky", 0}, {"letters", 1}}));
  EXPECT_THAT(second.sources, ::testing::SizeIs(2)) << "also those that had nothing";
  EXPECT_THAT(first.json(), ::testing::HasSubstr(R"("startOffset":{"0":0,"2":0,"1":0})"));
}

TEST(batch_executor, keeps_so_many_progress_records) {
  topology_builder builder{"recent"};
  auto source = builder.spout("in", vector_spout{numbers(100)});
  builder.sink("out", collect_sink<int>{}).input(source);
  auto run = batch_executor{batches_of(10, {.recent_batches = 3})}.start(builder.build());
  run.wait();
  const auto m = run.metrics();
  ASSERT_EQ(m.batches.size(), 3u);
  EXPECT_EQ(m.batches.back().batch_id, 10u);
  EXPECT_EQ(m.batches_done, 10u);
}

struct ticking {
  int ticks = 0;
  void process(int, emitter<int>&) {}
  void on_tick(emitter<int>& out) { out.emit(++ticks); }
};

TEST(batch_executor, ticks_at_most_once_a_batch) {
  topology_builder builder{"ticks"};
  push_like_spout spout;
  collect_sink<int> sink;
  auto source = builder.spout("in", spout);
  auto bolt = builder.bolt("tick", ticking{}, {.tick = 1ms}).input(source, global_grouping{});
  builder.sink("out", sink).input(bolt);
  auto run = batch_executor{quiet({.interval = 5ms})}.start(builder.build());
  while (sink.size() < 3) std::this_thread::yield();  // also without input
  const auto m = run.metrics();
  spout.source().close();
  run.wait();
  EXPECT_LE(sink.size(), run.metrics().batches_done);
}

TEST(batch_executor, an_empty_input_is_no_batch) {
  topology_builder builder{"empty"};
  auto source = builder.spout("in", vector_spout{std::vector<int>{}});
  builder.sink("out", collect_sink<int>{}).input(source);
  auto run = batch_executor{quiet({.interval = 1ms})}.start(builder.build());
  run.wait();
  EXPECT_EQ(run.metrics().batches_done, 0u);
}

TEST(batch_executor, names_options_that_cannot_be) {
  topology_builder builder{"options"};
  auto source = builder.spout("in", vector_spout{numbers(1)});
  builder.sink("out", collect_sink<int>{}).input(source);
  try {
    batch_executor{{.interval = -1ms, .rows_per_batch = 0, .max_task_attempts = 0}}.start(builder.build());
    FAIL();
  } catch (const topology_error& e) { EXPECT_EQ(e.mistakes().size(), 3u) << e.what(); }
}

std::vector<std::string> mistakes_of(batch_options o, const topology& graph) {
  try {
    batch_executor{quiet(std::move(o))}.start(graph).wait();
  } catch (const topology_error& e) { return e.mistakes(); }
  return {};
}
topology only_numbers() {
  topology_builder builder{"options"};
  builder.sink("out", collect_sink<int>{}).input(builder.spout("in", vector_spout{numbers(100)}));
  return builder.build();
}

TEST(batch_executor, times_cannot_be_negative) {
  const auto wrong = mistakes_of(
      {.interval = -1ms, .message_timeout = -1ms, .drain_timeout = -1ms, .stop_timeout = -1ms, .stall_limit = -1ms},
      only_numbers());
  ASSERT_EQ(wrong.size(), 5u);
  EXPECT_EQ(wrong[1],
            "batch_options::drain_timeout is -1 ms: a time cannot be negative; nanoseconds::max() for no limit");
  EXPECT_EQ(wrong[4], "batch_options::interval is -1 ms: a time cannot be negative; 0 for batches back to back");
}

TEST(batch_executor, bounds_without_end_are_taken_for_that) {
  constexpr auto ever = std::chrono::nanoseconds::max();
  constexpr auto most = ~std::size_t{0};
  const batch_options o{.interval = ever,
                        .rows_per_batch = most,
                        .max_task_attempts = ~std::uint32_t{0},
                        .block_store_bytes = most,
                        .message_timeout = ever,
                        .drain_timeout = ever,
                        .stop_timeout = ever,
                        .stall_limit = ever,
                        .recent_batches = most,
                        .kept_dead_letters = most};
  EXPECT_TRUE(mistakes_of(o, only_numbers()).empty());
  auto run = batch_executor{quiet(o)}.start(only_numbers());
  run.drain();
}

/// in -> seal -> (chained) open, and to everybody else over a block
topology sealed() {
  topology_builder builder{"sealed"};
  auto in = builder.spout("in", vector_spout{numbers(3)});
  auto seal = builder.bolt("seal", [](int v) { return closed_text(std::to_string(v)); }).input(in, shuffle_grouping{});
  auto inside = builder.bolt("inside", [](const closed_text&) { return 1; }).input(seal);
  builder.sink("ones", [](int) {}).input(inside, global_grouping{});
  builder.sink("first", [](const closed_text&) {}).input(seal, global_grouping{});
  builder.sink("second", [](const closed_text&) {}).input(seal, shuffle_grouping{});
  return builder.build();
}

TEST(batch_executor, says_which_blocks_it_cannot_verify) {
  const auto wrong = mistakes_of({.verify_blocks = true}, sealed());
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_THAT(wrong[0], ::testing::AllOf(::testing::HasSubstr("verify_blocks"), ::testing::HasSubstr("closed_text"),
                                         ::testing::HasSubstr("bolt \"seal\""), ::testing::HasSubstr("codec")));
  EXPECT_TRUE(mistakes_of({}, sealed()).empty());
  EXPECT_TRUE(mistakes_of({.verify_blocks = true}, only_numbers()).empty());
}

// --- memory ---

/// What all texts of a test hold now, and have held at most.
struct text_memory {
  static inline std::atomic<std::int64_t> now{0}, most{0};
  static void add(std::int64_t bytes) {
    const auto sum = now.fetch_add(bytes) + bytes;
    for (auto seen = most.load(); sum > seen && !most.compare_exchange_weak(seen, sum);) {}
  }
};
template <class T>
struct counting_allocator {
  using value_type = T;
  counting_allocator() = default;
  template <class U>
  counting_allocator(const counting_allocator<U>&) {}
  T* allocate(std::size_t n) {
    text_memory::add(static_cast<std::int64_t>(n * sizeof(T)));
    return std::allocator<T>{}.allocate(n);
  }
  void deallocate(T* p, std::size_t n) {
    text_memory::add(-static_cast<std::int64_t>(n * sizeof(T)));
    std::allocator<T>{}.deallocate(p, n);
  }
  friend bool operator==(counting_allocator, counting_allocator) { return true; }
};
using large_text = std::basic_string<char, std::char_traits<char>, counting_allocator<char>>;
constexpr std::size_t mib = 1u << 20;

/// So many texts of 1 MiB; as many as it is asked for at once.
struct large_texts {
  int left;
  poll_status poll(spout_emitter<large_text>& out) {
    for (auto room = out.room(); left > 0 && room > 0; --room, --left) out.emit(large_text(mib, 'x'));
    return left > 0 ? poll_status::emitted() : poll_status::ended();
  }
};

TEST(batch_executor, the_store_is_a_bound_for_what_values_own_too) {
  text_memory::most = 0;
  topology_builder builder{"large"};
  std::atomic<int> rows{0};
  auto in = builder.spout("in", large_texts{300});
  auto same = builder.bolt("same", [](large_text t) { return t; }).input(in, shuffle_grouping{});
  builder.sink("out", [&](const large_text&) { ++rows; }).input(same, global_grouping{});
  auto run =
      batch_executor{quiet({.interval = 1h, .workers = 2, .block_store_bytes = 16 * mib})}.start(builder.build());
  run.wait();
  EXPECT_EQ(rows.load(), 300);
  EXPECT_GE(run.metrics().batches_done, 300 / 16u);
  // Collected (and kept to be read again): half of the store. The batch at work: what had been collected for it, and
  // what its stages have made of it, within the store. The batch before it: its memory, not yet used again.
  EXPECT_LE(text_memory::most.load(), static_cast<std::int64_t>(64 * mib));
}

// --- the life of a run ---

topology endless(const push_like_spout& spout, const collect_sink<int>& sink) {
  topology_builder builder{"endless"};
  auto source = builder.spout("push", spout);
  auto bolt = builder.bolt("same", [](int v) { return v; }, {.parallelism = 2}).input(source, shuffle_grouping{});
  builder.sink("out", sink).input(bolt, global_grouping{});
  return builder.build();
}

TEST(batch_run, drain_finishes_what_was_polled) {
  push_like_spout spout;
  collect_sink<int> sink;
  auto run = batch_executor{quiet({.interval = 1h})}.start(endless(spout, sink));
  for (int v = 0; v < 100; ++v) spout.source().push(v);
  while (run.metrics().node("push").pending != 100) std::this_thread::yield();
  EXPECT_EQ(sink.size(), 0u);
  run.drain();
  EXPECT_EQ(sorted(sink.take()), numbers(100));
  EXPECT_EQ(run.status().state, run_state::finished);
}

TEST(batch_run, stop_ends_an_idle_run) {
  push_like_spout spout;
  collect_sink<int> sink;
  auto run = batch_executor{quiet({.trigger = batch_trigger::back_to_back})}.start(endless(spout, sink));
  run.stop();
  EXPECT_EQ(run.status().state, run_state::finished);
}

TEST(batch_run, pause_stops_polling_until_resume) {
  push_like_spout spout;
  collect_sink<int> sink;
  spout.source().push(1);  // before the run, so that no wake is on its way
  auto run = batch_executor{quiet({.trigger = batch_trigger::back_to_back})}.start(endless(spout, sink));
  while (sink.size() != 1) std::this_thread::yield();
  spout.source().wait_until_idle();  // a poll that was under way would take what comes now
  run.pause();
  EXPECT_EQ(run.status().state, run_state::paused);
  for (int v = 2; v < 50; ++v) spout.source().push(v);
  std::this_thread::sleep_for(20ms);  // only a run that did poll would need it
  EXPECT_EQ(sink.size(), 1u);
  run.resume();
  while (sink.size() != 49) std::this_thread::yield();
  spout.source().close();
  run.wait();
}

TEST(batch_run, user_code_that_does_not_come_back_is_named) {
  for (bool blocking : {false, true}) {
    std::atomic<bool> release{false};
    std::atomic<bool> entered{false};
    topology_builder builder{"stuck"};
    auto source = builder.spout("in", vector_spout{numbers(1)});
    builder
        .sink("deaf",
              [&](int) {
                entered = true;
                while (!release) std::this_thread::sleep_for(1ms);
              },
              {.blocking = blocking})
        .input(source, global_grouping{});
    auto options = quiet({.interval = 1ms, .drain_timeout = 5ms, .stop_timeout = 5ms});
    auto run = batch_executor{options}.start(builder.build());
    while (!entered) std::this_thread::yield();
    run.request_drain();
    EXPECT_THAT(error_of(run), ::testing::HasSubstr("\"deaf\" task 0"));
    release = true;
  }
}

/// A bolt that is woken by somebody else, at any time.
struct bell {
  std::shared_ptr<waker> ring = std::make_shared<waker>();
  void open(const task_context& c) { *ring = c.wake; }
  void process(int, emitter<int>&) {}
  void on_wake(emitter<int>& out) { out.emit(1); }
};

TEST(batch_run, a_task_that_holds_its_worker_is_named) {
  std::atomic<bool> is_named = false;
  topology_builder builder{"slow"};
  auto source = builder.spout("in", vector_spout{numbers(1)});
  auto slow = builder
                  .bolt("slow",
                        [&](int v) {
                          is_named.wait(false);
                          return v;
                        },
                        {.parallelism = 2})
                  .input(source, direct_grouping{[](int) { return std::size_t{1}; }});
  builder.sink("out", collect_sink<int>{}).input(slow, global_grouping{});
  auto run = batch_executor{quiet({.interval = 1ms, .workers = 1, .stall_limit = 20ms})}.start(builder.build());
  // On a busy machine others may have, too.
  const auto named = ::testing::Contains(::testing::StartsWith("task \"slow\" task 1 has held its worker for "));
  while (!::testing::Value(run.status().stalled, named)) std::this_thread::yield();
  is_named = true;
  is_named.notify_all();
  run.wait();
  EXPECT_THAT(run.status().stalled, named);
}

TEST(batch_run, a_drain_that_takes_too_long_is_an_error_with_numbers) {
  topology_builder builder{"held"};
  struct keeps {
    std::shared_ptr<std::vector<held_tuple>> tokens = std::make_shared<std::vector<held_tuple>>();
    void process(int, emitter<int>& out) { tokens->push_back(out.hold()); }
  };
  keeps bolt;
  push_like_spout spout;
  for (int v : numbers(3)) spout.source().push(v);
  auto held = builder.bolt("keeps", bolt).input(builder.spout("push", spout), shuffle_grouping{});
  builder.sink("out", collect_sink<int>{}).input(held);
  auto run = batch_executor{quiet({.interval = 1ms, .drain_timeout = 30ms})}.start(builder.build());
  while (run.metrics().node("push").emitted < 3) std::this_thread::sleep_for(1ms);
  run.request_drain();
  EXPECT_THAT(error_of(run), ::testing::HasSubstr("drain_timeout: 0 batches are done"));
  EXPECT_EQ(run.status().error.code, errc::timeout);
}

struct woken_where {
  std::chrono::milliseconds interval;
  bool behind_spout;  ///< in its chain
};
const woken_where wakes[] = {{0ms, false}, {1ms, false}, {0ms, true}, {1ms, true}};
template <class Bolt>
stream_ref<int> woken(topology_builder& builder, const push_like_spout& spout, Bolt bolt, bool behind_spout) {
  auto source = builder.spout("push", spout);
  auto woken = builder.bolt("woken", std::move(bolt));
  return behind_spout ? woken.input(source) : woken.input(source, global_grouping{});
}

TEST(batch_run, a_waker_starts_a_batch) {
  for (const auto [interval, behind_spout] : wakes) {
    topology_builder builder{"bell"};
    push_like_spout spout;
    collect_sink<int> sink;
    bell bolt;
    builder.sink("out", sink).input(woken(builder, spout, bolt, behind_spout));
    auto run = batch_executor{quiet({.interval = interval, .workers = 2})}.start(builder.build());
    for (std::size_t n = 1; n < 200; ++n) {
      if (n % 3 == 0) spout.source().push(1);  // batches of another kind in between move the leader
      (*bolt.ring)();
      while (sink.size() < n) std::this_thread::yield();
    }
    spout.source().close();
    run.wait();
  }
}

/// Woken by its own messages, the last one among them.
struct rings_itself : bell {
  std::shared_ptr<int> rung = std::make_shared<int>(0);
  void process(int, emitter<int>&) {
    ++*rung;
    (*ring)();
  }
  void on_wake(emitter<int>& out) {
    for (; *rung > 0; --*rung) out.emit(1);
  }
};

TEST(batch_run, a_wake_by_the_last_message_is_heard) {
  for (const auto [interval, behind_spout] : wakes)
    for (int n = 0; n < 50; ++n) {
      topology_builder builder{"bell"};
      push_like_spout spout;
      collect_sink<int> sink;
      builder.sink("out", sink).input(woken(builder, spout, rings_itself{}, behind_spout));
      auto run = batch_executor{quiet({.interval = interval, .workers = 2})}.start(builder.build());
      spout.source().push(1);
      if (n % 2) std::this_thread::yield();
      spout.source().push(2);
      spout.source().close();
      run.wait();
      ASSERT_EQ(sink.size(), 2u) << interval.count() << " ms, behind the spout: " << behind_spout;
    }
}

/// Woken once by somebody else, it fails some times before it answers.
struct cracked_bell : bell {
  std::shared_ptr<std::atomic<int>> failures = std::make_shared<std::atomic<int>>();
  void on_wake(emitter<int>& out) {
    if ((*failures)-- > 0) throw std::runtime_error("cracked");
    out.emit(1);
  }
};

TEST(batch_run, a_wake_that_fails_is_made_again_without_any_message) {
  for (const auto [interval, behind_spout] : wakes) {
    topology_builder builder{"bell"};
    push_like_spout spout;
    collect_sink<int> sink;
    cracked_bell bolt;
    *bolt.failures = 3;
    builder.sink("out", sink).input(woken(builder, spout, bolt, behind_spout));
    auto run = batch_executor{quiet({.interval = interval, .max_task_attempts = 4})}.start(builder.build());
    (*bolt.ring)();
    while (sink.size() < 1) std::this_thread::yield();
    *bolt.failures = 4;
    (*bolt.ring)();
    const auto said = error_of(run);
    EXPECT_THAT(said, ::testing::HasSubstr("attempt 4"));
    EXPECT_THAT(said, ::testing::HasSubstr("on_wake failed: cracked"));
    EXPECT_EQ(sink.size(), 1u);
  }
}

TEST(batch_run, a_handle_that_goes_stops_the_run) {
  push_like_spout spout;
  collect_sink<int> sink;
  { auto run = batch_executor{quiet()}.start(endless(spout, sink)); }
  SUCCEED();
}

TEST(batch_run, may_be_stopped_at_any_time) {
  for (int n = 0; n < 200; ++n) {
    topology_builder builder{"any time"};
    collect_sink<int> sink;
    auto source = builder.spout("in", vector_spout{numbers(20'000)});
    auto bolt = builder.bolt("same", [](int v) { return v; }, {.parallelism = 2}).input(source, shuffle_grouping{});
    builder.sink("out", sink).input(bolt, global_grouping{});
    auto run = batch_executor{quiet({.interval = n % 3 * 1ms, .workers = 2})}.start(builder.build());
    std::this_thread::sleep_for(std::chrono::microseconds(n * 7 % 500));
    if (n % 4 == 0) run.drain();
    else if (n % 4 == 1) run.stop();
    else if (n % 4 == 2) run.pause();
    const auto seen = sink.size();
    if (n % 4 < 2) { EXPECT_EQ(run.metrics().node("in").emitted, seen) << n; }
  }
}

/// Memory: what is polled ahead is bounded while a stage is slow.
TEST(batch_run, a_slow_stage_bounds_what_is_polled) {
  topology_builder builder{"slow"};
  collect_sink<int> sink;
  std::atomic<bool> go{false};
  auto source = builder.spout("in", vector_spout{numbers(100'000)});
  auto slow = builder
                  .bolt("slow",
                        [&go](int v) {
                          while (!go) std::this_thread::sleep_for(1ms);
                          return v;
                        },
                        {.blocking = true})
                  .input(source, shuffle_grouping{});
  builder.sink("out", sink).input(slow, global_grouping{});
  auto run = batch_executor{quiet({.interval = 1ms, .rows_per_batch = 1000, .workers = 2})}.start(builder.build());
  while (run.metrics().node("in").emitted < 2000) std::this_thread::yield();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(run.metrics().node("in").emitted, 2000u);  // a batch at work, and one ahead
  go = true;
  run.wait();
  EXPECT_EQ(sorted(sink.take()), numbers(100'000));
  EXPECT_LE(run.metrics().node("in").batches, 40u);
}

TEST(batch_run, polling_ahead_stops_at_half_the_store) {
  topology_builder builder{"bytes"};
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{numbers(100'000)});
  builder.sink("out", sink).input(source);
  auto run = batch_executor{quiet({.interval = 1h, .block_store_bytes = 64 * 1024})}.start(builder.build());
  run.wait();  // full batches don't wait for the interval
  EXPECT_EQ(sink.take(), numbers(100'000));
  for (const auto& b : run.metrics().batches) EXPECT_LE(b.num_input_rows, 16'384u);
}

TEST(batch_run, limits_the_rate) {
  topology_builder builder{"rate"};
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{numbers(300)});
  builder.sink("out", sink).input(source);
  auto options = quiet({.interval = 10ms});
  options.backpressure = {.enabled = true, .initial_rate = 5000};
  auto run = batch_executor{options}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.take(), numbers(300));
  const auto m = run.metrics();  // 50 rows are saved up at most, others follow at the rate until there is an estimate
  EXPECT_LE(static_cast<double>(m.batches.front().num_input_rows), 50 + 5000 * m.uptime.count() * 1e-9);
  EXPECT_GE(m.batches_done, 2u);
}

}  // namespace
