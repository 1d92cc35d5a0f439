#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "batch/batch_probe.hpp"
#include "freshet/connect/memory/channel_sink.hpp"
#include "freshet/testing/fault_plan.hpp"

// When sinks write, and what becomes of their failures.
namespace {
using namespace freshet;
using namespace freshet::batch_tests;
using namespace std::chrono_literals;
using freshet::testing::fault_plan;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// What all sinks of a test did, in order.
struct journal {
  std::mutex mutex;
  std::vector<std::string> lines;
  void note(std::string line) {
    std::lock_guard lock(mutex);
    lines.push_back(std::move(line));
  }
};

struct plain_sink {
  std::shared_ptr<journal> log;
  int batch_rows = 0;
  void write(int) { ++batch_rows; }
  void flush() { log->note("plain wrote " + std::to_string(std::exchange(batch_rows, 0))); }
  void close() { log->note("plain closed"); }
};

struct transaction_sink {
  using token = int;
  std::shared_ptr<journal> log;
  std::shared_ptr<std::atomic<int>> prepare_failures = std::make_shared<std::atomic<int>>(0);
  int rows = 0;
  void begin(const epoch_id& id) {
    const auto epoch = id.epoch;
    rows = 0;
    log->note("begin " + std::to_string(epoch));
  }
  void write(int) { ++rows; }
  token prepare() {
    if (prepare_failures->fetch_sub(1) > 0) throw std::runtime_error("disk full");
    log->note("prepare " + std::to_string(rows));
    return rows;
  }
  void commit(const token& t) { log->note("commit " + std::to_string(t)); }
  void abort() { log->note("abort"); }
};

TEST(sinks, transactional_ones_prepare_before_plain_ones_write) {
  auto log = std::make_shared<journal>();
  topology_builder builder{"order"};
  auto source = builder.spout("in", vector_spout{numbers(20)});
  builder.sink("plain", plain_sink{log}).input(source);
  builder.sink("transaction", transaction_sink{log}).input(source);
  batch_executor{batches_of(10, {.workers = 2})}.start(builder.build()).wait();
  EXPECT_EQ(log->lines, (std::vector<std::string>{"begin 1", "prepare 10", "plain wrote 10", "commit 10", "begin 2",
                                                  "prepare 10", "plain wrote 10", "commit 10", "plain closed"}));
}

TEST(sinks, a_prepare_that_fails_is_aborted_and_done_again) {
  auto log = std::make_shared<journal>();
  topology_builder builder{"prepare"};
  auto source = builder.spout("in", vector_spout{numbers(10)});
  transaction_sink sink{log};
  sink.prepare_failures->store(2);
  builder.sink("transaction", sink).input(source);
  batch_executor{batches_of(10)}.start(builder.build()).wait();
  EXPECT_EQ(log->lines,
            (std::vector<std::string>{"begin 1", "abort", "begin 1", "abort", "begin 1", "prepare 10", "commit 10"}));
}

TEST(sinks, a_prepare_that_keeps_failing_ends_the_run_uncommitted) {
  auto log = std::make_shared<journal>();
  topology_builder builder{"prepare"};
  auto source = builder.spout("in", vector_spout{numbers(10)});
  transaction_sink sink{log};
  sink.prepare_failures->store(100);
  builder.sink("transaction", sink).input(source);
  builder.sink("plain", plain_sink{log}).input(source);
  auto run = batch_executor{batches_of(10)}.start(builder.build());
  EXPECT_THAT(error_of(run), AllOf(HasSubstr("batch 1"), HasSubstr("\"transaction\" task 0"), HasSubstr("attempt 4"),
                                   HasSubstr("prepare failed: disk full")));
  for (const auto& line : log->lines) {
    EXPECT_THAT(line, ::testing::Not(HasSubstr("commit")));
    EXPECT_THAT(line, ::testing::Not(HasSubstr("wrote")));
  }
}

struct cannot_commit : transaction_sink {
  int failures;
  std::shared_ptr<std::atomic<int>> tried = std::make_shared<std::atomic<int>>(0);
  void commit(const token& t) {
    if (++*tried <= failures) throw std::runtime_error("connection lost");
    transaction_sink::commit(t);
  }
};

TEST(sinks, a_commit_that_fails_is_done_again) {
  auto log = std::make_shared<journal>();
  topology_builder builder{"commit"};
  cannot_commit sink{{log}, 3};
  builder.sink("transaction", sink).input(builder.spout("in", vector_spout{numbers(10)}));
  batch_executor{batches_of(10)}.start(builder.build()).wait();
  EXPECT_EQ(log->lines, (std::vector<std::string>{"begin 1", "prepare 10", "commit 10"}));
  EXPECT_EQ(*sink.tried, 4);
}

TEST(sinks, a_commit_that_keeps_failing_ends_the_run_by_name) {
  auto log = std::make_shared<journal>();
  topology_builder builder{"commit"};
  cannot_commit sink{{log}, 100};
  builder.sink("transaction", sink).input(builder.spout("in", vector_spout{numbers(20)}));
  auto run = batch_executor{batches_of(10)}.start(builder.build());
  EXPECT_THAT(error_of(run), AllOf(HasSubstr("batch 1"), HasSubstr("\"transaction\" task 0"), HasSubstr("attempt 4"),
                                   HasSubstr("commit failed: connection lost")));
  EXPECT_EQ(*sink.tried, 4);
  // It was decided, so it isn't aborted; the second batch never began.
  EXPECT_EQ(log->lines, (std::vector<std::string>{"begin 1", "prepare 10"}));
}

/// Throws from its first three calls of one kind, and notes when it was called.
struct loses_connection : transaction_sink {
  using time_point = std::chrono::steady_clock::time_point;
  std::string at;
  std::shared_ptr<std::vector<time_point>> called = std::make_shared<std::vector<time_point>>();
  void call(std::string_view what) {
    if (what != at) return;
    called->push_back(std::chrono::steady_clock::now());
    if (called->size() <= 3) throw std::runtime_error("connection lost");
  }
  void begin(const epoch_id& id) {
    call("begin");
    transaction_sink::begin(id);
  }
  void write(int v) {
    if (v == 3) call("write");
    transaction_sink::write(v);
  }
  token prepare() {
    call("prepare");
    return transaction_sink::prepare();
  }
  void commit(const token& t) {
    call("commit");
    transaction_sink::commit(t);
  }
};

TEST(sinks, what_fails_in_a_transaction_is_done_again_after_a_pause_that_doubles) {
  for (const char* at : {"begin", "write", "prepare", "commit"}) {
    topology_builder builder{"pauses"};
    loses_connection sink{{std::make_shared<journal>()}, at};
    builder.sink("transaction", sink).input(builder.spout("in", vector_spout{numbers(10)}));
    batch_executor{batches_of(10)}.start(builder.build()).wait();
    ASSERT_EQ(sink.called->size(), 4u) << at;
    for (std::size_t i = 1; i < 4; ++i)
      EXPECT_GE((*sink.called)[i] - (*sink.called)[i - 1], 10ms * (1 << (i - 1))) << at << ' ' << i;
    EXPECT_EQ(sink.log->lines.back(), "commit 10");
  }
}

/// What has its record counts, though the run ends before all of it is committed.
TEST(sinks, nothing_is_aborted_while_a_commit_waits_to_be_done_again) {
  auto log = std::make_shared<journal>();
  topology_builder builder{"commit"};
  cannot_commit first{{log}, 100};
  auto source = builder.spout("in", vector_spout{numbers(10)});
  builder.sink("first", first).input(source);
  builder.sink("second", transaction_sink{log}).input(source);
  auto run = batch_executor{batches_of(10, {.max_task_attempts = 1000, .drain_timeout = 1ms})}.start(builder.build());
  while (*first.tried < 2) std::this_thread::yield();
  EXPECT_THROW(run.drain(), run_error);
  EXPECT_EQ(log->lines, (std::vector<std::string>{"begin 1", "prepare 10", "begin 1", "prepare 10"}));
}

TEST(sinks, a_commit_has_attempts_of_its_own) {
  auto log = std::make_shared<journal>();
  topology_builder builder{"commit"};
  cannot_commit sink{{log}, 3};
  sink.prepare_failures->store(3);
  builder.sink("transaction", sink).input(builder.spout("in", vector_spout{numbers(10)}));
  batch_executor{batches_of(10)}.start(builder.build()).wait();
  EXPECT_EQ(*sink.tried, 4);
  EXPECT_EQ(log->lines.back(), "commit 10");
}

struct deciding {
  std::shared_ptr<journal> log;
  std::string name;
  std::uint64_t cannot_commit = 0;  ///< this epoch
  std::optional<epoch_id> epoch{}, committed{};
  int rows = 0;
  void begin(const epoch_id& id) {
    epoch = id;
    rows = 0;
  }
  void write(int) { ++rows; }
  void prepare() {}
  void commit() {
    if (epoch->epoch == cannot_commit) throw std::runtime_error("connection lost");
    committed = epoch;
    log->note(name + " has " + std::to_string(rows) + " of batch " + std::to_string(epoch->epoch));
  }
  void abort() { log->note(name + " aborts"); }
  std::optional<epoch_id> last_committed() const { return committed; }
};

/// Without a checkpoint directory nobody asks a sink which batches count: one that says so by itself is a sink with a
/// commit as any other, and there may be several.
TEST(sinks, without_checkpoints_several_may_say_themselves_what_they_have_committed) {
  auto log = std::make_shared<journal>();
  topology_builder builder{"several"};
  auto source = builder.spout("in", vector_spout{numbers(20)});
  builder.sink("first", deciding{log, "first"}).input(source);
  builder.sink("second", deciding{log, "second"}, {.parallelism = 2}).input(source, shuffle_grouping{});
  batch_executor{batches_of(10)}.start(builder.build()).wait();
  EXPECT_EQ(log->lines, (std::vector<std::string>{"first has 10 of batch 1", "second has 5 of batch 1",
                                                  "second has 5 of batch 1", "first has 10 of batch 2",
                                                  "second has 5 of batch 2", "second has 5 of batch 2"}));
}

/// As with any two sinks: the run ends, and what it says about the batch that one of them has and the other hasn't is
/// the error, and a position at the spout that is before it.
TEST(sinks, without_checkpoints_a_commit_that_fails_for_good_leaves_its_batch_to_whoever_reads_on) {
  auto log = std::make_shared<journal>();
  topology_builder builder{"half"};
  partitioned_spout_probe spout{1, 30};
  auto source = builder.spout("in", spout);
  builder.sink("first", deciding{log, "first"}).input(source);
  builder.sink("second", deciding{log, "second", 2}).input(source);
  auto run = batch_executor{batches_of(10)}.start(builder.build());
  EXPECT_THAT(error_of(run),
              AllOf(HasSubstr("batch 2"), HasSubstr("\"second\" task 0"), HasSubstr("commit failed: connection lost")));
  EXPECT_EQ(log->lines, (std::vector<std::string>{"first has 10 of batch 1", "second has 10 of batch 1",
                                                  "first has 10 of batch 2"}));
  EXPECT_EQ(spout.probe().committed[0], 10u);
}

TEST(sinks, a_tuple_that_a_transaction_cannot_write_meets_the_policy) {
  auto log = std::make_shared<journal>();
  topology_builder builder{"tuple"};
  auto source = builder.spout("in", vector_spout{numbers(10)});
  struct picky : transaction_sink {
    void write(int v) {
      if (v == 4) throw std::runtime_error("not four");
      transaction_sink::write(v);
    }
  };
  collect_sink<dead_letter> letters;
  builder.sink("transaction", picky{{log}}).input(source);
  builder.sink("letters", letters).input(builder.dead_letters());
  auto run = batch_executor{batches_of(10)}.start(builder.build());
  run.wait();
  EXPECT_EQ(log->lines.back(), "commit 9");
  const auto all = letters.take();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].error, "not four");
}

