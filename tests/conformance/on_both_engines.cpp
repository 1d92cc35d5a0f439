#include "conformance/on_both_engines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "freshet/testing/simulated_files.hpp"
#ifdef FRESHET_WITH_ROCKSDB
#include "freshet/state/rocksdb_store.hpp"
#else
#include "core/memory_store.hpp"
#endif

namespace freshet::conformance {

namespace {

using namespace std::chrono_literals;
using plan = std::shared_ptr<testing::fault_plan>;
using store = std::shared_ptr<state_backend>;

/// With room for some dozens of small states a task, in RocksDB where that is there.
store small_store() {
  constexpr std::size_t cache_bytes = 10'000;
#ifdef FRESHET_WITH_ROCKSDB
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const auto dir = ::testing::TempDir() + "freshet.states." + test->test_suite_name() + "." + test->name();
  return rocksdb::store({.dir = dir, .cache_bytes = cache_bytes, .memory_bytes = 1u << 20});
#else
  return std::make_shared<testing::memory_backend>(cache_bytes);
#endif
}

enum class faults : bool { none, some };

/// One way to run a topology.
struct configuration {
  std::string name;
  bool batched = false;
  delivery promise = delivery::exactly_once;
  bool has_faults = false;
  std::function<topology_run(const topology&, const plan&)> start;
};

configuration events(std::string name, guarantee promise, faults with, std::size_t max_batch = 256, store states = {}) {
  const bool replays = promise == guarantee::at_least_once && with == faults::some;
  return {"event engine, " + name, false, replays ? delivery::at_least_once : delivery::exactly_once,
          with == faults::some, [=](const topology& graph, const plan& p) {
            // A short backoff: waiting proves nothing. And more attempts than there are faults: one message of which
            // much comes may meet all of them.
            return event_executor{{.guarantee = promise,
                                   .workers = 2,
                                   .max_batch = max_batch,
                                   .channel_batches = max_batch < 256 ? std::size_t{2} : std::size_t{16},
                                   .retry = {.max_attempts = 16, .first = 50us},
                                   .store = states,
                                   .faults = p}}
                .start(graph);
          }};
}
constexpr std::size_t all_rows = std::size_t{1} << 30;

configuration batches(std::size_t rows, faults with, store states = {}) {
  const auto of = rows == all_rows ? "everything" : std::to_string(rows) + (rows == 1 ? " row" : " rows");
  return {"batch engine, " + of + " at once", true, delivery::exactly_once, with == faults::some,
          [=](const topology& graph, const plan& p) {
            return batch_executor{
                {.trigger = batch_trigger::rows, .rows_per_batch = rows, .workers = 2, .store = states, .faults = p}}
                .start(graph);
          }};
}

/// A batch costs about a millisecond in a Debug build, whatever is in it.
constexpr std::size_t many_batches = 1000;
bool whole() {
  const char* asked = std::getenv("FRESHET_CONFORMANCE");
  return asked != nullptr && std::string_view(asked) == "whole";
}

/// Each node throws at its fourth call, so that every fault is seen to happen, and at some later ones that follow from
/// the seed. A dozen in all: the batch engine gives up a task that fails for the sixteenth time in one batch, however
/// far apart the causes. All blocks of batches 1, 2, 4 and so on are lost once.
plan faults_in(const std::vector<std::string>& nodes) {
  constexpr auto any = testing::fault_plan::any_task;
  auto p = std::make_shared<testing::fault_plan>(7);
  for (const auto& node : nodes) {
    p->throw_at(node, any, 3);
    p->throw_at_random(node, 1.0 / 300, std::max<std::size_t>(12 / nodes.size(), 2) - 1);
    for (std::uint64_t batch = 1; batch <= many_batches; batch *= 2) p->lose_block(node, any, any, batch);
  }
  return p;
}

/// The runs of one query at one parallelism.
class runs {
 public:
  runs(const query& q, std::size_t parallelism, const std::function<void(delivery)>& check)
      : q_(q), parallelism_(parallelism), graph_(q.build(parallelism)), check_(check) {}

