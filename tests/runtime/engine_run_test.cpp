// What a run is, whichever engine drives its tasks.
#include "runtime/engine_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "freshet/freshet.hpp"

namespace freshet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

enum class engine { event, batch };

class engine_runs : public testing::TestWithParam<engine> {
 protected:
  topology_run start(const topology& graph) const {
    if (GetParam() == engine::event) return event_executor{{.workers = 2, .log = {}}}.start(graph);
    return batch_executor{{.interval = std::chrono::milliseconds(1), .workers = 2, .log = {}}}.start(graph);
  }
};
INSTANTIATE_TEST_SUITE_P(engines, engine_runs, testing::Values(engine::event, engine::batch),
                         [](const auto& i) { return i.param == engine::event ? "event" : "batch"; });

/// Says when it is opened and closed.
struct tells {
  std::shared_ptr<std::multiset<std::string>> told;
  std::string name;
  bool fails = false;
  void open(const task_context&) {
    if (fails) throw std::runtime_error("no connection");
    told->insert(name + " opened");
  }
  void close() { told->insert(name + " closed"); }
  void process(int v, emitter<int>& out) { out.emit(v); }
};

/// numbers -> first -> second (chained) -> third -> end
topology with_failing_second(const std::shared_ptr<std::multiset<std::string>>& told) {
  topology_builder b{"t"};
  auto numbers = b.spout("numbers", vector_spout<int>{{1, 2, 3}});
  auto first = b.bolt("first", tells{told, "first"}).input(numbers, global_grouping{});
  auto second = b.bolt("second", tells{told, "second", true}).input(first);
  auto third = b.bolt("third", tells{told, "third"}).input(second, global_grouping{});
  b.sink("end", [](int) {}).input(third);
  return b.build();
}

TEST_P(engine_runs, only_what_was_opened_is_closed) {
  const auto told = std::make_shared<std::multiset<std::string>>();
  const auto graph = with_failing_second(told);
  try {
    auto run = start(graph);
    FAIL();
  } catch (const run_error& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("bolt \"second\" task 0"), HasSubstr("open failed")));
  }
  // Readers are opened before those who feed them; "second" never was.
  EXPECT_THAT(*told, ElementsAre("first closed", "first opened", "third closed", "third opened"));
}

TEST_P(engine_runs, the_first_error_is_the_one_that_is_told) {
  topology_builder b{"t"};
  auto numbers = b.spout("numbers", vector_spout<int>{{1, 2, 3}});
  b.sink("end", [](int v) { throw std::runtime_error("no " + std::to_string(v)); }, {.on_failure = on_failure::stop})
      .input(numbers, global_grouping{});
  const auto graph = b.build();
  auto run = GetParam() == engine::event
                 ? event_executor{{.guarantee = guarantee::best_effort, .log = {}}}.start(graph)
                 : batch_executor{{.guarantee = guarantee::best_effort, .log = {}}}.start(graph);
  EXPECT_THROW(run.wait(), run_error);
  EXPECT_EQ(run.status().state, run_state::failed);
  EXPECT_THAT(run.status().error.message, HasSubstr("no 1"));
  EXPECT_THROW(run.wait(), run_error);  // as often as it is asked
}

/// Fails some values at first, and 13 for ever.
struct fails {
  std::shared_ptr<std::multiset<int>> tried = std::make_shared<std::multiset<int>>();
  int process(int v) {
    if (v == 13 || (v % 50 == 0 && tried->count(v) < 2)) {
      tried->insert(v);
      throw std::runtime_error("no " + std::to_string(v));
    }
    return v;
  }
};
/// Like a queue: what it emits cannot be read again.
struct once_only {
  int next = 0;
  bool thrown = false;
  poll_status poll(spout_emitter<int>& out) {
    if (next == 50 && !std::exchange(thrown, true)) throw std::runtime_error("a poll may fail");
    if (next == 100) return poll_status::ended();
    out.emit(next++);
    return poll_status::emitted();
  }
};