TEST(sinks, a_plain_sink_is_asked_again_for_the_same_tuple) {
  topology_builder builder{"again"};
  struct stumbles {
    std::shared_ptr<std::vector<int>> all;
    std::shared_ptr<int> failures;
    void write(int v) {
      if (v == 5 && --*failures >= 0) throw std::runtime_error("busy");
      all->push_back(v);
    }
  };
  auto all = std::make_shared<std::vector<int>>();
  auto source = builder.spout("in", vector_spout{numbers(10)});
  builder.sink("out", stumbles{all, std::make_shared<int>(3)}).input(source);
  auto run = batch_executor{batches_of(10)}.start(builder.build());
  run.wait();
  EXPECT_EQ(*all, numbers(10));
  EXPECT_EQ(run.metrics().node("out").retried, 3u);
  EXPECT_EQ(run.metrics().node("out").failed, 3u);
}

TEST(sinks, what_a_plain_sink_cannot_write_becomes_a_dead_letter_of_the_next_batch) {
  for (bool to_bolt : {false, true}) {
    topology_builder builder{"letters"};
    auto source = builder.spout("in", vector_spout{numbers(20)});
    builder
        .sink("picky",
              [](int v) {
                if (v == 5 || v == 15) throw std::runtime_error("no " + std::to_string(v));
              })
        .input(source);
    collect_sink<std::string> errors;
    if (to_bolt) {
      builder.sink("errors", errors)
          .input(builder.bolt("text", [](const dead_letter& l) { return l.error; }).input(builder.dead_letters()));
    } else {
      builder.sink("errors", [errors](const dead_letter& l) mutable { errors.write(l.error); })
          .input(builder.dead_letters());
    }
    auto run = batch_executor{batches_of(10, {.max_task_attempts = 2})}.start(builder.build());
    run.wait();
    EXPECT_EQ(errors.take(), (std::vector<std::string>{"no 5", "no 15"}));
    EXPECT_EQ(run.metrics().batches_done, 3u);  // the last only for the letter
  }
}

