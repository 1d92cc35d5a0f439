#include "conformance/on_both_engines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/testing/fault_plan.hpp"

namespace freshet::conformance {

namespace {

using namespace std::chrono_literals;
using plan = std::shared_ptr<testing::fault_plan>;

/// One way to run a topology. Without faults the plan is null.
struct configuration {
  std::string name;
  bool batched = false, faults = false;
  std::function<topology_run(const topology&, const plan&)> start;
};
using configurations = std::vector<configuration>;

configuration events(std::string name, guarantee promise, bool faults, std::size_t max_batch = 256) {
  return {"event engine, " + name, false, faults, [=](const topology& graph, const plan& p) {
            // A short backoff: waiting proves nothing.
            return event_executor{{.guarantee = promise,
                                   .workers = 2,
                                   .max_batch = max_batch,
                                   .channel_batches = max_batch < 256 ? std::size_t{2} : std::size_t{16},
                                   .retry = {.first = 50us},
                                   .faults = p}}
                .start(graph);
          }};
}
configuration batches(std::string name, std::size_t rows, bool faults) {
  return {"batch engine, " + name, true, faults, [=](const topology& graph, const plan& p) {
            return batch_executor{{.trigger = batch_trigger::rows, .rows_per_batch = rows, .workers = 2, .faults = p}}
                .start(graph);
          }};
}

constexpr std::size_t all_rows = std::size_t{1} << 30;

// Of many rows each parallelism meets half of what there is: time is short in a Debug build.
const configurations& at_parallelism_1() {
  static const configurations some{
      events("at_least_once", guarantee::at_least_once, false),
      events("exactly_once with faults", guarantee::exactly_once, true),
      batches("batches of 100 rows", 100, false),
      batches("everything at once, with faults", all_rows, true),
  };
  return some;
}
const configurations& at_parallelism_4() {
  static const configurations some{
      events("exactly_once with faults", guarantee::exactly_once, true),
      events("exactly_once with narrow channels", guarantee::exactly_once, false, 8),
      batches("batches of 1000 rows, with faults", 1000, true),
      batches("everything at once", all_rows, false),
  };
  return some;
}
const configurations& for_few_rows() {
  static const configurations all = [] {
    configurations found{
        events("exactly_once with faults, one by one", guarantee::exactly_once, true, 1),
        batches("batches of one row", 1, false),
        batches("batches of one row, with faults", 1, true),
    };
    for (const auto* more : {&at_parallelism_1(), &at_parallelism_4()})
      found.insert(found.end(), more->begin(), more->end());
    return found;
  }();
  return all;
}

const configurations& in_brief_1() {
  static const configurations some{batches("batches of 100 rows, with faults", 100, true)};
  return some;
}
const configurations& in_brief_4() {
  static const configurations some{events("exactly_once with faults", guarantee::exactly_once, true)};
  return some;
}

/// Each node throws at its fourth call, so that every fault is seen to happen, and at some later ones that follow from
/// the seed. A dozen in all: the batch engine gives up a task that fails for the sixteenth time in one batch, however
/// far apart the causes. All blocks of the first two batches are lost once.
plan faults_for(const query& q) {
  constexpr auto any = testing::fault_plan::any_task;
  auto p = std::make_shared<testing::fault_plan>(7);
  for (const auto& node : q.may_throw) {
    p->throw_at(node, any, 3);
    p->throw_at_random(node, 1.0 / 300, std::max<std::size_t>(12 / q.may_throw.size(), 2) - 1);
    for (const std::uint64_t batch : {1, 2}) p->lose_block(node, any, any, batch);
  }
  return p;
}

void run(const topology& graph, const configuration& c, const query& q, const std::function<void()>& check) {
  const plan faults = c.faults ? faults_for(q) : nullptr;
  {
    auto running = c.start(graph, faults);
    running.wait();
    for (const auto& dead : running.status().unread_dead_letters) ADD_FAILURE() << dead.node << ": " << dead.error;
  }
  if (faults) {
    EXPECT_GE(faults->done().thrown, q.may_throw.size()) << "not every node has thrown: nothing was shown";
    EXPECT_EQ(faults->done().lost > 0, c.batched) << "no block was lost: nothing was shown";
  }
  check();
}

void run_all(const query& q, std::size_t parallelism, const configurations& all, const std::function<void()>& check) {
  const topology graph = q.build(parallelism);
  for (const auto& c : all) {
    SCOPED_TRACE(c.name + ", parallelism " + std::to_string(parallelism));
    run(graph, c, q, check);
  }
}

}  // namespace

void on_both_engines(const query& q, const std::function<void()>& check) {
  run_all(q, 1, q.few_rows ? for_few_rows() : q.in_brief ? in_brief_1() : at_parallelism_1(), check);
  run_all(q, 4, q.few_rows ? for_few_rows() : q.in_brief ? in_brief_4() : at_parallelism_4(), check);
  if (q.small_batches) run_all(q, 4, {batches("batches of seven rows, with faults", 7, true)}, check);
  if (q.may_be_replayed.empty()) return;
  auto replayed = q;
  replayed.may_throw = q.may_be_replayed;
  with_replays(replayed, check);
}

void with_replays(const query& q, const std::function<void()>& check) {
  const configurations replayed{events("at_least_once with faults", guarantee::at_least_once, true)};
  if (!q.in_brief) run_all(q, 1, replayed, check);
  run_all(q, 4, replayed, check);
}

}  // namespace freshet::conformance
