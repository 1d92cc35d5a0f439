#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "batch/batch_probe.hpp"
#include "freshet/testing/fault_plan.hpp"

// Lost, evicted and damaged blocks: exactly what is missing is computed again.
namespace {
using namespace freshet;
using namespace freshet::batch_tests;
using namespace std::chrono_literals;
using freshet::testing::fault_plan;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct outcome {
  std::vector<std::pair<int, long>> rows;
  run_metrics metrics;
  friend bool operator==(const outcome& a, const outcome& b) { return a.rows == b.rows; }
};

/// in (x 2) -> add (x 4) -> sums (keyed, x 3) -> out
outcome run_with(batch_options options, int each = 500) {
  topology_builder builder{"lineage"};
  collect_sink<std::pair<int, long>> sink;
  auto source = builder.spout("in", partitioned_spout_probe{2, each}, {.parallelism = 2});
  auto add = builder.bolt("add", [](int v) { return v + 1; }, {.parallelism = 4}).input(source, shuffle_grouping{});
  auto sums = builder.bolt("sums", sum_once_a_batch{}, {.parallelism = 3}).input(add, key_grouping{last_digit{}});
  builder.sink("out", sink).input(sums, global_grouping{});
  auto run = batch_executor{std::move(options)}.start(builder.build());
  run.wait();
  return {sorted(sink.take()), run.metrics()};
}
batch_options one_batch(std::shared_ptr<fault_plan> faults, std::size_t workers = 2, int rows = 1000) {
  return batches_of(static_cast<std::size_t>(rows), {.workers = workers, .faults = std::move(faults)});
}

class lineage : public ::testing::TestWithParam<std::size_t> {
 protected:
  outcome run(const std::function<void(fault_plan&)>& plan) {
    auto faults = std::make_shared<fault_plan>();
    plan(*faults);
    auto got = run_with(one_batch(faults, GetParam()));
    EXPECT_EQ(got, expected);
    EXPECT_EQ(got.rows.size(), 10u);
    EXPECT_EQ(got.metrics.batches[0].recomputed_partitions, got.metrics.recomputed_partitions);
    done = faults->done();
    return got;
  }
  const outcome expected = run_with(one_batch(nullptr, 1));
  fault_plan::counts done;
};

TEST_P(lineage, nothing_lost_is_nothing_recomputed) {
  EXPECT_EQ(run([](fault_plan&) {}).metrics.recomputed_partitions, 0u);
}
TEST_P(lineage, one_lost_block_recomputes_its_partition) {
  EXPECT_EQ(run([](fault_plan& f) { f.lose_block("add", 1, 2, 1); }).metrics.recomputed_partitions, 1u);
  EXPECT_EQ(done.lost, 1u);
}
TEST_P(lineage, one_flipped_block_recomputes_its_partition) {
  EXPECT_EQ(run([](fault_plan& f) { f.flip_block("add", 3, 0, 1); }).metrics.recomputed_partitions, 1u);
  EXPECT_EQ(done.flipped, 1u);
}
TEST_P(lineage, one_evicted_block_recomputes_its_partition) {
  EXPECT_EQ(run([](fault_plan& f) { f.evict_block("add", 3, 0, 1); }).metrics.recomputed_partitions, 1u);
  EXPECT_EQ(done.evicted, 1u);
}
TEST_P(lineage, several_blocks_of_one_partition_recompute_it_once) {
  EXPECT_EQ(run([](fault_plan& f) { f.lose_block("add", 1, fault_plan::any_task, 1); }).metrics.recomputed_partitions,
            1u);
  EXPECT_EQ(done.lost, 3u);
}
TEST_P(lineage, blocks_of_several_partitions_recompute_each) {
  EXPECT_EQ(run([](fault_plan& f) { f.lose_block("add", fault_plan::any_task, 1, 1); }).metrics.recomputed_partitions,
            4u);
}
TEST_P(lineage, a_spouts_block_is_read_again) {
  EXPECT_EQ(run([](fault_plan& f) { f.lose_block("in", 1, 3, 1); }).metrics.recomputed_partitions, 1u);
}
/// Block add[2] -> sums[0] is lost, and of what add[2] needs one of two blocks.
TEST_P(lineage, parents_that_are_gone_are_computed_again_too) {
  const auto got = run([](fault_plan& f) { f.flip_block("in", 0, 2, 1).lose_block("add", 2, 0, 1); });
  EXPECT_EQ(got.metrics.recomputed_partitions, 2u);
}
/// The state of a partition whose output is lost goes back to the batch's beginning first.
TEST_P(lineage, a_stateful_partition_counts_nothing_twice) {
  EXPECT_EQ(run([](fault_plan& f) { f.lose_block("sums", 1, 0, 1); }).metrics.recomputed_partitions, 1u);
}
INSTANTIATE_TEST_SUITE_P(workers, lineage, ::testing::Values(1, 2, 8));

struct counted_sum {
  std::shared_ptr<std::atomic<int>> calls;
  using state = long;
  std::pair<int, long> process(int v, long& sum) const { return ++*calls, std::pair{v, sum += v}; }
};

/// A lost block of one reducer of 64, while what the mappers gave is there.
TEST(lineage_of_batches, one_lost_block_of_64_reducers_costs_a_32nd_of_the_batch_at_most) {
  const auto run = [](std::shared_ptr<fault_plan> faults, int& mapped, int& reduced) {
    const auto maps = std::make_shared<std::atomic<int>>(0), reduces = std::make_shared<std::atomic<int>>(0);
    topology_builder b{"reduce"};
    collect_sink<std::pair<int, long>> sink;
    const auto in = b.spout("in", partitioned_spout_probe{2, 3200}, {.parallelism = 2});
    const auto map =
        b.bolt("map", [maps](int v) { return ++*maps, v; }, {.parallelism = 8}).input(in, shuffle_grouping{});
    const auto sums =
        b.bolt("reduce", counted_sum{reduces}, {.parallelism = 64}).input(map, key_grouping{std::identity{}});
    b.sink("out", sink).input(sums, global_grouping{});
    auto r = batch_executor{one_batch(std::move(faults), 2, 6400)}.start(b.build());
    r.wait();
    mapped = *maps;
    reduced = *reduces;
    return outcome{sorted(sink.take()), r.metrics()};
  };
  int mapped = 0, reduced = 0;
  const auto expected = run(nullptr, mapped, reduced);
  EXPECT_EQ(reduced, 6400);
  const auto faults = std::make_shared<fault_plan>();
  faults->lose_block("reduce", 17, 0, 1);
  const auto got = run(faults, mapped, reduced);
  EXPECT_EQ(got, expected);
  EXPECT_EQ(faults->done().lost, 1u);
  EXPECT_EQ(got.metrics.recomputed_partitions, 1u);
  EXPECT_LE(32 * got.metrics.recomputed_partitions, got.metrics.tasks.size());
  EXPECT_EQ(mapped, 6400);
  EXPECT_GT(reduced, 6400);
  EXPECT_LE(32 * (reduced - 6400), 6400);
}

TEST(lineage_of_batches, only_the_named_batch_suffers) {
  const auto expected = run_with(one_batch(nullptr, 2, 100));
  auto faults = std::make_shared<fault_plan>();
  faults->lose_block("sums", 0, 0, 3).lose_block("add", 0, 1, 7);
  const auto got = run_with(one_batch(faults, 2, 100));
  // Which rows share a batch depends on the spouts' race; sums at the end do not.
  EXPECT_EQ(got.metrics.recomputed_partitions, 2u);
  EXPECT_EQ(got.metrics.batches[2].recomputed_partitions, 1u);
  EXPECT_EQ(got.metrics.batches[6].recomputed_partitions, 1u);
  std::map<int, long> most, wanted;
  for (auto [k, v] : got.rows) most[k] = std::max(most[k], v);
  for (auto [k, v] : expected.rows) wanted[k] = std::max(wanted[k], v);
  EXPECT_EQ(most, wanted);
}

TEST(lineage_of_batches, a_task_that_fails_while_it_recomputes_is_tried_again) {
  const auto expected = run_with(one_batch(nullptr));
  auto faults = std::make_shared<fault_plan>();
  faults->lose_block("add", 0, 0, 1).throw_at("add", 0, 10, 2);
  const auto got = run_with(one_batch(faults));
  EXPECT_EQ(got, expected);
  EXPECT_EQ(got.metrics.recomputed_partitions, 1u);
}

/// in -> add -> all (x 2) -> out, where the first of the two readers of a block alters it by mistake.
outcome run_with_a_wild_write(bool verify_blocks) {
  topology_builder builder{"altered"};
  collect_sink<int> sink;
  auto wrote = std::make_shared<std::atomic<bool>>(false);
  auto add = builder.bolt("add", [](int v) { return v + 1; })
                 .input(builder.spout("in", vector_spout{numbers(100)}), shuffle_grouping{});
  auto all = builder.bolt("all",
                          [wrote](const int& v) {
                            const int before = v;
                            if (!wrote->exchange(true)) const_cast<int&>(v) += 1000;
                            return before;
                          },
                          {.parallelism = 2});
  builder.sink("out", sink).input(all.input(add, all_grouping{}), global_grouping{});
  // One worker: the second reads when the first has read.
  auto run = batch_executor{batches_of(100, {.workers = 1, .verify_blocks = verify_blocks})}.start(builder.build());
  run.wait();
  outcome got{{}, run.metrics()};
  for (int v : sorted(sink.take())) got.rows.emplace_back(v, 1);
  return got;
}

TEST(lineage_of_batches, a_value_altered_in_memory_is_noticed_and_computed_again) {
  const auto got = run_with_a_wild_write(true);
  ASSERT_EQ(got.rows.size(), 200u);
  EXPECT_EQ(got.rows.back().first, 100);
  EXPECT_EQ(got.metrics.recomputed_partitions, 1u);
  EXPECT_EQ(got.metrics.batches.at(0).recomputed_partitions, 1u);
}
TEST(lineage_of_batches, without_verify_blocks_an_altered_value_goes_by) {
  const auto got = run_with_a_wild_write(false);
  EXPECT_EQ(got.rows.back().first, 1001);
  EXPECT_EQ(got.metrics.recomputed_partitions, 0u);
}

TEST(lineage_of_batches, a_bolt_that_gives_nothing_the_second_time_ends_the_run) {
  topology_builder builder{"whim"};
  auto calls = std::make_shared<std::atomic<int>>(0);
  auto whim = builder
                  .bolt("whim",
                        [calls](int v, emitter<int>& out) {
                          if ((*calls)++ < 100) out.emit(v);
                        })
                  .input(builder.spout("in", vector_spout{numbers(100)}), shuffle_grouping{});
  builder.sink("out", collect_sink<int>{}).input(whim, global_grouping{});
  auto faults = std::make_shared<fault_plan>();
  faults->lose_block("whim", 0, 0, 1);
  auto run = batch_executor{one_batch(faults, 2, 100)}.start(builder.build());
  EXPECT_THAT(error_of(run), ::testing::AllOf(::testing::HasSubstr("\"whim\""), ::testing::HasSubstr("batch 1"),
                                              ::testing::HasSubstr("from its input alone")));
}

/// A spout that cannot read again has its messages pinned until the batch commits.
TEST(lineage_of_batches, blocks_of_a_push_spout_come_from_its_pinned_messages) {
  topology_builder builder{"pinned"};
  push_like_spout spout;
  for (int v = 0; v < 1000; ++v) spout.source().push(v);
  spout.source().close();
  collect_sink<int> sink;
  auto source = builder.spout("push", spout);
  auto add = builder.bolt("add", [](int v) { return v + 1; }, {.parallelism = 2}).input(source, shuffle_grouping{});
  builder.sink("out", sink).input(add, global_grouping{});
  auto faults = std::make_shared<fault_plan>();
  faults->lose_block("push", 0, 1, 1).flip_block("push", 0, 0, 2);
  auto run = batch_executor{one_batch(faults, 2, 300)}.start(builder.build());
  run.wait();
  EXPECT_EQ(sorted(sink.take()), numbers(1000, 1));
  EXPECT_EQ(run.metrics().recomputed_partitions, 2u);
}

/// How many blocks were read on each edge, by the reader's name.
std::map<std::string, std::uint64_t> blocks_read(std::shared_ptr<fault_plan> faults) {
  topology_builder builder{"edges"};
  auto source = builder.spout("in", vector_spout{numbers(100)});
  auto add = builder.bolt("add", [](int v) { return v + 1; }, {.parallelism = 2}).input(source, shuffle_grouping{});
  auto all = builder.bolt("all", [](int v) { return v; }, {.parallelism = 4}).input(add, all_grouping{});
  builder.sink("out", collect_sink<int>{}).input(all, global_grouping{});
  auto run = batch_executor{one_batch(std::move(faults), 2, 100)}.start(builder.build());
  run.wait();
  std::map<std::string, std::uint64_t> counts;
  for (const auto& e : run.metrics().edges) {
    counts[e.to] += e.transfer_latency.count();
    EXPECT_LT(e.transfer_latency.max(), 60'000'000'000u);
  }
  return counts;
}

TEST(lineage_of_batches, an_edge_says_how_long_its_blocks_have_waited) {
  const std::map<std::string, std::uint64_t> expected{{"add", 2}, {"all", 8}, {"out", 4}};
  EXPECT_EQ(blocks_read(nullptr), expected);
  auto faults = std::make_shared<fault_plan>();
  faults->throw_at("all", 2, 5).lose_block("add", 1, 0, 1).lose_block("all", 3, 0, 1);
  EXPECT_EQ(blocks_read(faults), expected);  // what is read again waits for nobody
}

TEST(lineage_of_batches, a_broadcast_block_is_recomputed_once_for_all_its_readers) {
  topology_builder builder{"broadcast"};
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{numbers(100)});
  auto same = builder.bolt("same", [](int v) { return v; }).input(source, shuffle_grouping{});
  auto all = builder.bolt("all", [](int v) { return v; }, {.parallelism = 4}).input(same, all_grouping{});
  builder.sink("out", sink).input(all, global_grouping{});
  auto faults = std::make_shared<fault_plan>();
  faults->lose_block("same", 0, 0, 1);
  auto run = batch_executor{one_batch(faults, 2, 100)}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.size(), 400u);
  EXPECT_EQ(run.metrics().recomputed_partitions, 1u);
}