run_metrics metrics_of(engine e, guarantee g, bool replayable, bool chained) {
  topology_builder b{"t"};
  std::vector<int> values(100);
  std::iota(values.begin(), values.end(), 0);
  stream_ref<int> in =
      replayable ? stream_ref<int>(b.spout("in", vector_spout<int>{values})) : b.spout("in", once_only{});
  auto bolt = b.bolt("fails", fails{});
  if (chained) bolt.input(in);
  else bolt.input(in, shuffle_grouping{});
  auto copy = b.bolt("copy", [](int v) { return v; }).input(bolt);
  b.sink("out", [](int) {}).input(copy, shuffle_grouping{});
  const auto graph = b.build();
  const retry_options soon{.first = std::chrono::microseconds(100), .longest = std::chrono::milliseconds(1)};
  auto run =
      e == engine::event
          ? event_executor{{.guarantee = g, .workers = 2, .retry = soon, .log = {}}}.start(graph)
          : batch_executor{{.interval = std::chrono::milliseconds(1), .guarantee = g, .workers = 2, .log = {}}}.start(
                graph);
  run.wait();
  return run.metrics();
}

TEST_P(engine_runs, every_message_is_finished_or_given_up_and_every_tuple_counted) {
  for (auto g : {guarantee::best_effort, guarantee::at_least_once, guarantee::exactly_once})
    for (bool replayable : {true, false})
      for (bool chained : {true, false}) {
        SCOPED_TRACE(std::string(to_string(g)) + (replayable ? ", replayable" : "") + (chained ? ", chained" : ""));
        const auto m = metrics_of(GetParam(), g, replayable, chained);
        const auto in = m.node("in");
        const bool repeats = g != guarantee::best_effort;
        const auto lost = repeats ? 1u : 3u;  // 13; without repetitions also 0 and 50
        EXPECT_EQ(in.emitted, 100u);
        EXPECT_EQ(in.executed, 100u);
        EXPECT_EQ(in.acked + in.failed, 100u);
        EXPECT_EQ(in.pending, 0u);
        // The batch engine repeats a partition for the sake of one tuple: what failed once may not fail again.
        if (GetParam() == engine::event || repeats) { EXPECT_EQ(m.total().dead_lettered, lost); }
        if (GetParam() == engine::batch) continue;  // it counts attempts of whole partitions
        const auto attempts = repeats ? 9u : 3u;    // 4 + 5
        EXPECT_EQ(m.node("fails").failed, attempts);
        EXPECT_EQ(m.node("fails").emitted, 100 - lost);
        EXPECT_EQ(m.node("copy").executed, 100 - lost);
        EXPECT_EQ(m.node("copy").emitted, 100 - lost);
        EXPECT_EQ(m.node("copy").failed, 0u);
        EXPECT_EQ(m.node("out").executed, 100 - lost);
      }
}

TEST(deal_partitions, deals_in_turn) {
  const auto dealt = deal_partitions({"a", "b", "c", "d", "e"}, 2);
  ASSERT_EQ(dealt.size(), 2u);
  EXPECT_EQ(dealt[0].size(), 3u);
  EXPECT_EQ(dealt[1].size(), 2u);
  EXPECT_EQ(dealt[1][1].name, "d");
  EXPECT_EQ(dealt[0][2].id, 4u);
  EXPECT_EQ(deal_partitions({}, 3).size(), 3u);
}

TEST(merge_edges, sums_what_tasks_say_about_one_input) {
  run_metrics m;
  m.edges = {{"a", "b", 0, 1, 0, 5, {}}, {"a", "b", 0, 1, 1, 7, {}}, {"a", "b", 0, 1, 0, 6, {}}};
  merge_edges(m);
  ASSERT_EQ(m.edges.size(), 2u);
  EXPECT_EQ(m.edges[0].transferred, 11u);
  EXPECT_EQ(m.edges[1].transferred, 7u);
}

}  // namespace
}  // namespace freshet
