#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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

topology_run start_in(testing::simulated_files& files, bool in_batches, const topology& graph) {
  checkpointing kept{.directory = "/kept", .files = &files};
  if (in_batches) {
    batch_options o{.interval = 1ms, .workers = 1};
    o.guarantee = guarantee::exactly_once;
    o.log = {};
    o.checkpoints = kept;
    return batch_executor{o}.start(graph);
  }
  event_options o{.guarantee = guarantee::exactly_once, .workers = 1};
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

}  // namespace
}  // namespace freshet
