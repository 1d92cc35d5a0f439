#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <set>
#include <thread>

#include "base/error_of.hpp"
#include "batch/batch_probe.hpp"
#include "freshet/runtime/restarting_executor.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "freshet/stream/windowed_stream.hpp"
#include "freshet/testing/simulated_files.hpp"

// A run that goes on where another was, whatever ended that.
namespace freshet {
namespace {

using namespace batch_tests;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::simulated_files;

using row = std::pair<int, long>;

/// What sinks write to: it survives every run, and is never in doubt.
struct outside {
  std::mutex mutex;
  std::map<std::string, std::vector<row>> prepared;
  std::vector<row> visible;
  std::set<std::string> committed;
  std::optional<epoch_id> last;
  std::uint64_t commits = 0;

  // Where the process ends: at which call of a sink, and what that does.
  std::uint64_t calls = 0, crash_at = ~std::uint64_t{0};
  std::function<void()> crash = [] {};
  void step() {
    std::unique_lock lock(mutex);
    if (calls++ < crash_at) return;
    lock.unlock();
    crash();
    throw std::runtime_error("the process is gone");
  }
};

struct epoch_sink {
  using token = std::string;
  std::shared_ptr<outside> world;
  std::size_t task = 0;
  std::string name{};
  std::vector<row> rows{};

  void open(const task_context& c) { task = c.task; }
  void begin(const epoch_id& id) {
    world->step();
    name = std::to_string(id.history) + "-" + std::to_string(id.epoch) + "-" + std::to_string(task);
    rows.clear();
  }
  void write(const row& r) { rows.push_back(r); }
  token prepare() {
    world->step();
    {
      std::lock_guard lock(world->mutex);
      world->prepared[name] = rows;
    }
    world->step();
    return name;
  }
  void commit(const token& t) {
    world->step();
    {
      std::lock_guard lock(world->mutex);
      if (world->committed.insert(t).second) {
        const auto& all = world->prepared.at(t);
        world->visible.insert(world->visible.end(), all.begin(), all.end());
      }
    }
    world->step();
  }
  void abort() {
    std::lock_guard lock(world->mutex);
    if (world->calls <= world->crash_at && !world->committed.count(name)) world->prepared.erase(name);
  }
};

/// As a database does it: rows and epoch in one transaction, which goes with the process.
struct transaction_sink {
  std::shared_ptr<outside> world;
  epoch_id id{};
  std::vector<row> rows{};
  bool open_now = false;

