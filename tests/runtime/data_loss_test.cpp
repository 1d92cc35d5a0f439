// A spout whose early messages go away while a run still needs them: what `on_data_loss` does on both engines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "freshet/freshet.hpp"
#include "freshet/testing/fault_plan.hpp"

namespace freshet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// Emits 0 to 99, each `step` offsets behind the one before it, and has deleted what lies before `earliest` when it is
/// asked again.
class forgetful_spout {
 public:
  struct seen {
    std::mutex mutex;
    std::uint64_t committed = 0;
  };
  static constexpr int count = 100;
  explicit forgetful_spout(std::uint64_t earliest, std::uint64_t step = 1) : earliest_(earliest), step_(step) {}
  seen& probe() const { return *seen_; }

  std::vector<std::string> partitions() const { return {"log"}; }
  poll_status poll(spout_emitter<int>& out) {
    for (auto n = out.room(); n > 0 && next_ < count; --n) emit(next_++, out);
    return next_ < count ? poll_status::emitted() : poll_status::ended();
  }
  void read(const position_range& range, spout_emitter<int>& out) {
    if (range.from < earliest_) throw range_lost({range.partition, range.from, earliest_}, "retention has deleted it");
    for (int i = 0; i < count; ++i)
      if (range.contains(at(i))) emit(i, out);
  }
  void seek(const position&) {}
  void commit(const position& p) {
    std::lock_guard lock(seen_->mutex);
    seen_->committed = p.next;
  }

 private:
  position at(int i) const {
    const auto offset = static_cast<std::uint64_t>(i) * step_;
    return {0, offset, offset + 1};
  }
  void emit(int i, spout_emitter<int>& out) const { out.emit(at(i), i); }
  std::uint64_t earliest_, step_;
  int next_ = 0;
  std::shared_ptr<seen> seen_ = std::make_shared<seen>();
};

/// Throws for the numbers below `until` the first time it sees each.
struct fails_once {
  int until;
  std::shared_ptr<std::set<int>> seen = std::make_shared<std::set<int>>();
  int process(int v) {
    if (v < until && seen->insert(v).second) throw std::runtime_error("not yet");
    return v;
  }
};

