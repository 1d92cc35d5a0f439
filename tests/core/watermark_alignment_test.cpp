#include "freshet/core/watermark_alignment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "batch/batch_run.hpp"
#include "event/event_run.hpp"
#include "freshet/connect/memory/callback_sink.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "freshet/testing/manual_clock.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using samples::ms;

struct beat {
  std::uint32_t partition = 0;
  event_time at{};
};

TEST(watermark_alignment, knows_the_slowest) {
  watermark_alignment all(2);
  all.tell(0, ms(5));
  EXPECT_EQ(all.least(), beginning_of_time);  // the other has said nothing
  all.tell(1, ms(3));
  EXPECT_EQ(all.least(), ms(3));
  all.tell(1, end_of_time);
  EXPECT_EQ(all.least(), ms(5));
}

TEST(partition_clock, wants_no_more_of_a_partition_that_is_too_far_ahead) {
  policy_clock<bounded_out_of_orderness> clock{{}, {}, event_span{10}};
  call_frame frame;
  frame.clock = &clock;
  const auto see = [&](partition_id p, std::int64_t t) {
    event_time stamp = not_stamped;
    frame.own_stamp = &stamp;
    frame.source = {p, false};
    frame.begin();
    clock.stamp(frame, ms(t), 0);
  };
  const event_clock::time_point now{1h};
  clock.open({0, 1}, now);
  EXPECT_TRUE(clock.wants(0));  // nobody is to be kept in step with
  const auto others = std::make_shared<watermark_alignment>(2);
  others->tell(1, end_of_time);
  clock.align(others, 0);
  EXPECT_TRUE(clock.wants(0) && clock.wants(1));
  see(0, 100);
  EXPECT_FALSE(clock.wants(0));  // the other has said nothing yet
  EXPECT_TRUE(clock.wants(1) && clock.wants(7) && clock.wants_any());
  EXPECT_LE(clock.look(now, true), now + 5ms);  // somebody waits
  EXPECT_FALSE(clock.take_wanted_again());
  see(1, 90);
  EXPECT_EQ(clock.look(now, true), event_clock::time_point::max());
  EXPECT_TRUE(clock.take_wanted_again());
  EXPECT_FALSE(clock.take_wanted_again());
  EXPECT_TRUE(clock.wants(0));
  see(0, 101);
  EXPECT_FALSE(clock.wants(0));
  others->tell(1, ms(50));  // another task is further behind
  clock.look(now, true);
  EXPECT_FALSE(clock.wants_any());
  others->tell(1, end_of_time);
  clock.end_partition(1);
  clock.look(now, true);
  EXPECT_TRUE(clock.wants(0));
  EXPECT_EQ(clock.watermark(), ms(101));
  clock.align(nullptr, 0);
  see(0, 100'000);
  EXPECT_TRUE(clock.wants(0));
}

TEST(partition_clock, remembers_the_end_of_a_partition_that_it_did_not_know_then) {
  policy_clock<bounded_out_of_orderness> clock{{}, {}};
  clock.open({0}, {});
  const auto before = clock.copy();
  clock.advance(7, ms(3));
  clock.end_partition(7);
  clock.assign(*before);
  clock.advance(7, ms(3));
  clock.advance(0, ms(70));
  EXPECT_EQ(clock.watermark(), ms(70));
}

/// Of a task whose one partition is at 50 ms, while the other task is at 0, and 10 ms are allowed.
policy_clock<bounded_out_of_orderness> ahead_of(const std::shared_ptr<watermark_alignment>& others) {
  policy_clock<bounded_out_of_orderness> clock{{}, {}, event_span{10}};
  others->tell(1, ms(0));
  clock.open({0}, {});
  clock.align(others, 0);
  clock.advance(0, ms(50));
  return clock;
}

TEST(partition_clock, stays_in_step_or_out_of_it_when_it_is_set_back) {
  const auto others = std::make_shared<watermark_alignment>(2);
  auto clock = ahead_of(others);
  const auto before = clock.copy();
  EXPECT_FALSE(clock.wants_any());
  clock.look({}, true);
  clock.align(nullptr, 0);
  EXPECT_EQ(others->least(), ms(0));
  others->tell(1, ms(900));
  EXPECT_EQ(others->least(), ms(900));  // nobody waits for this one
  clock.assign(*before);
  EXPECT_TRUE(clock.wants_any());
}

TEST(partition_clock, stays_in_step_when_another_takes_its_place) {
  const auto others = std::make_shared<watermark_alignment>(2);
  auto was = ahead_of(others);
  const auto before = was.copy();
  was.end_partition(7);
  policy_clock<bounded_out_of_orderness> clock{{}, {}, event_span{10}};
  clock.replace(was);
  clock.assign(*before);
  clock.advance(7, ms(3));
  clock.look({}, true);
  EXPECT_FALSE(clock.wants_any());
  EXPECT_EQ(clock.watermark(), ms(50)) << "7 has ended";
  others->tell(1, ms(45));
  was.align(nullptr, 0);
  clock.look({}, true);
  EXPECT_TRUE(clock.wants_any());
  EXPECT_EQ(others->least(), ms(45)) << "the other one says nothing any more";
  others->tell(1, ms(90));
  EXPECT_EQ(others->least(), ms(50));
}

TEST(partition_clock, looks_again_soon_while_what_it_has_is_too_far_ahead) {
  const auto others = std::make_shared<watermark_alignment>(2);
  auto clock = ahead_of(others);
  const event_clock::time_point now{1h};
  EXPECT_LE(clock.look(now, true), now + 5ms);
  others->tell(1, ms(1));  // not enough
  EXPECT_LE(clock.look(now, true), now + 5ms);
  EXPECT_FALSE(clock.take_wanted_again() || clock.wants_any());
  others->tell(1, ms(40));
  clock.look(now, true);
  EXPECT_TRUE(clock.take_wanted_again() && clock.wants_any());
}

TEST(partition_clock, remembers_that_a_partition_has_ended) {
  policy_clock<bounded_out_of_orderness> clock{{}, {}};
  clock.open({0, 1}, {});
  const auto before = clock.copy();
  clock.end_partition(0);
  clock.assign(*before);
  clock.advance(0, ms(3));  // emitted again
  clock.advance(1, ms(70));
  EXPECT_EQ(clock.watermark(), ms(70));
}

/// Two partitions whose events lie `step` apart: so one runs ahead of the other where they are read in turn.
class beats {
 public:
  static constexpr std::uint64_t of_each = 3000;
  explicit beats(bool asks, bool says_end = true) : asks_(asks), says_end_(says_end) {}
  std::vector<std::string> partitions() { return {"fast", "slow"}; }
  void open(const task_context& c) {
    for (const auto& p : c.partitions) mine_.push_back({p.id, 0});
  }
  poll_status poll(spout_emitter<beat>& out) {
    bool any = false, left = false;
    for (auto& [p, next] : mine_) {
      // A few at a time, as if each came over the network.
      for (int i = 0; i < 4 && next < of_each && (!asks_ || out.wants(p)); ++i, any = true) emit(p, next++, out);
      if (next == of_each && says_end_) out.end(p);
      left |= next < of_each;
    }
    if (!left) return poll_status::ended();
    return any ? poll_status::emitted() : poll_status::idle();
  }
  void read(const position_range& range, spout_emitter<beat>& out) {
    for (auto i = range.from; i < range.to; ++i) emit(range.partition, i, out);
  }
  void seek(const position& p) {
    for (auto& m : mine_)
      if (m.first == p.partition) m.second = p.offset;
  }
  void commit(const position&) {}

 private:
  static void emit(partition_id p, std::uint64_t i, spout_emitter<beat>& out) {
    const auto step = p == 0 ? 100 : 1;
    out.emit(position{p, i, i + 1}, {p, ms(static_cast<std::int64_t>(i) * step)});
  }
  std::vector<std::pair<partition_id, std::uint64_t>> mine_;
  bool asks_, says_end_;
};

class aligned_runs : public samples::on_every_engine {
 protected:
  /// How far the fast partition was ahead at most, in the order in which the spout's tasks emitted.
  event_span furthest(bool asks, std::size_t tasks, event_span max_drift, std::size_t* rows) {
    struct progress {
      std::mutex mutex;
      std::array<event_time, 2> at{event_time{}, event_time{}};
      event_span furthest{};
    };
    const auto seen = std::make_shared<progress>();
    collect_sink<std::uint32_t> got;
    auto engine = GetParam().second;
    if (auto* batches = std::get_if<batch_options>(&engine)) batches->rows_per_batch = 100;
    builder.spout("beats", [asks] { return beats{asks}; }, {.parallelism = tasks, .max_batch = 64})
        .event_time(&beat::at, {.max_drift = max_drift})
        .map("seen",
             [seen](const beat& b) {
               std::lock_guard lock(seen->mutex);
               seen->at[b.partition] = std::max(seen->at[b.partition], b.at);
               // Behind the end of the slow one nobody waits.
               if (b.partition == 0 && seen->at[1] < ms(beats::of_each - 1))
                 seen->furthest = std::max(seen->furthest, seen->at[0] - seen->at[1]);
               return b.partition;
             },
             {.parallelism = tasks})
        .to("got", got);
    samples::start_on(engine, builder.build()).wait();
    *rows = got.take().size();
    return seen->furthest;
  }
};
INSTANTIATE_TEST_SUITE_P(engines, aligned_runs, ::testing::ValuesIn(samples::every_engine()), samples::name_of_engine);

constexpr event_span a_poll{64 * 100};  ///< what a poll may emit before the clock has seen any of it

TEST_P(aligned_runs, keep_the_partitions_of_a_task_in_step) {
  std::size_t rows = 0;
  EXPECT_LE(furthest(true, 1, 500ms, &rows), 500ms + a_poll);
  EXPECT_GE(rows, 2 * beats::of_each);
}
TEST_P(aligned_runs, keep_tasks_in_step_whose_spout_does_not_ask) {
  std::size_t rows = 0;
  EXPECT_LE(furthest(false, 2, 500ms, &rows), 500ms + a_poll);
  EXPECT_GE(rows, 2 * beats::of_each);
}
/// The last rows of the slow partition have been polled, and wait for one of them to be tried again: who waits for the
/// partition still does.
TEST(aligned_events, wait_for_what_an_ended_partition_has_not_yet_sent_on) {
  for (const bool says_end : {true, false}) {
    std::array<event_time, 2> at{};
    stream_builder builder{"tail"};
    builder.spout("beats",
                  [says_end] {
                    return beats{false, says_end};
                  },
                  {.parallelism = 2, .max_batch = 64})
        .event_time(&beat::at, {.max_drift = 500ms})
        .map("tail",
             [&at, failures = 1](const beat& b) mutable {
               if (b.partition == 1 && b.at == ms(beats::of_each - 2) && failures-- > 0)
                 throw std::runtime_error("not yet");
               at[b.partition] = b.at;
               return b.partition;
             },
             {.parallelism = 2})
        .to("nowhere", [](std::uint32_t) {});
    testing::manual_clock time;
    event_options options{.guarantee = guarantee::exactly_once, .workers = 2};
    options.retry = {.max_attempts = 2, .first = 1h, .longest = 1h};
    options.log = logger{};
    options.clock = &time;
    event_run run{builder.build(), options};
    run.start_by_hand();
    run.pool().run_until_quiet();
    EXPECT_EQ(at[1], ms(beats::of_each - 3));
    EXPECT_EQ(at[0], ms(0) + a_poll - 100ms);  // the first poll of it, before anybody had said anything
    time.advance(1h);
    run.pool().run_until_quiet();
    EXPECT_EQ(at[1], ms(beats::of_each - 1));
    EXPECT_EQ(at[0], ms(100 * (beats::of_each - 1)));
    EXPECT_TRUE(run.unfinished().empty()) << run.unfinished();
  }
}
/// Two tasks with a partition each: the slow one's ends with its first poll, or the task does.
struct short_tail {
  bool ends_partition = false;
  partition_id mine = 0;
  bool polled = false;
  std::vector<std::string> partitions() { return {"fast", "slow"}; }
  void open(const task_context& c) { mine = c.partitions.at(0).id; }
  poll_status poll(spout_emitter<beat>& out) {
    if (std::exchange(polled, true)) return poll_status::ended();
    for (std::uint64_t i = 0; i < 3; ++i) emit(i, out);
    if (mine == 0 || !ends_partition) return mine == 0 ? poll_status::emitted() : poll_status::ended();
    out.end(mine);
    return poll_status::emitted();
  }
  void read(const position_range& range, spout_emitter<beat>& out) {
    for (auto i = range.from; i < range.to; ++i) emit(i, out);
  }
  void seek(const position&) {}
  void commit(const position&) {}
  void emit(std::uint64_t i, spout_emitter<beat>& out) const {
    out.emit(position{mine, i, i + 1}, {mine, ms(static_cast<std::int64_t>(i) * (mine == 0 ? 100 : 1))});
  }
};

/// The slow partition's only poll fails in the chain: nobody may take it for over before its rows have gone through.
TEST(aligned_batches, wait_for_what_an_ended_partition_has_to_give_once_more) {
  for (const bool ends_partition : {true, false}) {
    for (const bool reads_again : {true, false}) {
      SCOPED_TRACE(std::string(ends_partition ? "partition" : "task") + (reads_again ? ", read again" : ", kept"));
      std::function<event_time()> slowest;
      std::optional<event_time> at_retry;
      stream_builder builder{"tail"};
      builder
          .spout("beats", [ends_partition] { return short_tail{ends_partition}; },
                 {.parallelism = 2, .on_data_loss = reads_again ? on_data_loss::stop : on_data_loss::skip})
          .event_time(&beat::at, {.max_drift = 500ms})
          .map("tail",
               [&, calls = std::make_shared<int>(0)](const beat& b) {
                 if (b.partition != 1 || b.at != ms(1)) return b.partition;
                 if (++*calls == 1) throw std::runtime_error("not yet");
                 if (*calls == 2) at_retry = slowest();
                 return b.partition;
               },
               {.parallelism = 2})
          .to("nowhere", [](std::uint32_t) {});
      // With one worker the fast one, which comes first, has said how far it is: 200 ms.
      batch_run run{builder.build(), {.workers = 1, .log = logger{}}};
      slowest = [&run] { return run.alignment_of(static_cast<std::uint32_t>(run.graph().find("beats")))->least(); };
      run.start();
      EXPECT_TRUE(run.wait_until(std::chrono::steady_clock::time_point::max()));
      ASSERT_TRUE(at_retry);
      EXPECT_LE(*at_retry, ms(1));
      EXPECT_EQ(slowest(), end_of_time) << "nobody waits for what is over";
    }
  }
}
/// A failed attempt has a chain of its own, with a clock of its own: it still says how far the task is, or the others
/// would wait for ever for where it was.
TEST(aligned_batches, go_on_in_step_behind_a_failed_attempt) {
  collect_sink<std::uint32_t> got;
  stream_builder builder{"midway"};
  builder.spout("beats", [] { return beats{false}; }, {.parallelism = 2, .max_batch = 64})
      .event_time(&beat::at, {.max_drift = 500ms})
      .map("midway",
           [failures = std::make_shared<std::atomic<int>>(1)](const beat& b) {
             if (b.at == ms(beats::of_each / 2) && b.partition == 1 && failures->fetch_sub(1) > 0)
               throw std::runtime_error("not yet");
             return b.partition;
           },
           {.parallelism = 2})
      .to("got", got);
  batch_executor{{.workers = 1, .log = logger{}}}.start(builder.build()).wait();
  EXPECT_EQ(got.take().size(), 2 * beats::of_each);
}
/// A task is over, and has not said so of its partition.
TEST_P(aligned_runs, do_not_wait_for_a_task_that_has_ended) {
  collect_sink<std::uint32_t> got;
  auto engine = GetParam().second;
  if (auto* batches = std::get_if<batch_options>(&engine)) batches->rows_per_batch = 100;
  builder.spout("beats",
                [] {
                  return beats{true, false};
                },
                {.parallelism = 2, .max_batch = 64})
      .event_time(&beat::at, {.max_drift = 500ms})
      .map("partition", [](const beat& b) { return b.partition; }, {.parallelism = 2})
      .to("got", got);
  samples::start_on(engine, builder.build()).wait();
  EXPECT_GE(got.take().size(), 2 * beats::of_each);
}

/// What is there is read to its end, though the slow partition has no more of it.
TEST(aligned_batches, read_what_is_available_now) {
  for (std::size_t tasks : {1, 2}) {
    stream_builder builder{"now"};
    collect_sink<std::uint32_t> got;
    builder.spout("beats",
                  [] {
                    return beats{true, false};
                  },
                  {.parallelism = tasks, .max_batch = 64})
        .event_time(&beat::at, {.max_drift = 500ms})
        .map("partition", [](const beat& b) { return b.partition; }, {.parallelism = tasks})
        .to("got", got);
    batch_executor{{.trigger = batch_trigger::available_now, .workers = 2}}.start(builder.build()).wait();
    EXPECT_EQ(got.take().size(), 2 * beats::of_each) << tasks;
  }
}

TEST_P(aligned_runs, let_partitions_drift_where_nobody_says_otherwise) {
  std::size_t rows = 0;
  EXPECT_GT(furthest(true, 1, {}, &rows), 50s);
  EXPECT_GE(rows, 2 * beats::of_each);
}

}  // namespace
}  // namespace freshet