  void begin(const epoch_id& to) {
    world->step();
    id = to;
    rows.clear();
    open_now = true;
  }
  void write(const row& r) { rows.push_back(r); }
  void prepare() {
    world->step();
    world->step();
  }
  void commit() {
    world->step();
    if (std::exchange(open_now, false)) {
      std::lock_guard lock(world->mutex);
      world->visible.insert(world->visible.end(), rows.begin(), rows.end());
      world->last = id;
    }
    world->step();
  }
  void abort() { open_now = false; }
  std::optional<epoch_id> last_committed() const {
    std::lock_guard lock(world->mutex);
    return world->last;
  }
};
static_assert(transactional_sink<epoch_sink> && !deciding_sink<epoch_sink>);
static_assert(deciding_sink<transaction_sink> && !transactional_sink<transaction_sink>);

constexpr int partitions = 3, each = 40;

/// A key is of one partition, so that its rows come in one order.
struct key_of {
  int operator()(int v) const { return v / each * 10 + v % 10; }
};
struct sum_by_key {
  using state = long;
  row process(int value, state& sum) { return {key_of{}(value), sum += value}; }
};
std::vector<row> wanted() {
  std::vector<row> all;
  std::map<int, long> sums;
  for (int v = 0; v < partitions * each; ++v) all.push_back({key_of{}(v), sums[key_of{}(v)] += v});
  std::sort(all.begin(), all.end());
  return all;
}

template <class Sink>
topology sums(const std::shared_ptr<outside>& world, std::size_t parallelism) {
  topology_builder builder{"sums"};
  auto source = builder.spout("numbers", partitioned_spout_probe{partitions, each}, {.parallelism = 2});
  auto summed = builder.bolt("sums", sum_by_key{}, {.parallelism = parallelism}).input(source, key_grouping{key_of{}});
  bolt_options options;
  options.parallelism = deciding_sink<Sink> ? 1 : 2;
  builder.sink("out", Sink{world}, options).input(summed, shuffle_grouping{});
  return builder.build();
}

batch_options kept_in(simulated_files& files, batch_options o = {}) {
  o = batches_of(10, std::move(o));
  o.workers = 1;
  o.checkpoints.directory = "/kept";
  o.checkpoints.files = &files;
  o.checkpoints.log_bytes = 600;
  return o;
}

/// Runs it again until it has come to its end.
template <class Sink>
void finish(simulated_files& files, const std::shared_ptr<outside>& world, std::size_t parallelism) {
  world->crash_at = ~std::uint64_t{0};
  batch_executor{kept_in(files)}.start(sums<Sink>(world, parallelism)).wait();
}

template <class Sink>
class checkpointed_batches : public ::testing::Test {};
using both_sinks = ::testing::Types<epoch_sink, transaction_sink>;
TYPED_TEST_SUITE(checkpointed_batches, both_sinks);

TYPED_TEST(checkpointed_batches, go_on_behind_every_crash_of_the_files) {
  random_source random(7);
  std::uint64_t lost = 0;
  std::shared_ptr<outside> world;
  const auto steps = testing::crash_at_every_step(
      random,
      [&](simulated_files& files) {
        world = std::make_shared<outside>();
        world->crash = [&files] { files.power_off(); };
        auto run = batch_executor{kept_in(files)}.start(sums<TypeParam>(world, 2));
        run.wait();
      },
      [&](simulated_files& files, std::uint64_t step) {
        finish<TypeParam>(files, world, 1 + step % 3);
        lost += sorted(world->visible) != wanted();
        EXPECT_EQ(sorted(world->visible), wanted()) << "power off at step " << step;
      });
  std::cout << "checkpointed_batches: steps=" << steps << " wrong=" << lost << "\n";
  EXPECT_GT(steps, 100u);
}

TYPED_TEST(checkpointed_batches, go_on_behind_every_crash_of_a_sink) {
  std::uint64_t crashes = 0;
  for (std::uint64_t at = 0;; ++at) {
    simulated_files files;
    auto world = std::make_shared<outside>();
    world->crash_at = at;
    world->crash = [&files] { files.power_off(); };
    const auto said = error_of([&] { batch_executor{kept_in(files)}.start(sums<TypeParam>(world, 3)).wait(); });
    if (world->calls <= at) break;
    ++crashes;
    EXPECT_THAT(said, HasSubstr("the process is gone"));
    random_source random(at);
    files.crash(random);
    finish<TypeParam>(files, world, 2);
    EXPECT_EQ(sorted(world->visible), wanted()) << "gone at call " << at;
  }
  std::cout << "checkpointed_batches: crashes=" << crashes << "\n";
  EXPECT_GT(crashes, 30u);
}

/// Under at_least_once a plain sink gets every row, and those of the batch that was under way perhaps again.
TEST(checkpoints_of_batches, give_a_plain_sink_every_row_at_least_once) {
  random_source random(3);
  std::shared_ptr<outside> world;
  std::uint64_t again = 0;
  const auto options = [](simulated_files& files) { return kept_in(files, {.guarantee = guarantee::at_least_once}); };
  const auto graph = [&] {
    topology_builder builder{"plain"};
    auto source = builder.spout("numbers", partitioned_spout_probe{partitions, each}, {.parallelism = 2});
    auto summed = builder.bolt("sums", sum_by_key{}, {.parallelism = 2}).input(source, key_grouping{key_of{}});
    const auto write = [world](const row& r) {
      std::lock_guard lock(world->mutex);
      world->visible.push_back(r);
    };
    builder.sink("out", write).input(summed, global_grouping{});
    return builder.build();
  };
  testing::crash_at_every_step(
      random,
      [&](simulated_files& files) {
        world = std::make_shared<outside>();
        batch_executor{options(files)}.start(graph()).wait();
      },
      [&](simulated_files& files, std::uint64_t step) {
        batch_executor{options(files)}.start(graph()).wait();
        const auto got = sorted(world->visible), all = wanted();
        EXPECT_TRUE(std::includes(got.begin(), got.end(), all.begin(), all.end())) << "power off at step " << step;
        EXPECT_LE(got.size(), all.size() + 10) << "power off at step " << step;  // a batch
        again += got.size() - all.size();
      });
  EXPECT_GT(again, 0u);
}

/// Faults of the files that a run survives only by ending: whatever it is, the next goes on.
TYPED_TEST(checkpointed_batches, go_on_behind_a_file_that_failed) {
  using testing::file_fault;
  using testing::file_operation;
  struct fault {
    file_operation of;
    file_fault how;
  };
  std::uint64_t faults = 0;
  for (const auto& [of, how] :
       {fault{file_operation::append, file_fault::no_space}, fault{file_operation::append, file_fault::short_write},
        fault{file_operation::append, file_fault::device_error}, fault{file_operation::sync, file_fault::device_error},
        fault{file_operation::sync, file_fault::dropped_sync},
        fault{file_operation::sync_folder, file_fault::device_error},
        fault{file_operation::create, file_fault::no_space}})
    for (std::uint64_t before = 0;; before += 3) {
      simulated_files files;
      auto world = std::make_shared<outside>();
      files.fail(of, "/kept", how, before);
      (void)error_of([&] { batch_executor{kept_in(files)}.start(sums<TypeParam>(world, 2)).wait(); });
      if (files.faults_done() == 0) break;
      ++faults;
      files.forget_faults();
      random_source random(before);
      files.crash(random);
      finish<TypeParam>(files, world, 2);
      EXPECT_EQ(sorted(world->visible), wanted())
          << to_string(of) << " failed after " << before << ", fault " << static_cast<int>(how);
    }
  std::cout << "checkpointed_batches: faults=" << faults << "\n";
}

TEST(checkpoints_of_batches, a_run_whose_input_had_ended_has_nothing_left_to_do) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  finish<epoch_sink>(files, world, 2);
  const auto rows = world->visible.size();
  auto run = batch_executor{kept_in(files)}.start(sums<epoch_sink>(world, 2));
  run.wait();
  EXPECT_EQ(run.metrics().batches_done, 0u);
  EXPECT_EQ(world->visible.size(), rows);
}

TEST(checkpoints_of_batches, make_of_a_shutdown_a_stop) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  const auto graph = sums<epoch_sink>(world, 2);
  {
    auto run = batch_executor{kept_in(files)}.start(graph);
    run.request_shutdown();
    run.wait();
  }
  batch_executor{kept_in(files)}.start(graph).wait();  // it was not the end
  EXPECT_EQ(sorted(world->visible), wanted());
}