/// With a store that holds next to nothing every block is evicted before it is read, and computed when it is needed.
TEST(lineage_of_batches, a_store_without_room_costs_time_and_no_tuple) {
  const auto expected = run_with(one_batch(nullptr));
  for (std::size_t workers : {1, 2}) {
    auto options = one_batch(nullptr, workers);
    options.block_store_bytes = 4096;
    options.rows_per_batch = 1000;
    const auto got = run_with(options);
    std::map<int, long> most, wanted;
    for (auto [k, v] : got.rows) most[k] = std::max(most[k], v);
    for (auto [k, v] : expected.rows) wanted[k] = std::max(wanted[k], v);
    EXPECT_EQ(most, wanted);
    EXPECT_GT(got.metrics.recomputed_partitions, 0u);
  }
}

TEST(lineage_of_batches, positions_are_committed_behind_the_batch) {
  topology_builder builder{"positions"};
  partitioned_spout_probe spout{3, 100};
  auto source = builder.spout("in", spout, {.parallelism = 2});
  builder.sink("out", collect_sink<int>{}).input(source, global_grouping{});
  batch_executor{batches_of(50)}.start(builder.build()).wait();
  EXPECT_EQ(spout.probe().committed, (std::map<partition_id, std::uint64_t>{{0, 100}, {1, 100}, {2, 100}}));
  EXPECT_EQ(spout.probe().reads, 0u);
}

