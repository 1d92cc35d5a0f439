// Sinks that hold, in batches: a batch waits for its tokens, and a tuple whose token fails is written again. In the
// event engine: event/holding_sinks_test.cpp; both at random: differential/holding_sinks_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "batch/batch_probe.hpp"
#include "core/courier.hpp"

namespace {
using namespace freshet;
using namespace freshet::batch_tests;
using namespace std::chrono_literals;
using answer = courier::answer;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Runs `graph` in batches of 10 to the end.
topology_run run_to_end(const topology& graph, batch_options options = {}) {
  auto run = batch_executor{batches_of(10, std::move(options))}.start(graph);
  if (!run.wait_for(60s)) {
    ADD_FAILURE() << "the run hangs\n" << run.describe();
    std::abort();
  }
  return run;
}

/// The numbers below `n` into `sink`.
template <class S>
topology into(S sink, int n, bolt_options options = {}) {
  topology_builder builder{"holding"};
  builder.sink("out", std::move(sink), std::move(options))
      .input(builder.spout("in", vector_spout{numbers(n)}), shuffle_grouping{});
  return builder.build();
}

TEST(holding_sinks_in_batches, a_tuple_whose_token_fails_is_written_again) {
  for (const auto bad : {answer::fail, answer::drop})
    for (std::size_t parallelism : {1, 2}) {
      const auto by =
          std::make_shared<courier>([bad](int v, int nth) { return v % 3 == 0 && nth <= 2 ? bad : answer::ack; });
      auto run = run_to_end(into(posting_sink{by}, 60, {.parallelism = parallelism}));
      EXPECT_EQ(sorted(by->delivered()), numbers(60));
      EXPECT_EQ(by->times(3), 3);
      EXPECT_EQ(by->times(4), 1);
      EXPECT_EQ(run.metrics().node("out").failed, 40u);
      EXPECT_EQ(run.metrics().node("out").retried, 40u);
      EXPECT_EQ(run.metrics().total().dead_lettered, 0u);
    }
}

/// A value's first `bad` tokens fail.
std::shared_ptr<courier> fails_first(int value, int bad = 1) {
  return std::make_shared<courier>(
      [=](int v, int nth) { return v == value && nth <= bad ? answer::fail : answer::ack; });
}

TEST(holding_sinks_in_batches, a_tuple_whose_token_fails_each_time_meets_the_policy) {
  for (const auto policy : {on_failure::dead_letter, on_failure::skip}) {
    const auto by = fails_first(13, 100);
    auto run = run_to_end(into(posting_sink{by}, 20, {.on_failure = policy}), {.max_task_attempts = 3});
    EXPECT_EQ(by->times(13), 3);
    EXPECT_EQ(by->delivered().size(), 19u);
    const auto letters = run.status().unread_dead_letters;
    EXPECT_EQ(run.metrics().node("out").skipped, policy == on_failure::skip ? 1u : 0u);
    ASSERT_EQ(letters.size(), policy == on_failure::skip ? 0u : 1u);
    if (letters.empty()) continue;
    EXPECT_EQ(letters[0].error, "not delivered");
    EXPECT_EQ(letters[0].attempts, 3u);
    writer thirteen;
    write_value(thirteen, 13);
    EXPECT_EQ(letters[0].bytes, thirteen.data());
  }
}

TEST(holding_sinks_in_batches, its_dead_letter_is_read_in_the_next_batch) {
  const auto by = fails_first(13, 100);
  topology_builder builder{"letters"};
  collect_sink<dead_letter> letters;
  builder.sink("out", posting_sink{by}).input(builder.spout("in", vector_spout{numbers(20)}));
  builder.sink("letters", letters).input(builder.dead_letters());
  run_to_end(builder.build(), {.max_task_attempts = 2});
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters.values()[0].node, "out");
}

TEST(holding_sinks_in_batches, policy_stop_ends_the_run_by_the_name_of_the_sink) {
  auto run = batch_executor{batches_of(10, {.max_task_attempts = 2})}.start(
      into(posting_sink{fails_first(13, 100)}, 20, {.on_failure = on_failure::stop}));
  EXPECT_THAT(error_of(run), AllOf(HasSubstr("batch 2"), HasSubstr("sink \"out\" task 0"), HasSubstr("attempt 2"),
                                   HasSubstr("not delivered")));
}