TEST(checkpoints_of_batches, cover_the_positions_that_are_committed) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  partitioned_spout_probe spout{partitions, each};
  topology_builder builder{"sums"};
  auto summed = builder.bolt("sums", sum_by_key{}).input(builder.spout("numbers", spout), key_grouping{key_of{}});
  builder.sink("out", epoch_sink{world}).input(summed);
  batch_executor{kept_in(files)}.start(builder.build()).wait();
  std::lock_guard lock(spout.probe().mutex);
  for (partition_id p = 0; p < partitions; ++p) EXPECT_EQ(spout.probe().committed[p], static_cast<std::uint64_t>(each));
}

/// A run of some batches, stopped before its end.
void run_a_little(simulated_files& files, const topology& graph) {
  auto run = batch_executor{kept_in(files)}.start(graph);
  while (run.metrics().batches_done < 2) std::this_thread::yield();
  run.stop();
}

topology with_names(const std::shared_ptr<outside>& world, const std::string& bolt, std::uint32_t max_parallelism) {
  topology_builder builder{"sums"};
  auto source = builder.spout("numbers", partitioned_spout_probe{partitions, 400});
  auto summed =
      builder.bolt(bolt, sum_by_key{}, {.max_parallelism = max_parallelism}).input(source, key_grouping{key_of{}});
  builder.sink("out", epoch_sink{world}).input(summed);
  return builder.build();
}

TEST(checkpoints_of_batches, belong_to_nodes_by_their_names) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  run_a_little(files, with_names(world, "sums", 128));
  const auto renamed = with_names(world, "totals", 128);
  const auto said = error_of([&] { batch_executor{kept_in(files)}.start(renamed).wait(); });
  EXPECT_THAT(said, HasSubstr("it has state of bolt \"sums\", and the topology has no node of that name"));
  EXPECT_THAT(said, HasSubstr("checkpoints.allow_dropped_state"));
  EXPECT_THAT(error_of([&] { batch_executor{kept_in(files)}.start(with_names(world, "sums", 64)).wait(); }),
              HasSubstr("bolt \"sums\" has max_parallelism 64, and the checkpoint 128"));

  auto options = kept_in(files);
  options.checkpoints.allow_dropped_state = {"sums"};
  batch_executor{options}.start(renamed).wait();
  EXPECT_EQ(world->visible.size(), static_cast<std::size_t>(partitions) * 400);
}

struct text_by_key {
  using state = std::string;
  row process(int value, state& s) {
    s += 'x';
    return {value, static_cast<long>(s.size())};
  }
};

TEST(checkpoints_of_batches, belong_to_states_of_a_type) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  run_a_little(files, with_names(world, "sums", 128));
  topology_builder builder{"sums"};
  auto texts = builder.bolt("sums", text_by_key{})
                   .input(builder.spout("numbers", partitioned_spout_probe{partitions, 400}), key_grouping{key_of{}});
  builder.sink("out", epoch_sink{world}).input(texts);
  EXPECT_THAT(error_of([&] { batch_executor{kept_in(files)}.start(builder.build()).wait(); }),
              HasSubstr("bolt \"sums\" keeps std::string by int, and the checkpoint has std::int64_t by int"));
}