TEST(sinks, a_dead_letter_of_a_sink_stays_in_a_store_without_room) {
  topology_builder builder{"small store"};
  collect_sink<dead_letter> letters;
  auto source = builder.spout("in", vector_spout{numbers(30)});
  auto same = builder.bolt("same", [](int v) { return v; }, {.parallelism = 2}).input(source, shuffle_grouping{});
  builder
      .sink("out",
            [](int v) {
              if (v == 5) throw std::runtime_error("not five");
            })
      .input(same, global_grouping{});
  builder.sink("letters", letters).input(builder.dead_letters());
  auto run = batch_executor{batches_of(10, {.max_task_attempts = 2, .block_store_bytes = 1})}.start(builder.build());
  ASSERT_TRUE(run.wait_for(20s));
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters.values()[0].error, "not five");
}

TEST(sinks, policy_stop_of_a_sink_ends_the_run) {
  topology_builder builder{"stop"};
  auto source = builder.spout("in", vector_spout{numbers(20)});
  builder
      .sink("out",
            [](int v) {
              if (v == 15) throw std::runtime_error("no");
            },
            {.on_failure = on_failure::stop})
      .input(source);
  auto run = batch_executor{batches_of(10, {.max_task_attempts = 2})}.start(builder.build());
  EXPECT_THAT(error_of(run),
              AllOf(HasSubstr("batch 2"), HasSubstr("sink \"out\" task 0"), HasSubstr("attempt 2"), HasSubstr("no")));
}