/// Ends long after its last message has gone through; its first `failures` commits throw.
struct commits_late : partitioned_spout_probe {
  std::shared_ptr<std::atomic<int>> failures, tried = std::make_shared<std::atomic<int>>(0);
  explicit commits_late(int n) : partitioned_spout_probe(1, 10), failures(std::make_shared<std::atomic<int>>(n)) {}
  poll_status poll(spout_emitter<int>& out) {
    const auto said = partitioned_spout_probe::poll(out);
    const bool waits = said.what() == poll_status::kind::ended && *tried == 0;
    return waits ? poll_status::idle_until(std::chrono::steady_clock::now() + 1ms) : said;
  }
  void commit(const position& p) {
    ++*tried;
    if (failures->fetch_sub(1) > 0) throw std::runtime_error("broker away");
    partitioned_spout_probe::commit(p);
  }
};

TEST(lineage_of_batches, positions_that_could_not_be_committed_are_at_the_end_of_the_run) {
  topology_builder builder{"positions"};
  commits_late spout{1};
  builder.sink("out", collect_sink<int>{}).input(builder.spout("in", spout));
  batch_executor{quiet({.trigger = batch_trigger::back_to_back})}.start(builder.build()).wait();
  EXPECT_EQ(*spout.tried, 2);
  EXPECT_EQ(spout.probe().committed, (std::map<partition_id, std::uint64_t>{{0, 10}}));
}