/// A sum that nobody can write down.
class secret {
 public:
  int add(int v) { return sum_ += v; }

 private:
  int sum_ = 0;
};
struct forgets {
  using state = transient<secret>;
  int process(int v, state& s) { return s->add(v); }
};

TEST(checkpoints_of_batches, are_refused_where_a_crash_would_lose_or_double_something) {
  simulated_files files;
  topology_builder builder{"doubtful"};
  auto source = builder.spout("pushed", push_like_spout{});
  builder.sink("plain", collect_sink<int>{})
      .input(builder.bolt("forgets", forgets{}).input(source, key_grouping{last_digit{}}));
  builder.sink("decides", transaction_sink{std::make_shared<outside>()}, {.parallelism = 2})
      .input(builder.bolt("rows",
                          [](int v) {
                            return row{v, v};
                          })
                 .input(source),
             shuffle_grouping{});
  const auto graph = builder.build();
  try {
    (void)batch_executor{kept_in(files)}.start(graph);
    FAIL();
  } catch (const topology_error& e) {
    EXPECT_THAT(e.mistakes(),
                ::testing::UnorderedElementsAre(
                    HasSubstr("spout \"pushed\" can't be read again"), HasSubstr("sink \"plain\" has no epochs"),
                    HasSubstr("bolt \"forgets\" keeps state of type"),
                    HasSubstr("sink \"decides\" decides whether an epoch counts, so it must "
                              "have one task, not 2")));
  }
}

TEST(checkpoints_of_batches, are_of_one_run_at_a_time) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  const auto graph = with_names(world, "sums", 128);
  auto run = batch_executor{kept_in(files)}.start(graph);
  EXPECT_THAT(error_of([&] { (void)batch_executor{kept_in(files)}.start(graph); }), HasSubstr("/kept"));
  run.stop();
}

TEST(checkpoints_of_batches, go_on_from_an_older_one_in_a_new_history) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  const auto graph = with_names(world, "sums", 128);
  run_a_little(files, graph);
  const auto first = world->visible.size();
  EXPECT_GT(first, 0u);
  auto options = kept_in(files);
  options.checkpoints.resume_from = 1;  // the beginning
  batch_executor{options}.start(graph).wait();
  EXPECT_EQ(world->visible.size(), first + static_cast<std::size_t>(partitions) * 400);
}

TEST(checkpoints_of_batches, include_savepoints_that_stay) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  const auto graph = with_names(world, "sums", 128);
  std::uint64_t first = 0;
  std::size_t rows = 0;
  {
    auto run = batch_executor{kept_in(files)}.start(graph);
    while (run.metrics().batches_done < 2) std::this_thread::yield();
    run.pause();
    first = run.savepoint();
    {
      std::lock_guard lock(world->mutex);
      rows = world->visible.size();
    }
    EXPECT_GT(run.savepoint(), first);  // also where nothing has happened since
    run.resume();
    run.wait();
    EXPECT_THAT(error_of([&] { (void)run.savepoint(); }), HasSubstr("the run is over"));
  }
  const auto all = world->visible.size();
  EXPECT_EQ(all, static_cast<std::size_t>(partitions) * 400);
  auto options = kept_in(files);
  options.checkpoints.resume_from = first;
  batch_executor{options}.start(graph).wait();
  EXPECT_EQ(world->visible.size() - all, all - rows);  // what came after it, once more
}

TEST(checkpoints_of_batches, are_needed_for_a_savepoint) {
  auto run = batch_executor{batches_of(10)}.start(with_names(std::make_shared<outside>(), "sums", 128));
  EXPECT_THAT(error_of([&] { (void)run.savepoint(); }), HasSubstr("give its executor a checkpoints.directory"));
  run.wait();
}

TEST(checkpoints_of_batches, are_gone_on_from_by_the_runs_that_follow_a_failure) {
  for (std::uint64_t at = 5; at < 60; at += 5) {
    simulated_files files;
    auto world = std::make_shared<outside>();
    world->crash_at = at;
    world->crash = [&world] { world->crash_at = ~std::uint64_t{0}; };  // once
    auto options = kept_in(files);
    options.max_task_attempts = 1;
    auto run = restarting_executor{batch_executor{options}, {.first = 1us, .longest = 1us, .log = {}}}.start(
        sums<epoch_sink>(world, 2));
    run.wait();
    EXPECT_EQ(sorted(world->visible), wanted()) << "failed at call " << at;
  }
}

}  // namespace
}  // namespace freshet