TEST(holding_sinks_in_batches, best_effort_writes_nothing_again) {
  const auto by = fails_first(13);
  auto run = run_to_end(into(posting_sink{by}, 20), {.guarantee = guarantee::best_effort});
  EXPECT_EQ(by->times(13), 1);
  EXPECT_EQ(run.metrics().total().dead_lettered, 1u);
}

/// On a busy machine others time out too.
TEST(holding_sinks_in_batches, a_token_that_is_held_too_long_fails) {
  const auto by =
      std::make_shared<courier>([](int v, int nth) { return v == 3 && nth == 1 ? answer::keep : answer::ack; });
  auto run = run_to_end(into(posting_sink{by}, 20), {.max_task_attempts = 1000, .message_timeout = 20ms});
  const auto delivered = by->delivered();
  EXPECT_EQ(std::set<int>(delivered.begin(), delivered.end()).size(), 20u);
  EXPECT_GE(by->times(3), 2);
  EXPECT_GE(run.metrics().node("out").timed_out, 1u);
}

/// Whether all that is committed had been delivered.
struct watching_spout : partitioned_spout_probe {
  std::shared_ptr<courier> by;
  std::shared_ptr<std::vector<std::string>> early = std::make_shared<std::vector<std::string>>();
  void commit(const position& p) {
    if (by->delivered().size() < p.next)
      early->push_back(std::to_string(p.next) + " when " + std::to_string(by->delivered().size()) + " were delivered");
    partitioned_spout_probe::commit(p);
  }
};

TEST(holding_sinks_in_batches, a_batch_commits_behind_its_last_token) {
  const auto by = fails_first(5, 2);
  by->rest();
  topology_builder builder{"commits"};
  watching_spout spout{{1, 30}, by};
  builder.sink("out", posting_sink{by}).input(builder.spout("in", spout));
  auto run = batch_executor{batches_of(10)}.start(builder.build());
  by->wait_for_waiting(10);
  EXPECT_EQ(run.metrics().batches_done, 0u);
  by->go_on();
  ASSERT_TRUE(run.wait_for(60s));
  EXPECT_EQ(*spout.early, std::vector<std::string>{});
  EXPECT_EQ(spout.probe().committed[0], 30u);
}

TEST(holding_sinks_in_batches, a_drain_waits_for_tokens_and_close_comes_behind_them) {
  struct closing : posting_sink {
    std::shared_ptr<std::size_t> delivered_at_close = std::make_shared<std::size_t>(0);
    void close() { *delivered_at_close = by->delivered().size(); }
  };
  for (const bool drains : {true, false}) {
    const auto by = fails_first(5);
    by->rest();
    closing sink{{by}};
    push_like_spout spout;
    for (int v : numbers(10)) spout.source().push(v);
    topology_builder builder{"drain"};
    builder.sink("out", sink).input(builder.spout("in", spout));
    auto run = batch_executor{batches_of(10)}.start(builder.build());
    by->wait_for_waiting(10);
    if (drains) run.request_drain();
    else run.request_stop();
    by->go_on();
    ASSERT_TRUE(run.wait_for(60s));
    EXPECT_EQ(*sink.delivered_at_close, 10u);
  }
}

TEST(holding_sinks_in_batches, what_is_written_again_after_the_flush_is_flushed_too) {
  const auto by = fails_first(3, 2);
  run_to_end(into([by] { return sink_that_posts_when_flushed{by}; }, 20));
  EXPECT_EQ(sorted(by->delivered()), numbers(20));
  EXPECT_EQ(by->times(3), 3);
}

