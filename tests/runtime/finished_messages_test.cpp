#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error_of.hpp"
#include "freshet/base/random.hpp"
#include "freshet/state/checkpoint_reader.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "runtime/checkpoint_scene.hpp"

// Messages that are finished out of order, under at_least_once: the run that goes on, whichever it is, reads past them.
namespace freshet {
namespace {

using namespace checkpoint_tests;

constexpr std::uint64_t in_each = 60;

/// Offsets with gaps, as in a topic with transactions, and messages of some width.
std::uint64_t offset_of(std::uint64_t i) { return i * 5 + i % 3; }

/// What their sinks write to.
struct results {
  std::shared_ptr<outside> rows = std::make_shared<outside>(), late = std::make_shared<outside>();
  std::vector<row> all() const {
    auto both = rows->visible;
    both.insert(both.end(), late->visible.begin(), late->visible.end());
    return sorted(both);
  }
};

/// What runs share, and what is to happen in them.
struct shared {
  std::mutex mutex;
  std::set<int> unfinished;   ///< numbers that fail, and are not tried again in this life
  std::set<int> have_failed;  ///< those that the bolt has seen
  bool fails_late = false;    ///< held tuples, whose time runs out
  std::vector<held_tuple> tokens;
  std::uint64_t most = in_each;  ///< of a partition that may be polled
  on_data_loss loss = on_data_loss::stop;
  bool fails_once = false;  ///< in front of the clock
  std::set<int> failed;
  std::atomic<std::uint64_t> emitted = 0;     ///< by polls of this life
  std::atomic<std::uint64_t> polled[2] = {};  ///< of each partition, of what is emitted
};

class gapped_numbers {
 public:
  explicit gapped_numbers(std::shared_ptr<shared> world) : world_(std::move(world)) {}
  std::vector<std::string> partitions() const { return {"a", "b"}; }
  void open(const task_context& context) {
    for (const auto& p : context.partitions) mine_.push_back({p.id, 0});
  }
  poll_status poll(spout_emitter<int>& out) {
    bool has_ended = true;
    for (auto& [p, next] : mine_) {
      const auto end = std::min(next + 3, world_->most);
      for (; next < end && out.room(); ++next, ++world_->emitted) emit(p, next, out);
      world_->polled[p] = next;
      has_ended &= next == in_each;
    }
    if (has_ended) return poll_status::ended();
    return poll_status::idle_until(std::chrono::steady_clock::now() + 20us);
  }
  void read(const position_range& range, spout_emitter<int>& out) {
    for (std::uint64_t i = 0; i < in_each; ++i)
      if (range.contains({range.partition, offset_of(i), 0})) emit(range.partition, i, out);
  }
  void seek(const position& to) {
    for (auto& [p, next] : mine_)
      if (p == to.partition)
        for (next = 0; next < in_each && offset_of(next) < to.offset;) ++next;
  }
  void commit(const position&) {}