class kept_log final : public log_sink {
 public:
  void write(const log_record& r) noexcept override {
    std::lock_guard lock(mutex_);
    text_ += std::string(r.component) + ": " + std::string(r.message) + "\n";
  }
  std::string text() const {
    std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

struct outcome {
  std::vector<int> rows;
  run_metrics metrics;
  std::string error, log, described;
};

template <class Executor>
outcome run_on(const Executor& executor, const topology& graph, collect_sink<int>& sink,
               const std::shared_ptr<kept_log>& log) {
  outcome got;
  auto run = executor.start(graph);
  try {
    run.wait();
  } catch (const run_error& e) {
    EXPECT_EQ(e.error().code, errc::data_loss);
    got.error = e.what();
  }
  got.rows = sink.take();
  std::sort(got.rows.begin(), got.rows.end());
  got.metrics = run.metrics();
  got.log = log->text();
  got.described = run.describe(describe_format::text) + run.describe(describe_format::json);
  return got;
}

/// in -> fails_once -> out, on the event engine.
outcome events(const forgetful_spout& spout, spout_options options, int fail_until) {
  topology_builder b{"t"};
  collect_sink<int> sink;
  const auto in = b.spout("in", spout, options);
  b.sink("out", sink).input(b.bolt("fails", fails_once{fail_until}).input(in, shuffle_grouping{}));
  auto log = std::make_shared<kept_log>();
  const event_executor executor{{.workers = 2, .retry = {.first = 1ms}, .log = logger{log}}};
  return run_on(executor, b.build(), sink, log);
}

/// in (-> fails_once in its task) -> same -> out, in one batch, of whose stage-0 blocks one gets lost.
outcome batches(const forgetful_spout& spout, spout_options options, int fail_until, bool lose_block) {
  topology_builder b{"t"};
  collect_sink<int> sink;
  const auto in = b.bolt("fails", fails_once{fail_until}).input(b.spout("in", spout, options));
  b.sink("out", sink)
      .input(b.bolt("same", [](int v) { return v; }, {.parallelism = 2}).input(in, shuffle_grouping{}),
             global_grouping{});
  auto faults = std::make_shared<testing::fault_plan>();
  if (lose_block) faults->lose_block("fails", 0, 1, 1);
  auto log = std::make_shared<kept_log>();
  const batch_executor executor{{.trigger = batch_trigger::rows, .workers = 2, .log = logger{log}, .faults = faults}};
  auto got = run_on(executor, b.build(), sink, log);
  EXPECT_TRUE(!lose_block || faults->done().lost == 1);
  return got;
}

std::vector<int> numbers(int from) {
  std::vector<int> all(static_cast<std::size_t>(forgetful_spout::count - from));
  std::iota(all.begin(), all.end(), from);
  return all;
}

constexpr spout_options skip{.on_data_loss = on_data_loss::skip};

TEST(data_loss, ends_a_run_of_events_and_says_where) {
  const auto got = events(forgetful_spout{10}, {}, 20);
  EXPECT_THAT(got.error, AllOf(HasSubstr("spout \"in\" task 0, attempt 2: offsets 0 to "),
                               HasSubstr("of partition 0 \"log\" can no longer be read"),
                               HasSubstr("the earliest offset still there is 10: retention has deleted it")));
}

TEST(data_loss, skipped_by_events_is_counted_logged_and_finished) {
  const forgetful_spout spout{10};
  const auto got = events(spout, skip, 20);
  EXPECT_EQ(got.error, "");
  EXPECT_EQ(got.rows, numbers(10));
  const auto in = got.metrics.node("in");
  EXPECT_EQ(in.lost, 10u);
  EXPECT_EQ(in.failed, 10u);
  EXPECT_EQ(in.acked, 90u);
  EXPECT_EQ(in.emitted, 100u);
  EXPECT_EQ(in.pending, 0u);
  EXPECT_EQ(got.metrics.total().lost, 10u);
  EXPECT_EQ(got.metrics.total().dead_lettered, 0u);
  EXPECT_EQ(spout.probe().committed, 100u);
  EXPECT_THAT(got.log, AllOf(HasSubstr("\"in\" task 0: "), HasSubstr(" lost and skipped: offsets 0 to "),
                             HasSubstr("retention has deleted it")));
  EXPECT_THAT(got.described, AllOf(HasSubstr(", 10 messages lost\n"), HasSubstr("\"lost\":10")));
}

/// A log with gaps, cut in one of them: the message behind the gap is still there.
TEST(data_loss, what_lies_behind_a_gap_is_read_again) {
  const forgetful_spout spout{95, 10};
  const auto got = events(spout, skip, 100);
  EXPECT_EQ(got.rows, numbers(10));
  EXPECT_EQ(got.metrics.node("in").lost, 10u);
  EXPECT_EQ(spout.probe().committed, 991u);
}

TEST(data_loss, of_everything) {
  const forgetful_spout spout{1000};
  const auto got = events(spout, skip, 100);
  EXPECT_TRUE(got.rows.empty());
  EXPECT_EQ(got.metrics.node("in").lost, 100u);
  EXPECT_EQ(spout.probe().committed, 100u);
}

/// A spout that says it has lost what nobody asked for is like one that fails.
TEST(data_loss, of_nothing_is_a_failed_attempt) {
  struct confused : forgetful_spout {
    using forgetful_spout::forgetful_spout;
    void read(const position_range&, spout_emitter<int>&) { throw range_lost({0, 500, 600}, "who knows"); }
  };
  topology_builder b{"t"};
  const auto in = b.spout("in", confused{0}, skip);
  b.sink("out", [](int) {}).input(b.bolt("fails", fails_once{20}).input(in, shuffle_grouping{}));
  auto run = event_executor{{.workers = 2, .retry = {.first = 1ms}, .log = {}}}.start(b.build());
  run.wait();
  EXPECT_EQ(run.metrics().node("in").lost, 0u);
  EXPECT_EQ(run.metrics().total().dead_lettered, 20u);
}

TEST(data_loss, ends_a_run_of_batches_and_says_where) {
  for (bool lose_block : {true, false}) {
    const auto got = batches(forgetful_spout{10}, {}, lose_block ? 0 : 20, lose_block);
    EXPECT_THAT(got.error, AllOf(HasSubstr("batch 1, stage 0"), HasSubstr("spout \"in\" task 0: offsets 0 to "),
                                 HasSubstr("of partition 0 \"log\" can no longer be read"),
                                 HasSubstr("the earliest offset still there is 10: retention has deleted it")));
    EXPECT_TRUE(got.rows.empty());
  }
}

/// Part of a batch can't be left out when it is computed again, so the engine keeps what such a spout has emitted.
TEST(data_loss, batches_of_a_spout_that_may_skip_lose_nothing) {
  for (bool lose_block : {true, false}) {
    const forgetful_spout spout{10};
    const auto got = batches(spout, skip, lose_block ? 0 : 1, lose_block);
    EXPECT_EQ(got.error, "");
    EXPECT_EQ(got.rows, numbers(0));
    EXPECT_EQ(got.metrics.node("in").lost, 0u);
    EXPECT_EQ(got.metrics.node("in").acked, 100u);
    EXPECT_EQ(spout.probe().committed, 100u);
  }
}

}  // namespace
}  // namespace freshet
