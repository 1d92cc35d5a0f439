// Sinks that hold, in the event engine: whatever waits for a tuple waits for its token, and a tuple whose token fails
// is written again. In batches: batch/holding_sinks_test.cpp; both at random: differential/holding_sinks_test.cpp.
#include <gmock/gmock.h>

#include "batch/batch_probe.hpp"
#include "core/courier.hpp"
#include "event_fixture.hpp"
#include "freshet/testing/simulated_files.hpp"

namespace freshet::event_tests {
namespace {

using answer = courier::answer;
using batch_tests::error_of;
using batch_tests::partitioned_spout_probe;
using batch_tests::push_like_spout;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// The numbers below `n` into `sink`; `chained`: from task to task, as sinks are chained that don't hold.
template <class S>
topology into(S sink, int n, bolt_options options = {}, bool chained = false) {
  topology_builder b{"holding"};
  const auto in = b.spout("in", vector_spout<int>{numbers(n)}, {.parallelism = chained ? options.parallelism : 1});
  const auto out = b.sink("out", std::move(sink), std::move(options));
  if (chained) out.input(in);
  else out.input(in, shuffle_grouping{});
  return b.build();
}

/// The first `bad` tokens of a value fail.
std::shared_ptr<courier> fails_first(int value, int bad = 1) {
  return std::make_shared<courier>(
      [=](int v, int nth) { return v == value && nth <= bad ? answer::fail : answer::ack; });
}

class holding_sinks : public ::testing::TestWithParam<guarantee> {
 protected:
  event_options options() const { return fast(GetParam()); }
  bool is_best_effort() const { return GetParam() == guarantee::best_effort; }
};
INSTANTIATE_TEST_SUITE_P(with, holding_sinks, ::testing::ValuesIn(all_guarantees()),
                         [](const auto& p) { return std::string(to_string(p.param)); });

/// Where failures are made good.
class reliable_holding_sinks : public holding_sinks {};
INSTANTIATE_TEST_SUITE_P(with, reliable_holding_sinks,
                         ::testing::Values(guarantee::at_least_once, guarantee::exactly_once),
                         [](const auto& p) { return std::string(to_string(p.param)); });

TEST_P(reliable_holding_sinks, write_a_tuple_again_whose_token_fails) {
  for (const auto bad : {answer::fail, answer::drop})
    for (const bool chained : {true, false})
      for (std::size_t parallelism : {1, 2}) {
        const auto by =
            std::make_shared<courier>([bad](int v, int nth) { return v % 3 == 0 && nth <= 2 ? bad : answer::ack; });
        const auto m = run_to_end(into(posting_sink{by}, 60, {.parallelism = parallelism}, chained), options());
        EXPECT_EQ(sorted(by->delivered()), numbers(60));
        EXPECT_EQ(by->times(3), 3);
        EXPECT_EQ(by->times(4), 1);
        EXPECT_EQ(m.total().dead_lettered, 0u);
        if (GetParam() == guarantee::at_least_once) { EXPECT_EQ(m.node("in").acked, 60u); }
      }
}

TEST_P(holding_sinks, give_a_tuple_up_whose_token_fails_each_time) {
  for (const auto policy : {on_failure::dead_letter, on_failure::skip}) {
    const auto by = fails_first(13, 100);
    auto run = event_executor{options()}.start(into(posting_sink{by}, 20, {.on_failure = policy}));
    const auto m = finish(run);
    EXPECT_EQ(by->times(13), is_best_effort() ? 1 : 5);
    EXPECT_EQ(by->delivered().size(), 19u);
    const auto letters = run.status().unread_dead_letters;
    EXPECT_EQ(m.total().skipped, policy == on_failure::skip ? 1u : 0u);
    ASSERT_EQ(letters.size(), policy == on_failure::skip ? 0u : 1u);
    if (letters.empty()) continue;
    EXPECT_EQ(letters[0].node, "out");
    EXPECT_EQ(letters[0].error, "not delivered");
    EXPECT_FALSE(letters[0].bytes.empty());
  }
}

TEST_P(holding_sinks, end_the_run_by_policy) {
  auto run =
      event_executor{options()}.start(into(posting_sink{fails_first(13, 100)}, 20, {.on_failure = on_failure::stop}));
  EXPECT_THAT(error_of(run), AllOf(HasSubstr("sink \"out\" task 0"), HasSubstr("not delivered")));
}

/// On a busy machine others time out too.
TEST_P(holding_sinks, have_so_much_time) {
  const auto by =
      std::make_shared<courier>([](int v, int nth) { return v == 3 && nth == 1 ? answer::keep : answer::ack; });
  auto o = options();
  o.message_timeout = 20ms;
  o.retry.max_attempts = 1000;
  const auto m = run_to_end(into(posting_sink{by}, 20), o);
  EXPECT_GE(m.node("out").timed_out, 1u);
  if (is_best_effort()) {
    EXPECT_EQ(by->times(3), 1);
    return;
  }
  const auto delivered = by->delivered();
  EXPECT_EQ(std::set<int>(delivered.begin(), delivered.end()).size(), 20u);
  EXPECT_GE(by->times(3), 2);
}

TEST_P(holding_sinks, are_waited_for_by_a_drain_and_a_stop_and_closed_behind_their_last_token) {
  struct closing : posting_sink {
    std::shared_ptr<std::size_t> unanswered_at_close = std::make_shared<std::size_t>(100);
    void close() { *unanswered_at_close = by->unanswered(); }
  };
  for (const bool drains : {true, false}) {
    const auto by = fails_first(5);
    by->rest();
    closing sink{{by}};
    push_like_spout spout;
    for (int v : numbers(10)) spout.source().push(v);
    topology_builder b{"drain"};
    b.sink("out", sink).input(b.spout("in", spout));
    auto run = event_executor{options()}.start(b.build());
    by->wait_for_waiting(10);
    if (drains) run.request_drain();
    else run.request_stop();
    by->go_on();
    finish(run);
    EXPECT_EQ(*sink.unanswered_at_close, 0u);
    EXPECT_EQ(by->delivered().size(), is_best_effort() ? 9u : 10u);
  }
}

TEST_P(holding_sinks, are_flushed_again_when_they_have_written_again) {
  const auto by = fails_first(3, 2);
  auto o = options();
  o.message_timeout = 0ns;
  run_to_end(into([by] { return sink_that_posts_when_flushed{by}; }, 20), o);
  EXPECT_EQ(by->delivered().size(), is_best_effort() ? 19u : 20u);
}

TEST_P(holding_sinks, are_given_nothing_again_when_they_are_full) {
  courier* self = nullptr;
  const auto by = std::make_shared<courier>([&self](int v, int nth) {
    if (v != 0 || nth != 1) return answer::ack;
    self->rest();
    return answer::fail;
  });
  self = by.get();
  run_to_end(into(patient_posting_sink{{{by}}}, 10, {.tick = 1ms}), options());
  EXPECT_EQ(by->delivered().size(), is_best_effort() ? 9u : 10u);
  EXPECT_EQ(by->most_waiting(), 3u);
}

TEST_P(holding_sinks, answer_when_they_are_woken_and_are_called_again_when_that_failed) {
  const auto bad = std::make_shared<int>(is_best_effort() ? 0 : 2);
  for (const bool chained : {true, false}) {
    auto o = options();
    o.message_timeout = 0ns;
    const auto m = run_to_end(into([bad] { return sink_that_answers_when_woken{bad}; }, 10, {}, chained), o);
    EXPECT_LT(*bad, 0);
    EXPECT_EQ(m.total().dead_lettered, 0u);
  }
}

/// Frees its only place in `on_wake`, which its own answers call. The first token of value 0 fails.
struct single_place {
  std::shared_ptr<std::atomic<int>> zeros;
  waker wake = {};
  std::vector<std::pair<int, held_tuple>> kept = {};
  void open(const task_context& c) { wake = c.wake; }
  bool ready() const { return kept.empty(); }
  void write(const int& v, emitter<void>& out) {
    kept.emplace_back(v, out.hold());
    wake();
  }
  void on_wake() {
    for (auto& [v, token] : std::exchange(kept, {})) {
      if (v == 0 && zeros->fetch_add(1) == 0) token.fail("once");
      else token.ack();
    }
  }
};

TEST_P(reliable_holding_sinks, have_room_for_what_is_written_again_while_more_comes) {
  const auto zeros = std::make_shared<std::atomic<int>>(0);
  topology_builder b{"no end"};
  b.sink("out", [zeros] { return single_place{zeros}; }).input(b.spout("in", endless_spout{}), shuffle_grouping{});
  auto run = event_executor{options()}.start(b.build());
  while (*zeros < 2) std::this_thread::sleep_for(1ms);  // for ever, if the others take all the room
  run.drain();
}

TEST_P(holding_sinks, may_have_another_number_of_tasks) {
  const auto by =
      std::make_shared<courier>([](int v, int nth) { return v % 7 == 0 && nth == 1 ? answer::fail : answer::ack; });
  push_like_spout spout;
  topology_builder b{"tasks"};
  b.sink("out", posting_sink{by}).input(b.spout("in", spout), shuffle_grouping{});
  auto run = event_executor{options()}.start(b.build());
  int pushed = 0;
  for (const std::size_t tasks : {3, 1, 2}) {
    by->rest();
    for (int end = pushed + 100; pushed < end; ++pushed) spout.source().push(pushed);
    by->wait_for_waiting(100);
    const std::jthread other([by] { by->go_on(); });
    run.rescale("out", tasks);
  }
  spout.source().close();
  finish(run);
  auto wanted = numbers(300);
  if (is_best_effort()) std::erase_if(wanted, [](int v) { return v % 7 == 0; });
  EXPECT_EQ(sorted(by->delivered()), wanted);
}

// --- epochs ---

/// Notes how many tokens are out when an epoch is prepared, which would then be reported complete, and calls that come
/// between `prepare` and `commit`.
struct watching_transaction {
  using token = std::vector<int>;
  std::shared_ptr<courier> by;
  std::shared_ptr<std::vector<int>> rows;
  std::shared_ptr<std::vector<std::size_t>> unanswered;
  std::shared_ptr<int> woken_when_prepared;
  waker wake = {};
  std::vector<int> open_rows = {};
  bool is_prepared = false;
  void open(const task_context& c) { wake = c.wake; }
  void begin(const epoch_id&) {}
  void write(const int& v, emitter<void>& out) {
    by->hand_over(v, out.hold());
    open_rows.push_back(v);
  }
  void on_wake() { *woken_when_prepared += is_prepared; }
  token prepare() {
    is_prepared = true;
    unanswered->push_back(by->unanswered());
    wake();
    return std::exchange(open_rows, {});
  }
  void commit(const token& t) {
    is_prepared = false;
    rows->insert(rows->end(), t.begin(), t.end());
  }
  void abort() {}
};

TEST_P(reliable_holding_sinks, prepare_an_epoch_when_no_token_is_out) {
  testing::simulated_files files;
  const auto by =
      std::make_shared<courier>([](int v, int nth) { return v % 5 == 0 && nth == 1 ? answer::fail : answer::ack; });
  const auto rows = std::make_shared<std::vector<int>>();
  const auto unanswered = std::make_shared<std::vector<std::size_t>>();
  const auto woken = std::make_shared<int>(0);
  auto o = options();
  o.max_batch = 8;
  o.checkpoints.directory = "/kept";
  o.checkpoints.files = &files;
  o.checkpoint_interval = 100us;
  topology_builder b{"epochs"};
  const auto sink = b.sink("out", [=] { return watching_transaction{by, rows, unanswered, woken}; });
  sink.input(b.spout("in", partitioned_spout_probe{2, 1000}));
  auto run = event_executor{o}.start(b.build());
  finish(run);
  EXPECT_GT(unanswered->size(), 2u);
  EXPECT_EQ(*unanswered, std::vector<std::size_t>(unanswered->size(), 0));
  EXPECT_EQ(*woken, 0) << "between prepare and commit";
  EXPECT_EQ(sorted(by->delivered()), numbers(2000));
  EXPECT_EQ(rows->size(), 2400u) << "each once more whose first token failed";
}

/// What had not been delivered when a position was committed that is behind it.
struct watching_spout : partitioned_spout_probe {
  std::shared_ptr<courier> by;
  std::shared_ptr<std::vector<std::uint64_t>> early = std::make_shared<std::vector<std::uint64_t>>();
  void commit(const position& p) {
    if (by->delivered().size() < p.next) early->push_back(p.next);
    partitioned_spout_probe::commit(p);
  }
};

TEST_P(reliable_holding_sinks, let_positions_be_committed_behind_their_tokens) {
  const auto by =
      std::make_shared<courier>([](int v, int nth) { return v % 5 == 0 && nth == 1 ? answer::fail : answer::ack; });
  watching_spout spout{{1, 2000}, by};
  auto o = options();
  o.commit_interval = 0us;
  topology_builder b{"positions"};
  b.sink("out", posting_sink{by}).input(b.spout("in", spout, {.max_batch = 8}));
  auto run = event_executor{o}.start(b.build());
  finish(run);
  EXPECT_EQ(*spout.early, std::vector<std::uint64_t>{});
  EXPECT_EQ(spout.probe().committed[0], 2000u);
}

}  // namespace
}  // namespace freshet::event_tests