TEST(lineage_of_batches, a_last_commit_of_positions_that_fails_ends_the_run_by_name) {
  topology_builder builder{"positions"};
  commits_late spout{100};
  builder.sink("out", collect_sink<int>{}).input(builder.spout("in", spout));
  auto run = batch_executor{quiet({.trigger = batch_trigger::back_to_back})}.start(builder.build());
  EXPECT_THAT(error_of(run), AllOf(HasSubstr("spout \"in\" task 0"), HasSubstr("commit failed: broker away")));
}

/// Two tasks. The second gives one message, and is then asked by its worker in its last look before it sleeps, where it
/// stays until the batch has committed; from then on it is silent.
struct silent_spout {
  struct shared_state {
    std::atomic<bool> writing{false}, inside{false}, may_go_on{false};
    std::atomic<std::uint64_t> committed{0};
  };
  std::shared_ptr<shared_state> shared = std::make_shared<shared_state>();
  std::size_t task = 0;
  enum class at { first, idle, waking, looking, silent } step = at::first;

  std::vector<std::string> partitions() const { return {"a", "b"}; }
  void open(const task_context& c) { task = c.task; }
  poll_status poll(spout_emitter<int>& out) {
    if (task == 0) return poll_status::idle();
    switch (step) {
      case at::first:
        out.emit({1, 0, 1}, 1);
        step = at::idle;
        return poll_status::emitted();
      case at::idle:
        if (shared->writing) step = at::waking;
        return poll_status::idle_until(std::chrono::steady_clock::now() +
                                       10ms);  // its worker sleeps, as nobody else has anything for it
      case at::waking:
        step = at::looking;
        return poll_status::idle_until({});  // asked again in the round behind this one, which is the last look
      case at::looking:
        shared->inside = true;
        while (!shared->may_go_on) std::this_thread::yield();
        step = at::silent;
        break;
      case at::silent:
        break;
    }
    return poll_status::idle();
  }
  void read(const position_range&, spout_emitter<int>& out) { out.emit({1, 0, 1}, 1); }
  void seek(const position&) {}
  void commit(const position& p) { shared->committed = p.next; }
};

