#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error_of.hpp"
#include "freshet/base/random.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/state/checkpoint_reader.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "freshet/testing/simulated_files.hpp"
#include "runtime/run_checkpoints.hpp"

// Event time over runs that go on, on either engine.
namespace freshet {
namespace {

using namespace std::chrono_literals;

struct reading {
  int key = 0;
  event_time at{};
};

/// Readings of the times from its offset to `until`, and then none though it goes on.
class readings {
 public:
  explicit readings(std::uint64_t until) : until_(until) {}
  std::vector<std::string> partitions() const { return {"all"}; }
  poll_status poll(spout_emitter<reading>& out) {
    if (next_ == until_) return poll_status::idle_until(std::chrono::steady_clock::now() + 100us);
    emit(next_++, out);
    return poll_status::emitted();
  }
  void read(const position_range& range, spout_emitter<reading>& out) {
    for (auto i = range.from; i < range.to; ++i) emit(i, out);
  }
  void seek(const position& p) { next_ = p.offset; }
  void commit(const position&) {}

 private:
  static void emit(std::uint64_t i, spout_emitter<reading>& out) {
    out.emit({0, i, i + 1}, {0, event_time{event_span{static_cast<std::int64_t>(i)}}});
  }
  std::uint64_t until_, next_ = 0;
};

/// Two inputs: one has `until` rows, the other none at all.
topology counts(std::uint64_t until, std::chrono::nanoseconds idle_timeout) {
  stream_builder builder{"counts"};
  const event_time_options time{.idle_timeout = idle_timeout};
  const auto asleep = builder.spout("asleep", readings{0}).event_time(&reading::at, time);
  (void)builder.spout("awake", readings{until})
      .event_time(&reading::at, time)
      .merge(asleep)
      .key_by(&reading::key)
      .window(tumbling{10ms})
      .count("count");
  return builder.build();
}

topology_run start_in(testing::simulated_files& files, bool in_batches, const topology& graph,
                      guarantee promised = guarantee::exactly_once) {
  checkpointing kept{.directory = "/kept", .files = &files};
  if (in_batches) {
    batch_options o{.interval = 1ms, .workers = 1};
    o.guarantee = promised;
    o.log = {};
    o.checkpoints = kept;
    return batch_executor{o}.start(graph);
  }
  event_options o{.guarantee = promised, .workers = 1};
  o.log = {};
  o.checkpoints = kept;
  o.checkpoint_interval = 1ms;
  return event_executor{o}.start(graph);
}

/// How far the timers of a node were called at its newest savepoint.
event_time reached_in(testing::simulated_files& files, std::uint64_t epoch) {
  const auto manifest = checkpoint_reader{files, "/kept"}.manifest(epoch);
  for (const auto& w : manifest.value().watermarks)
    if (w.node == "count" && w.input == checkpoint_watermark::all_inputs) return w.watermark;
  ADD_FAILURE() << "nothing is said of the time of count";
  return beginning_of_time;
}

/// Runs until so many rows were counted, and stops behind a savepoint.
std::uint64_t run_until(std::uint64_t rows, testing::simulated_files& files, bool in_batches, const topology& graph,
                        event_time reached) {
  auto run = start_in(files, in_batches, graph);
  while (run.metrics().node("count").executed < rows || run.metrics().node("count").watermark < reached)
    std::this_thread::sleep_for(100us);
  const auto epoch = run.savepoint();
  run.stop();
  return epoch;
}

/// The input that had been asleep counts again for a while: time doesn't go back by it, not even in the run behind.
TEST(checkpointed_time, does_not_go_back_though_an_idle_input_counts_again) {
  for (const bool first : {false, true})
    for (const bool then : {false, true}) {
      testing::simulated_files files;
      const auto reached = event_time{90ms};
      const auto before = run_until(100, files, first, counts(100, 1us), reached);
      ASSERT_GE(reached_in(files, before), reached);
      const auto behind = run_until(10, files, then, counts(110, 1h), beginning_of_time);
      EXPECT_GE(reached_in(files, behind), reached_in(files, before))
          << (first ? "batches, " : "events, ") << (then ? "batches" : "events");
    }
}

// --- a policy of one's own ---

/// Time has come to where the last but one of the events stands; `Newest` is what it remembers.
template <class Newest>
struct behind_the_newest {
  using state = Newest;
  state start() const { return {}; }
  event_time observe(state& s, event_time t) const {
    if (t > s.newest) s.before = std::exchange(s.newest, t);
    return s.before;
  }
};
struct two_times {
  event_time newest = beginning_of_time, before = beginning_of_time;
};
/// The same, and nobody can write it.
struct closed_times {
  event_time newest, before;
  closed_times() : newest(beginning_of_time), before(beginning_of_time) {}
};

using counted = windowed<int, std::uint64_t>;
template <class Policy>
topology counts_by(Policy policy, std::uint64_t until, const collect_sink<counted>* got = nullptr) {
  stream_builder builder{"by policy"};
  const auto counts = builder.spout("readings", readings{until})
                          .event_time(&reading::at, policy)
                          .key_by(&reading::key)
                          .window(tumbling{10ms})
                          .count("count");
  if (got) counts.to("got", *got);
  return builder.build();
}

/// What the policy remembers goes on with the run behind: the watermark is that of one run over all.
TEST(checkpointed_time, a_policy_of_ones_own_goes_on_in_the_next_run_on_either_engine) {
  for (const bool first : {false, true})
    for (const bool then : {false, true}) {
      SCOPED_TRACE(std::string(first ? "batches, " : "events, ") + (then ? "batches" : "events"));
      testing::simulated_files files;
      run_until(25, files, first, counts_by(behind_the_newest<two_times>{}, 25), event_time{23ms});
      // One event more: without the newest of the run before, the last but one would be none.
      const auto behind = run_until(1, files, then, counts_by(behind_the_newest<two_times>{}, 26), event_time{24ms});
      EXPECT_EQ(reached_in(files, behind), event_time{24ms});
    }
}

TEST(checkpointed_time, start_lists_a_policy_that_cannot_be_saved_with_all_other_mistakes) {
  const collect_sink<counted> got;
  const auto graph = counts_by(behind_the_newest<closed_times>{}, 25, &got);
  for (const bool in_batches : {false, true}) {
    testing::simulated_files files;
    try {
      start_in(files, in_batches, graph);
      FAIL();
    } catch (const topology_error& e) {
      EXPECT_EQ(e.mistakes().size(), 2u) << e.what();  // under exactly_once the sink is wrong, too
      const std::string all = e.what();
      EXPECT_NE(all.find("behind_the_newest<freshet::closed_times> of \"readings.event_time\" remembers"),
                std::string::npos)
          << all;
    }
  }
}

/// Without checkpoints it may remember what it likes.
TEST(checkpointed_time, a_policy_that_cannot_be_saved_runs_without_checkpoints) {
  for (const bool in_batches : {false, true}) {
    collect_sink<counted> got;
    const auto graph = counts_by(behind_the_newest<closed_times>{}, 25, &got);
    auto run = in_batches ? batch_executor{{.interval = 1ms, .log = {}}}.start(graph)
                          : event_executor{{.log = {}}}.start(graph);
    while (run.metrics().node("got").executed < 2 || run.metrics().node("count").watermark < event_time{23ms})
      std::this_thread::sleep_for(100us);
    EXPECT_EQ(run.metrics().node("count").watermark, event_time{23ms});
    run.stop();
    std::vector<std::uint64_t> counts;
    for (const auto& w : got.take()) counts.push_back(w.value);
    EXPECT_EQ(counts, (std::vector<std::uint64_t>{10, 10}));
  }
}

// --- messages that the run before has not finished ---

/// What two runs share: the first does not finish the second reading.
struct two_runs {
  std::size_t readings_a_poll = 2;
  bool has_silent_partition = false, holds = false;
  std::atomic<bool> is_first = true;
  std::mutex mutex;
  std::vector<held_tuple> tokens;
  std::atomic<bool> has_failed = false;
};

/// Two readings, of which the second is far behind the first, and maybe a partition without any.
class two_readings {
 public:
  explicit two_readings(std::shared_ptr<two_runs> runs) : runs_(std::move(runs)) {}
  std::vector<std::string> partitions() const {
    return runs_->has_silent_partition ? std::vector<std::string>{"sends", "silent"}
                                       : std::vector<std::string>{"sends"};
  }
  poll_status poll(spout_emitter<reading>& out) {
    for (std::size_t n = 0; n < runs_->readings_a_poll && next_ < 2; ++n) emit(next_++, out);
    if (next_ == 2 && !runs_->is_first) return poll_status::ended();
    return next_ < 2 ? poll_status::emitted() : poll_status::idle_until(std::chrono::steady_clock::now() + 100us);
  }
  void read(const position_range& range, spout_emitter<reading>& out) {
    for (auto i = range.from; i < range.to; ++i) emit(i, out);
  }
  void seek(const position& p) {
    if (p.partition == 0) next_ = p.offset;
  }
  void commit(const position&) {}