TEST(holding_sinks_in_batches, one_that_is_full_is_given_nothing_again) {
  courier* self = nullptr;
  const auto by = std::make_shared<courier>([&self](int v, int nth) {
    if (v != 0 || nth != 1) return answer::ack;
    self->rest();
    return answer::fail;
  });
  self = by.get();
  run_to_end(into(patient_posting_sink{{{by}}}, 10, {.tick = 1ms}));
  EXPECT_EQ(sorted(by->delivered()), numbers(10));
  EXPECT_EQ(by->most_waiting(), 3u);
}

TEST(holding_sinks_in_batches, one_answers_when_it_is_woken_and_is_called_again_when_that_failed) {
  const auto bad = std::make_shared<int>(2);
  auto run = run_to_end(into([bad] { return sink_that_answers_when_woken{bad}; }, 10), {.message_timeout = 0ns});
  EXPECT_LT(*bad, 0);
  EXPECT_EQ(run.metrics().total().dead_lettered, 0u);
}

TEST(holding_sinks_in_batches, time_goes_on_for_one_that_waits) {
  struct acks_by_ticks {
    int ticks = 0;
    std::vector<held_tuple> kept = {};
    void write(int, emitter<void>& out) { kept.push_back(out.hold()); }
    void on_tick() {
      if (kept.empty() || ++ticks % 3 != 0) return;
      for (auto& token : std::exchange(kept, {})) token.ack();
    }
  };
  auto run = run_to_end(into([] { return acks_by_ticks{}; }, 20, {.tick = 1ms}), {.message_timeout = 0ns});
  EXPECT_EQ(run.metrics().total().failed, 0u);
}

TEST(holding_sinks_in_batches, a_call_that_throws_and_a_token_that_fails_count_for_one_tuple) {
  struct throws_second : posting_sink {
    std::shared_ptr<int> written = std::make_shared<int>(0);
    void write(const int& v, emitter<void>& out) {
      if (v == 5 && ++*written == 2) throw std::runtime_error("not written");
      posting_sink::write(v, out);
    }
  };
  const auto by = fails_first(5, 100);
  throws_second sink{{by}};
  auto run = run_to_end(into(sink, 10), {.max_task_attempts = 4});
  EXPECT_EQ(*sink.written, 4);
  EXPECT_EQ(by->delivered().size(), 9u);
  const auto letters = run.status().unread_dead_letters;
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].attempts, 4u);
  EXPECT_FALSE(letters[0].bytes.empty());
}

/// Writes all at its commit; lets go its tokens when it is aborted.
struct holding_transaction {
  using token = std::vector<int>;
  std::shared_ptr<courier> by;
  std::shared_ptr<std::vector<int>> rows;
  std::shared_ptr<std::vector<std::string>> log;
  std::vector<int> open = {};
  std::vector<held_tuple> kept = {};
  void begin(const epoch_id& id) { log->push_back("begin " + std::to_string(id.epoch)); }
  void write(const int& v, emitter<void>& out) {
    open.push_back(v);
    if (v == 4) by->hand_over(v, out.hold());
    else kept.push_back(out.hold());
    if (kept.size() == 9 && by->times(4) == 3)
      for (auto& one : std::exchange(kept, {})) one.ack();
  }
  token prepare() {
    log->push_back("prepare " + std::to_string(open.size()));
    return std::exchange(open, {});
  }
  void commit(const token& t) { rows->insert(rows->end(), t.begin(), t.end()); }
  void abort() {
    log->push_back("abort");
    open.clear();
    kept.clear();
  }
};

/// A tuple fails, and with the others' tokens, which are let go, nothing counts twice.
TEST(holding_sinks_in_batches, a_transaction_whose_token_fails_is_made_again_as_a_whole) {
  const auto by = fails_first(4, 2);
  const auto rows = std::make_shared<std::vector<int>>();
  const auto log = std::make_shared<std::vector<std::string>>();
  auto run = run_to_end(into([=] { return holding_transaction{by, rows, log}; }, 10), {.max_task_attempts = 3});
  EXPECT_EQ(*rows, numbers(10));
  EXPECT_THAT(*log, ElementsAre("begin 1", "abort", "begin 1", "abort", "begin 1", "prepare 10"));
  EXPECT_EQ(run.metrics().node("out").retried, 2u);
}

}  // namespace