TEST(lineage_of_batches, positions_do_not_wait_for_a_source_that_has_gone_silent) {
  topology_builder builder{"silent"};
  silent_spout spout;
  auto& shared = *spout.shared;
  builder
      .sink("out",
            [&shared](int) {
              shared.writing = true;
              while (!shared.inside) std::this_thread::yield();
            })
      .input(builder.spout("in", spout, {.parallelism = 2}), global_grouping{});
  auto run = batch_executor{quiet({.trigger = batch_trigger::back_to_back, .workers = 2, .idle = idle::park})}.start(
      builder.build());
  while (run.metrics().batches_done == 0) std::this_thread::yield();
  shared.may_go_on = true;
  const auto given_up = std::chrono::steady_clock::now() + 10s;
  while (shared.committed == 0 && std::chrono::steady_clock::now() < given_up) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(shared.committed, 1u);
  run.stop();
  run.wait();
}

TEST(lineage_of_batches, positions_stay_where_state_is_managed) {
  topology_builder builder{"positions"};
  partitioned_spout_probe spout{3, 100};
  auto source = builder.spout("in", spout);
  builder.sink("out", collect_sink<std::pair<int, long>>{})
      .input(builder.bolt("sums", sum_by_last_digit{}).input(source, key_grouping{last_digit{}}), global_grouping{});
  batch_executor{batches_of(50)}.start(builder.build()).wait();
  EXPECT_TRUE(spout.probe().committed.empty());
}

}  // namespace