TEST(sinks, a_lost_block_in_front_of_a_sink_is_computed_again) {
  topology_builder builder{"lost"};
  collect_sink<std::pair<int, long>> sink;
  auto source = builder.spout("in", vector_spout{numbers(100)});
  auto sums = builder.bolt("sums", sum_once_a_batch{}).input(source, key_grouping{last_digit{}});
  builder.sink("out", sink).input(sums);
  auto faults = std::make_shared<fault_plan>();
  faults->lose_block("sums", 0, 0, 1);
  auto run = batch_executor{batches_of(100, {.faults = faults})}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.size(), 10u);
  EXPECT_EQ(run.metrics().recomputed_partitions, 1u);
}

/// Says no when it is full, until somebody has taken something out.
struct full_sink {
  struct shared_state {
    std::mutex mutex;
    std::vector<int> values;
    std::size_t taken = 0;
    waker wake;
  };
  std::shared_ptr<shared_state> s = std::make_shared<shared_state>();
  void open(const task_context& c) { s->wake = c.wake; }
  bool ready() const {
    std::lock_guard lock(s->mutex);
    return s->values.size() - s->taken < 3;
  }
  void write(int v) {
    std::lock_guard lock(s->mutex);
    s->values.push_back(v);
  }
};

TEST(sinks, a_full_sink_makes_the_batch_wait) {
  topology_builder builder{"full"};
  full_sink sink;
  auto source = builder.spout("in", vector_spout{numbers(30)});
  builder.sink("out", sink).input(source);
  auto run = batch_executor{batches_of(10)}.start(builder.build());
  while (!run.wait_for(std::chrono::milliseconds(1))) {
    {
      std::lock_guard lock(sink.s->mutex);
      ASSERT_LE(sink.s->values.size() - sink.s->taken, 3u);
      sink.s->taken = sink.s->values.size();
    }
    sink.s->wake();
  }
  EXPECT_EQ(sink.s->values, numbers(30));
}

/// Refused before every tuple, and asked again when its waker is called, once each time and from another thread:
/// neither a wake-up is lost nor does it wait for a time that somebody has chosen.
TEST(sinks, a_full_sink_goes_on_with_its_waker) {
  topology_builder builder{"full"};
  channel_sink<int> sink{{.capacity = 1}};
  builder.sink("out", sink).input(builder.spout("in", vector_spout{numbers(10'000)}));
  auto run = batch_executor{batches_of(3'000, {.workers = 2})}.start(builder.build());
  std::vector<int> got;
  while (const auto v = sink.pop()) got.push_back(*v);
  run.wait();
  EXPECT_EQ(got, numbers(10'000));
}

}  // namespace