  /// Gives the number of rows that were read, as far as the engine counts them.
  std::size_t operator()(const configuration& c) const {
    SCOPED_TRACE(c.name + (c.has_faults ? " with faults" : "") + ", parallelism " + std::to_string(parallelism_));
    const plan some = c.has_faults ? faults_in(q_.may_throw) : nullptr;
    std::size_t rows = 0;
    {
      auto running = c.start(graph_, some);
      running.wait();
      for (const auto& dead : running.status().unread_dead_letters) ADD_FAILURE() << dead.node << ": " << dead.error;
      for (const auto& batch : running.metrics().batches) rows += batch.num_input_rows;
    }
    if (some) {
      EXPECT_GE(some->done().thrown, q_.may_throw.size()) << "not every node has thrown: nothing was shown";
      EXPECT_EQ(some->done().lost > 0, c.batched) << "no block was lost: nothing was shown";
    }
    check_(c.promise);
    return rows;
  }

 private:
  const query& q_;
  std::size_t parallelism_;
  topology graph_;
  const std::function<void(delivery)>& check_;
};

/// The first rows in batches of their own; then the run is stopped, and what goes on from its checkpoint takes the rest
/// at once. So every query meets batches of one row, however many rows there are.
void first_rows_one_by_one(std::size_t parallelism, const query& q, const std::function<void(delivery)>& check) {
  SCOPED_TRACE("batch engine, the first rows one at a time, parallelism " + std::to_string(parallelism));
  constexpr std::uint64_t batches_of_one = 200;
  const auto graph = q.build(parallelism);
  testing::simulated_files files;
  batch_options options{.trigger = batch_trigger::rows, .rows_per_batch = 1, .workers = 2};
  options.guarantee = guarantee::at_least_once;  // as far as crashes go: these sinks know of no epochs, and none comes
  options.checkpoints.directory = "/kept";
  options.checkpoints.files = &files;
  {
    auto first = batch_executor{options}.start(graph);
    while (first.metrics().batches_done < batches_of_one && !first.wait_for(1ms)) {}
    first.request_stop();
    first.wait();
    for (const auto& batch : first.metrics().batches) EXPECT_LE(batch.num_input_rows, 1u);
  }
  options.rows_per_batch = all_rows;
  batch_executor{options}.start(graph).wait();
  check(delivery::exactly_once);
}

void run_at(std::size_t parallelism, const query& q, const std::function<void(delivery)>& check) {
  const runs run(q, parallelism, check);
  const bool alone = parallelism == 1;
  // By turns with faults and without, so that each batch size meets both, and so does each parallelism.
  const auto here = alone ? faults::none : faults::some, there = alone ? faults::some : faults::none;
  const auto rows = run(batches(all_rows, here));
  const std::size_t smallest = whole() ? 1 : std::max<std::size_t>(rows / many_batches, 1);
  run(batches(100, there));
  if (smallest < 100) run(batches(smallest, here));
  if (smallest > 1) first_rows_one_by_one(parallelism, q, check);
  if (whole())
    for (const auto size : {all_rows, std::size_t{100}, smallest}) run(batches(size, size == 100 ? here : there));

  run(events("best_effort", guarantee::best_effort, faults::none, alone ? 256 : 8));
  run(events("exactly_once", guarantee::exactly_once, faults::some));
  if (q.may_be_replayed) run(events("at_least_once", guarantee::at_least_once, faults::some));
}

}  // namespace

void on_both_engines(const query& q, const std::function<void(delivery)>& check) {
  for (const std::size_t parallelism : {1, 4}) run_at(parallelism, q, check);
  if (!q.also_stored) return;
  const runs stored(q, 2, check);
  stored(events("exactly_once, states in a store", guarantee::exactly_once, faults::some, 256, small_store()));
  stored(batches(100, faults::some, small_store()));
}

}  // namespace freshet::conformance