 private:
  static void emit(std::uint64_t i, spout_emitter<reading>& out) {
    out.emit({0, i, i + 1}, {0, event_time{i == 0 ? 1000ms : 5ms}});
  }
  std::shared_ptr<two_runs> runs_;
  std::uint64_t next_ = 0;
};

/// Lets the second reading pass in the second run.
struct in_second_run {
  std::shared_ptr<two_runs> runs;
  void process(const reading& r, emitter<reading>& out) {
    if (!runs->is_first || r.at == event_time{1000ms}) return out.emit(r);
    runs->has_failed = true;
    if (!runs->holds) throw std::runtime_error("not in this run");
    std::lock_guard lock(runs->mutex);
    runs->tokens.push_back(out.hold());
  }
};

topology counts_with_late(const std::shared_ptr<two_runs>& runs, const collect_sink<late_tuple<reading>>& late) {
  stream_builder builder{"late"};
  const auto counts = builder.spout("readings", two_readings{runs}, {.max_batch = runs->readings_a_poll})
                          .event_time(&reading::at, {.bound = 10ms})
                          .process("in_second_run", in_second_run{runs})
                          .key_by(&reading::key)
                          .window(tumbling{10ms})
                          .count("count");
  counts.late().to("late", late);
  return builder.build();
}

/// Finishes the first reading and not the second, makes an epoch, and loses power.
void finish_the_first(testing::simulated_files& files, const std::shared_ptr<two_runs>& runs) {
  event_options o{.guarantee = guarantee::at_least_once, .workers = 1, .retry = {.first = 1h, .longest = 1h}};
  o.message_timeout = 5ms;
  o.log = {};
  o.checkpoints = {.directory = "/kept", .files = &files};
  o.checkpoint_interval = 1ms;
  {
    auto run = event_executor{o}.start(counts_with_late(runs, {}));
    while (!runs->has_failed || run.metrics().node("readings").acked == 0) std::this_thread::sleep_for(100us);
    run.savepoint();
    files.power_off();
    (void)error_of([&] { run.stop(); });
    std::lock_guard lock(runs->mutex);
    runs->tokens.clear();
  }
  random_source random(1);
  files.crash(random);
}

/// The stamps of what is late when a run goes on behind that.
std::vector<event_time> late_in_second_run(const std::shared_ptr<two_runs>& runs, bool in_batches) {
  testing::simulated_files files;
  finish_the_first(files, runs);
  runs->is_first = false;
  collect_sink<late_tuple<reading>> late;
  start_in(files, in_batches, counts_with_late(runs, late), guarantee::at_least_once).wait();
  std::vector<event_time> stamps;
  for (const auto& l : late.take()) stamps.push_back(l.stamp);
  return stamps;
}

/// Whatever else went out with it, and wherever the other partitions of its task stand.
TEST(checkpointed_time, a_message_that_is_read_again_in_the_next_run_has_the_stamp_it_had) {
  for (int variant = 0; variant < 16; ++variant) {
    const auto runs = std::make_shared<two_runs>();
    runs->readings_a_poll = variant & 1 ? 1 : 2;
    runs->has_silent_partition = variant & 2;
    runs->holds = variant & 4;
    EXPECT_EQ(late_in_second_run(runs, variant & 8), std::vector{event_time{990ms}}) << "variant " << variant;
  }
}

}  // namespace
}  // namespace freshet