 private:
  static void emit(partition_id p, std::uint64_t i, spout_emitter<int>& out) {
    out.emit({p, offset_of(i), offset_of(i) + 2}, static_cast<int>(p * in_each + i));
  }
  std::shared_ptr<shared> world_;
  std::vector<std::pair<partition_id, std::uint64_t>> mine_;
};

/// Fails what it is told to, at once or late.
struct failing {
  std::shared_ptr<shared> world;
  void process(int value, emitter<int>& out) {
    std::lock_guard lock(world->mutex);
    if (!world->unfinished.contains(value)) return out.emit(value);
    world->have_failed.insert(value);
    if (!world->fails_late) throw std::runtime_error("not in this life");
    world->tokens.push_back(out.hold());
  }
};

/// Times that go back and forth, some of them far.
event_time time_of(int value) {
  const auto i = value % static_cast<int>(in_each);
  return event_time{event_span{i * 10 - (i % 7 == 3 ? 95 : i % 4 * 9)}};
}

struct count {
  using state = long;
  row process(int value, state& n) { return {value, ++n}; }
};

struct row_of_late {
  row operator()(const late_tuple<int>& late) const { return {-1, late.value}; }
};

/// How often each number came; with `has_time` also windows of both partitions, and what is late for them.
topology counted(const std::shared_ptr<shared>& world, const results& out, bool has_time) {
  stream_builder builder{"counted"};
  spout_options from;
  from.parallelism = 2;
  from.max_batch = 1;  // a message a slot: each is finished alone
  from.on_data_loss = world->loss;
  auto numbers = builder.spout("numbers", gapped_numbers{world}, from);
  if (!has_time) {
    numbers.process("fail", failing{world}, {.parallelism = 2})
        .key_by(std::identity{})
        .process("count", count{}, {.parallelism = 2})
        .to("out", epoch_sink{out.rows});
    return builder.build();
  }
  const auto flaky = [world](int value) {
    std::lock_guard lock(world->mutex);
    if (world->fails_once && value % 5 == 0 && world->failed.insert(value).second) throw std::runtime_error("once");
    return value;
  };
  auto windows = numbers.map("flaky", flaky, {.parallelism = 2})
                     .event_time(time_of, {.bound = event_span{20}})
                     .process("fail", failing{world}, {.parallelism = 2})
                     .key_by([](int value) { return value / static_cast<int>(in_each); })
                     .window(tumbling{50ms});
  auto sums = windows.aggregate("sums", aggregates::sum([](int v) { return long{v}; }), {.parallelism = 2});
  sums.map("rows",
           [](const auto& w) {
             return row{w.key * 1000 + static_cast<int>(w.window.start.time_since_epoch().count()), w.value};
           })
      .to("out", epoch_sink{out.rows});
  sums.late().map("late_rows", row_of_late{}).to("late", epoch_sink{out.late});
  return builder.build();
}

std::vector<checkpoint_partition> partitions_kept(simulated_files& files) {
  const auto all = checkpoint_reader(files, "/kept").epochs();
  return all.value().back().manifest->partitions;
}

template <class Executor>
std::vector<row> rows_of_a_whole_run(Executor executor, bool has_time) {
  const results out;
  executor.start(counted(std::make_shared<shared>(), out, has_time)).wait();
  return out.all();
}

/// What fails is not tried again for an hour.
template <class Engine>
topology_run start_slow(simulated_files& files, const wishes& how, const topology& graph) {
  auto options = Engine::options(files, how);
  if constexpr (Engine::has_epochs_by_time) {
    options.retry = {.max_attempts = 3, .first = 1h, .longest = 1h};
    options.message_timeout = 10ms;
    return event_executor{options}.start(graph);
  } else {
    return batch_executor{options}.start(graph);
  }
}

/// Reads what there is until only what fails isn't finished, makes an epoch, and loses power.
template <class Engine>
void live_and_die(simulated_files& files, random_source& random, const std::shared_ptr<shared>& world,
                  const results& out, bool has_time, const wishes& options) {
  {
    auto run = start_slow<Engine>(files, options, counted(world, out, has_time));
    // By what is finished, which grows only: a message whose epoch does not know that it is would be counted twice.
    const auto is_quiet = [&] {
      const bool are_polled = world->polled[0] >= world->most && world->polled[1] >= world->most;
      const auto finished = run.metrics().node("numbers").acked;
      std::lock_guard lock(world->mutex);
      // A batch that is not full waits for more.
      return are_polled && (!Engine::has_epochs_by_time || finished + world->have_failed.size() == world->emitted);
    };
    while (!is_quiet() && run.status().state == run_state::running) std::this_thread::sleep_for(100us);
    if (run.status().state != run_state::running) run.wait();
    (void)run.savepoint();
    files.power_off();
    if (!Engine::has_epochs_by_time) (void)error_of([&] { run.stop(); });  // it has no full batch to notice by
    (void)error_of(run);
    std::lock_guard lock(world->mutex);
    world->tokens.clear();
  }
  files.crash(random);
}

/// Numbers up to `most` of each partition, of which one in four fails, if any.
void begin_life(shared& world, random_source& random, std::uint64_t most, bool fails) {
  world.most = most;
  world.emitted = world.polled[0] = world.polled[1] = 0;
  world.unfinished.clear();
  world.have_failed.clear();
  world.failed.clear();
  world.fails_late = random.below(2) == 0;
  for (int value = 0; fails && value < 2 * static_cast<int>(in_each); ++value)
    if (random.below(4) == 0) world.unfinished.insert(value);
}

struct after_kills {
  std::vector<row> rows;
  std::size_t intervals = 0;  ///< that the epochs had
};

/// Two runs that are killed, the first in events under at_least_once, and one to the end.
template <class Second, class Last>
after_kills rows_of_three_runs(std::uint64_t seed, bool has_time, const std::shared_ptr<shared>& world,
                               const wishes& second, const wishes& last, bool fails_once) {
  random_source random(seed);
  simulated_files files;
  after_kills got;
  const results out;
  const wishes first{.guarantee = guarantee::at_least_once};
  begin_life(*world, random, 20 + random.below(20), true);
  live_and_die<events>(files, random, world, out, has_time, first);
  for (const auto& p : partitions_kept(files)) got.intervals += p.finished.size();
  const bool fails = Second::has_epochs_by_time && second.guarantee == guarantee::at_least_once;
  begin_life(*world, random, 3 + random.below(40), fails);
  live_and_die<Second>(files, random, world, out, has_time, second);
  for (const auto& p : partitions_kept(files)) got.intervals += p.finished.size();
  begin_life(*world, random, in_each, false);
  world->fails_once = fails_once;
  Last::in(files, last).start(counted(world, out, has_time)).wait();
  got.rows = out.all();
  return got;
}

/// REQUIRES: both are sorted.
std::vector<row> only_in(const std::vector<row>& rows, const std::vector<row>& others) {
  std::vector<row> left;
  std::set_difference(rows.begin(), rows.end(), others.begin(), others.end(), std::back_inserter(left));
  return left;
}

template <class Second, class Last>
struct lives {
  using second = Second;
  using last = Last;
};
template <class Lives>
class finished_out_of_order : public ::testing::Test {
 protected:
  /// Whatever the engines and guarantees, and whether the spout can be asked again.
  void expect_each_once(bool has_time, bool fails_once) {
    const auto wanted = rows_of_a_whole_run(batches::in_memory(), has_time);
    std::size_t intervals = 0;
    for (std::uint64_t seed = 0; seed < 24; ++seed) {
      const auto either = [&](std::uint64_t bit) {
        return wishes{.guarantee = seed & bit ? guarantee::exactly_once : guarantee::at_least_once, .attempts = 40};
      };
      const auto world = std::make_shared<shared>();
      if (seed & 4) world->loss = on_data_loss::skip;
      const auto got = rows_of_three_runs<typename Lives::second, typename Lives::last>(
          seed, has_time, world, either(1), either(2), fails_once);
      EXPECT_EQ(only_in(got.rows, wanted), std::vector<row>{}) << "surplus, seed " << seed;
      EXPECT_EQ(only_in(wanted, got.rows), std::vector<row>{}) << "missing, seed " << seed;
      intervals += got.intervals;
    }
    EXPECT_GT(intervals, 24u);
  }
};
using all_lives =
    ::testing::Types<lives<events, events>, lives<events, batches>, lives<batches, events>, lives<batches, batches>>;
TYPED_TEST_SUITE(finished_out_of_order, all_lives);

TYPED_TEST(finished_out_of_order, are_counted_once) { this->expect_each_once(false, false); }

TYPED_TEST(finished_out_of_order, are_in_one_window_and_leave_stamps_as_they_were) {
  this->expect_each_once(true, false);
}

TYPED_TEST(finished_out_of_order, are_read_past_where_calls_fail_in_front_of_the_clock) {
  this->expect_each_once(true, true);
}

}  // namespace
}  // namespace freshet
