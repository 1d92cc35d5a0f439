#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/error_of.hpp"
#include "batch/batch_run.hpp"
#include "event/event_run.hpp"
#include "freshet/connect/file/epoch_sink.hpp"
#include "freshet/runtime/restarting_executor.hpp"
#include "runtime/checkpoint_scene.hpp"

// A run that goes on where another was, whatever ended that, and on whichever engine.
namespace freshet {
namespace {

using namespace checkpoint_tests;
using ::testing::HasSubstr;

template <class Sink>
topology sums(const std::shared_ptr<outside>& world, std::size_t parallelism) {
  topology_builder builder{"sums"};
  auto source = builder.spout("numbers", paced_numbers{world, partitions, each}, {.parallelism = 2});
  auto summed = builder.bolt("sums", sum_by_key{}, {.parallelism = parallelism}).input(source, key_grouping{key_of{}});
  bolt_options options;
  options.parallelism = deciding_sink<Sink> ? 1 : 2;
  builder.sink("out", Sink{world}, options).input(summed, shuffle_grouping{});
  return builder.build();
}

/// Runs it again until it has come to its end.
template <class Engine, class Sink>
void finish(simulated_files& files, const std::shared_ptr<outside>& world, std::size_t parallelism) {
  world->crash_at = ~std::uint64_t{0};
  world->one_poll_an_epoch = false;
  Engine::in(files).start(sums<Sink>(world, parallelism)).wait();
}

/// The engine that is stopped, the one that goes on, and what they write to.
template <class First, class Then, class Sink>
struct lives {
  using first = First;
  using then = Then;
  using sink = Sink;
};
template <class Lives>
class runs_that_go_on : public ::testing::Test {};
using all_lives =
    ::testing::Types<lives<batches, batches, epoch_sink>, lives<batches, batches, transaction_sink>,
                     lives<events, events, epoch_sink>, lives<events, events, transaction_sink>,
                     lives<batches, events, epoch_sink>, lives<batches, events, transaction_sink>,
                     lives<events, batches, epoch_sink>, lives<events, batches, transaction_sink>,
                     lives<events, events, overlapping_epoch_sink>, lives<events, batches, overlapping_epoch_sink>>;
TYPED_TEST_SUITE(runs_that_go_on, all_lives);

template <class Engine>
class checkpoints_of : public ::testing::Test {};
using both_engines = ::testing::Types<batches, events>;
TYPED_TEST_SUITE(checkpoints_of, both_engines);

TYPED_TEST(runs_that_go_on, behind_every_crash_of_the_files) {
  random_source random(7);
  std::uint64_t lost = 0;
  std::shared_ptr<outside> world;
  const auto steps = testing::crash_at_every_step(
      random,
      [&](simulated_files& files) {
        world = std::make_shared<outside>();
        world->one_poll_an_epoch = TypeParam::first::has_epochs_by_time;
        world->crash = [&files] { files.power_off(); };
        auto run = TypeParam::first::in(files).start(sums<typename TypeParam::sink>(world, 2));
        run.wait();
      },
      [&](simulated_files& files, std::uint64_t step) {
        finish<typename TypeParam::then, typename TypeParam::sink>(files, world, 1 + step % 3);
        lost += sorted(world->visible) != wanted();
        EXPECT_EQ(sorted(world->visible), wanted()) << "power off at step " << step;
      },
      stride());
  std::cout << "runs_that_go_on: steps=" << steps << " wrong=" << lost << "\n";
  EXPECT_GT(steps, 100u);
}

TYPED_TEST(runs_that_go_on, behind_every_crash_of_a_sink) {
  std::uint64_t crashes = 0;
  for (std::uint64_t at = 0;; at += stride()) {
    simulated_files files;
    auto world = std::make_shared<outside>();
    world->one_poll_an_epoch = TypeParam::first::has_epochs_by_time;
    world->crash_at = at;
    world->crash = [&files] { files.power_off(); };
    const auto said =
        error_of([&] { TypeParam::first::in(files).start(sums<typename TypeParam::sink>(world, 3)).wait(); });
    if (world->calls <= at) break;
    crashes += stride();
    EXPECT_THAT(said, ::testing::AnyOf(HasSubstr("the process is gone"), HasSubstr("power")));
    random_source random(at);
    files.crash(random);
    finish<typename TypeParam::then, typename TypeParam::sink>(files, world, 2);
    EXPECT_EQ(sorted(world->visible), wanted()) << "gone at call " << at;
  }
  std::cout << "runs_that_go_on: crashes=" << crashes << "\n";
  EXPECT_GT(crashes, 30u);
}

std::size_t rows_in(outside& world) {
  std::lock_guard lock(world.mutex);
  return world.visible.size();
}

/// What a run has shown may be taken away when it was stopped, and when its input has ended.
TYPED_TEST(runs_that_go_on, behind_a_stop_without_the_files_that_were_shown) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  world->one_poll_an_epoch = TypeParam::first::has_epochs_by_time;
  wishes options;
  options.how.log_bytes = 1 << 20;  // no checkpoint has the last epoch
  topology_builder builder{"files"};
  auto source = builder.spout("numbers", paced_numbers{world, partitions, each});
  const auto text = [](const row& r) { return std::to_string(r.first) + " " + std::to_string(r.second); };
  auto summed = builder.bolt("sums", sum_by_key{}).input(source, key_grouping{key_of{}});
  builder.sink("out", typename TypeParam::sink{world}).input(summed);
  builder.sink("files", file::epoch_sink{"/out", text, {.create_folders = true, .files = &files}}).input(summed);
  const auto graph = builder.build();
  std::vector<std::string> taken;
  const auto take_away = [&] {
    for (const auto& each_file : files.list("/out").value()) {
      if (each_file.name.starts_with('.')) continue;
      std::istringstream in(read_whole(files, "/out/" + each_file.name).value());
      for (std::string line; std::getline(in, line);) taken.push_back(line);
      ASSERT_TRUE(files.remove("/out/" + each_file.name));
    }
  };
  {
    auto run = TypeParam::first::in(files, options).start(graph);
    while (rows_in(*world) < partitions * each / 2) std::this_thread::yield();
    run.stop();
  }
  take_away();
  EXPECT_GE(taken.size(), static_cast<std::size_t>(partitions) * each / 2);
  world->one_poll_an_epoch = false;
  TypeParam::then::in(files, options).start(graph).wait();
  take_away();
  TypeParam::then::in(files, options).start(graph).wait();
  take_away();
  std::vector<std::string> all;
  for (const auto& r : wanted()) all.push_back(text(r));
  std::sort(all.begin(), all.end());
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ(taken, all);
  EXPECT_EQ(sorted(world->visible), wanted());
  EXPECT_EQ(world->commits_again, 0u);
  EXPECT_EQ(world->without_begin, 0u);
}

/// In a new history, so that sinks don't take for known what they get again; and from the last epoch in front of the
/// damage that is surely committed, so nothing is missing.
TYPED_TEST(runs_that_go_on, in_front_of_a_damaged_log_if_somebody_says_so) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  world->one_poll_an_epoch = TypeParam::first::has_epochs_by_time;
  wishes options;
  options.how.log_bytes = 1 << 20;  // one file has all epochs
  const auto graph = sums<typename TypeParam::sink>(world, 2);
  {
    auto run = TypeParam::first::in(files, options).start(graph);
    while (rows_in(*world) < partitions * each / 2) std::this_thread::yield();
    run.stop();
  }
  world->one_poll_an_epoch = false;
  const std::string log = "/kept/log/00000000000000000000.log";
  files.flip_bit(log, files.open(log).value()->size().value() / 2);
  EXPECT_THAT(
      error_of([&] { (void)TypeParam::then::in(files, options).start(graph); }),
      ::testing::AllOf(HasSubstr("is damaged at byte"), HasSubstr("Allowed when_damaged::use_older, the run ")));

  const auto before = world->visible.size();
  options.how.damaged = when_damaged::use_older;
  TypeParam::then::in(files, options).start(graph).wait();
  options.how.damaged = when_damaged::refuse;
  TypeParam::then::in(files, options).start(graph).wait();  // there is nothing to refuse any more
  const auto all = wanted();
  EXPECT_EQ(std::set<row>(world->visible.begin(), world->visible.end()), std::set<row>(all.begin(), all.end()));
  EXPECT_GT(world->visible.size(), all.size());
  EXPECT_LT(world->visible.size(), before + all.size());  // not from the beginning
}

template <class Engine, class First, class Second>
struct two_sinks {
  using engine = Engine;
  using first = First;
  using second = Second;
};
template <class Sinks>
class runs_with_two_sinks : public ::testing::Test {
 protected:
  using engine = typename Sinks::engine;
  topology graph() const {
    topology_builder builder{"sums"};
    auto source = builder.spout("numbers", paced_numbers{world, partitions, each});
    auto summed = builder.bolt("sums", sum_by_key{}, {.parallelism = 2}).input(source, key_grouping{key_of{}});
    builder.sink("first", typename Sinks::first{world}).input(summed, shuffle_grouping{});
    builder.sink("second", typename Sinks::second{other}).input(summed, shuffle_grouping{});
    return builder.build();
  }
  /// All calls of sinks fail from the one on, and the next run has to make the best of it. False: so many there are
  /// not.
  bool fail_at(std::uint64_t call, bool ends_process) {
    simulated_files files;
    world = std::make_shared<outside>();
    other = std::make_shared<outside>();
    other->beside = world;
    world->one_poll_an_epoch = engine::has_epochs_by_time;
    world->crash_at = call;
    world->ends_process = ends_process;
    if (ends_process) world->crash = [&files] { files.power_off(); };
    (void)error_of([&] { engine::in(files).start(graph()).wait(); });
    if (world->calls <= call) return false;
    if (ends_process) {
      random_source random(call);
      files.crash(random);
    }
    world->crash_at = ~std::uint64_t{0};
    world->one_poll_an_epoch = false;
    engine::in(files).start(graph()).wait();
    EXPECT_EQ(sorted(world->visible), wanted()) << "failed at call " << call;
    EXPECT_EQ(sorted(other->visible), wanted()) << "failed at call " << call;
    return true;
  }

  std::shared_ptr<outside> world, other;
};
using pairs_of_sinks =
    ::testing::Types<two_sinks<batches, epoch_sink, epoch_sink>, two_sinks<batches, epoch_sink, transaction_sink>,
                     two_sinks<batches, transaction_sink, epoch_sink>, two_sinks<events, epoch_sink, epoch_sink>,
                     two_sinks<events, epoch_sink, transaction_sink>, two_sinks<events, transaction_sink, epoch_sink>,
                     two_sinks<events, overlapping_epoch_sink, epoch_sink>,
                     two_sinks<events, transaction_sink, overlapping_epoch_sink>>;
TYPED_TEST_SUITE(runs_with_two_sinks, pairs_of_sinks);

/// Whichever comes first in the topology: what one has committed alone must not be made again.
TYPED_TEST(runs_with_two_sinks, go_on_behind_every_crash_of_a_sink) {
  std::uint64_t crashes = 0;
  for (; this->fail_at(crashes, true); crashes += stride()) {}
  EXPECT_GT(crashes, 30u);
}

/// What is prepared counts, also where the other sink can't commit it.
TYPED_TEST(runs_with_two_sinks, go_on_behind_every_call_that_failed_for_good) {
  std::uint64_t failures = 0;
  for (; this->fail_at(failures, false); failures += stride()) {}
  EXPECT_GT(failures, 30u);
}

/// Under at_least_once a plain sink gets every row, and those that came since the newest epoch perhaps again.
TYPED_TEST(checkpoints_of, give_a_plain_sink_every_row_at_least_once) {
  random_source random(3);
  std::shared_ptr<outside> world;
  std::uint64_t again = 0;
  const wishes options{.guarantee = guarantee::at_least_once};
  const auto graph = [&] {
    topology_builder builder{"plain"};
    auto source = builder.spout("numbers", paced_numbers{world, partitions, each}, {.parallelism = 2});
    const auto write = [world](int v) {
      std::lock_guard lock(world->mutex);
      world->visible.push_back({v, v});
    };
    builder.sink("out", write, {.parallelism = 2}).input(source, key_grouping{key_of{}});
    return builder.build();
  };
  std::vector<row> all;
  for (int v = 0; v < partitions * each; ++v) all.push_back({v, v});
  testing::crash_at_every_step(
      random,
      [&](simulated_files& files) {
        world = std::make_shared<outside>();
        world->one_poll_an_epoch = TypeParam::has_epochs_by_time;
        TypeParam::in(files, options).start(graph()).wait();
      },
      [&](simulated_files& files, std::uint64_t step) {
        world->one_poll_an_epoch = false;
        TypeParam::in(files, options).start(graph()).wait();
        const auto got = sorted(world->visible);
        EXPECT_TRUE(std::includes(got.begin(), got.end(), all.begin(), all.end())) << "power off at step " << step;
        EXPECT_LE(got.size(), all.size() + TypeParam::most_again) << "power off at step " << step;
        again += got.size() - all.size();
      },
      stride());
  EXPECT_GT(again, 0u);
}

/// Under at_least_once a sink with epochs shows each row once in batches. In events a message may have been written in
/// an epoch whose position is before it, and comes again.
TYPED_TEST(checkpoints_of, give_a_sink_with_epochs_every_row_under_at_least_once) {
  random_source random(5);
  std::shared_ptr<outside> world;
  const wishes options{.guarantee = guarantee::at_least_once};
  const auto graph = [&] {
    topology_builder builder{"epochs"};
    auto source = builder.spout("numbers", paced_numbers{world, partitions, each}, {.parallelism = 2});
    auto rows = builder.bolt("rows", [](int v) { return row{v, v}; }).input(source, shuffle_grouping{});
    builder.sink("out", epoch_sink{world}, {.parallelism = 2}).input(rows, shuffle_grouping{});
    return builder.build();
  };
  std::vector<row> all;
  for (int v = 0; v < partitions * each; ++v) all.push_back({v, v});
  std::uint64_t again = 0;
  testing::crash_at_every_step(
      random,
      [&](simulated_files& files) {
        world = std::make_shared<outside>();
        world->one_poll_an_epoch = TypeParam::has_epochs_by_time;
        TypeParam::in(files, options).start(graph()).wait();
      },
      [&](simulated_files& files, std::uint64_t step) {
        world->one_poll_an_epoch = false;
        TypeParam::in(files, options).start(graph()).wait();
        const auto got = sorted(world->visible);
        EXPECT_TRUE(std::includes(got.begin(), got.end(), all.begin(), all.end())) << "power off at step " << step;
        if (!TypeParam::has_epochs_by_time) { EXPECT_EQ(got, all) << "power off at step " << step; }
        again += got.size() - all.size();
      },
      stride());
  std::cout << "checkpoints_of: again=" << again << "\n";
  EXPECT_EQ(again != 0, TypeParam::has_epochs_by_time);  // as examples/promises.md says
}

/// Faults of the files that a run survives only by ending: whatever it is, the next goes on.
TYPED_TEST(runs_that_go_on, behind_a_file_that_failed) {
  using testing::file_fault;
  using testing::file_operation;
  struct fault {
    file_operation of;
    file_fault how;
  };
  std::uint64_t faults = 0, ended = 0;
  for (const auto& [of, how] :
       {fault{file_operation::append, file_fault::no_space}, fault{file_operation::append, file_fault::short_write},
        fault{file_operation::append, file_fault::device_error}, fault{file_operation::sync, file_fault::device_error},
        fault{file_operation::sync, file_fault::dropped_sync},
        fault{file_operation::sync_folder, file_fault::device_error},
        fault{file_operation::create, file_fault::no_space}})
    for (std::uint64_t before = 0;; before += 3 * stride()) {
      simulated_files files;
      auto world = std::make_shared<outside>();
      world->one_poll_an_epoch = TypeParam::first::has_epochs_by_time;
      files.fail(of, "/kept", how, before);
      const auto why =
          error_of([&] { TypeParam::first::in(files).start(sums<typename TypeParam::sink>(world, 2)).wait(); });
      if (files.faults_done() == 0) {
        EXPECT_GT(before, 0u) << "no " << to_string(of) << " has failed";
        break;
      }
      ++faults;
      if (why != "no error") {
        ++ended;
        EXPECT_THAT(why, HasSubstr("\"/kept")) << to_string(of) << " failed after " << before;
      }
      files.forget_faults();
      random_source random(before);
      files.crash(random);
      finish<typename TypeParam::then, typename TypeParam::sink>(files, world, 2);
      EXPECT_EQ(sorted(world->visible), wanted())
          << to_string(of) << " failed after " << before << ", fault " << static_cast<int>(how);
    }
  EXPECT_GT(ended, 0u);
  std::cout << "runs_that_go_on: faults=" << faults << " ended=" << ended << "\n";
}

TYPED_TEST(checkpoints_of, a_run_whose_input_had_ended_has_nothing_left_to_do) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  finish<TypeParam, epoch_sink>(files, world, 2);
  const auto rows = world->visible.size();
  auto run = TypeParam::in(files).start(sums<epoch_sink>(world, 2));
  run.wait();
  EXPECT_EQ(world->visible.size(), rows);
}

TYPED_TEST(checkpoints_of, make_of_a_shutdown_a_stop) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  const auto graph = sums<epoch_sink>(world, 2);
  {
    auto run = TypeParam::in(files).start(graph);
    run.request_shutdown();
    run.wait();
  }
  TypeParam::in(files).start(graph).wait();  // it was not the end
  EXPECT_EQ(sorted(world->visible), wanted());
}

TYPED_TEST(checkpoints_of, cover_the_positions_that_are_committed) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  paced_numbers spout{world, partitions, each};
  topology_builder builder{"sums"};
  auto summed = builder.bolt("sums", sum_by_key{}).input(builder.spout("numbers", spout), key_grouping{key_of{}});
  builder.sink("out", epoch_sink{world}).input(summed);
  TypeParam::in(files).start(builder.build()).wait();
  std::lock_guard lock(spout.probe().mutex);
  for (partition_id p = 0; p < partitions; ++p) EXPECT_EQ(spout.probe().committed[p], static_cast<std::uint64_t>(each));
}

/// A run of some batches, stopped before its end. It keeps its first checkpoint, however late somebody looks at it.
template <class Engine>
void run_a_little(simulated_files& files, const topology& graph) {
  wishes options;
  options.how.keep = 10'000;
  auto run = Engine::in(files, options).start(graph);
  while (!Engine::has_come_on(run)) std::this_thread::yield();
  run.stop();
}

topology with_names(const std::shared_ptr<outside>& world, const std::string& bolt, std::uint32_t max_parallelism) {
  topology_builder builder{"sums"};
  auto source = builder.spout("numbers", paced_numbers{world, partitions, 400});
  auto summed =
      builder.bolt(bolt, sum_by_key{}, {.max_parallelism = max_parallelism}).input(source, key_grouping{key_of{}});
  builder.sink("out", epoch_sink{world}).input(summed);
  return builder.build();
}

TYPED_TEST(checkpoints_of, belong_to_nodes_by_their_names) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  run_a_little<TypeParam>(files, with_names(world, "sums", 128));
  const auto renamed = with_names(world, "totals", 128);
  const auto said = error_of([&] { TypeParam::in(files).start(renamed).wait(); });
  EXPECT_THAT(said, HasSubstr("it has state of bolt \"sums\", and the topology has no node of that name"));
  EXPECT_THAT(said, HasSubstr("checkpoints.allow_dropped_state"));
  EXPECT_THAT(error_of([&] { TypeParam::in(files).start(with_names(world, "sums", 64)).wait(); }),
              HasSubstr("bolt \"sums\" has max_parallelism 64, and the checkpoint 128"));

  wishes options;
  options.how.allow_dropped_state = {"sums"};
  TypeParam::in(files, options).start(renamed).wait();
  EXPECT_EQ(world->visible.size(), static_cast<std::size_t>(partitions) * 400);
}

struct text_by_key {
  using state = std::string;
  row process(int value, state& s) {
    s += 'x';
    return {value, static_cast<long>(s.size())};
  }
};

TYPED_TEST(checkpoints_of, belong_to_states_of_a_type) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  run_a_little<TypeParam>(files, with_names(world, "sums", 128));
  topology_builder builder{"sums"};
  auto texts = builder.bolt("sums", text_by_key{})
                   .input(builder.spout("numbers", paced_numbers{world, partitions, 400}), key_grouping{key_of{}});
  builder.sink("out", epoch_sink{world}).input(texts);
  EXPECT_THAT(error_of([&] { TypeParam::in(files).start(builder.build()).wait(); }),
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

TYPED_TEST(checkpoints_of, are_refused_where_a_crash_would_lose_or_double_something) {
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
    (void)TypeParam::in(files).start(graph);
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

/// Can be read again, and doesn't say by what name.
struct nameless_numbers {
  poll_status poll(spout_emitter<int>&) { return poll_status::ended(); }
  void read(const position_range&, spout_emitter<int>&) {}
  void seek(const position&) {}
  void commit(const position&) {}
};

TYPED_TEST(checkpoints_of, need_names_of_partitions) {
  simulated_files files;
  topology_builder builder{"nameless"};
  const auto to_row = [](int v) { return row{v, v}; };
  auto rows = builder.bolt("rows", to_row).input(builder.spout("numbers", nameless_numbers{}));
  builder.sink("out", epoch_sink{std::make_shared<outside>()}).input(rows);
  EXPECT_THAT(error_of([&] { (void)TypeParam::in(files).start(builder.build()); }),
              HasSubstr("spout \"numbers\" can be read again but names no partitions"));
}

TYPED_TEST(checkpoints_of, are_of_one_run_at_a_time) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  const auto graph = with_names(world, "sums", 128);
  auto run = TypeParam::in(files).start(graph);
  EXPECT_THAT(error_of([&] { (void)TypeParam::in(files).start(graph); }), HasSubstr("/kept"));
  run.stop();
}

TYPED_TEST(checkpoints_of, go_on_from_an_older_one_in_a_new_history) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  const auto graph = with_names(world, "sums", 128);
  run_a_little<TypeParam>(files, graph);
  const auto first = world->visible.size();
  EXPECT_GT(first, 0u);
  wishes options;
  options.how.resume_from = 1;  // the beginning
  TypeParam::in(files, options).start(graph).wait();
  EXPECT_EQ(world->visible.size(), first + static_cast<std::size_t>(partitions) * 400);
}

/// The numbers of the checkpoints that are there.
std::set<std::uint64_t> epochs_in(simulated_files& files) {
  std::set<std::uint64_t> all;
  for (const auto& each : files.list("/kept").value())
    if (each.name.ends_with(".checkpoint")) all.insert(std::stoull(each.name));
  return all;
}
std::set<std::string> histories_in(outside& world) {
  std::set<std::string> all;
  std::lock_guard lock(world.mutex);
  for (const auto& name : world.committed) all.insert(name.substr(0, name.find('-')));
  return all;
}

/// States and positions are those of the older one, so what came behind it comes once more, with the same sums; and in
/// a history of its own, or the sink would take it for known.
TYPED_TEST(checkpoints_of, are_passed_over_where_the_newest_is_damaged_if_somebody_says_so) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  world->one_poll_an_epoch = TypeParam::has_epochs_by_time;  // or it may be over within one
  const auto graph = with_names(world, "sums", 128);
  {
    auto run = TypeParam::in(files).start(graph);
    while (epochs_in(files).size() < 2) std::this_thread::yield();
    run.stop();
  }
  world->one_poll_an_epoch = false;
  const auto newest = *epochs_in(files).rbegin();
  for (const auto& file : files.list("/kept").value())
    if (file.name.starts_with(std::to_string(newest) + "-")) files.flip_bit("/kept/" + file.name, file.size / 2);
  EXPECT_THAT(error_of([&] { (void)TypeParam::in(files).start(graph); }), HasSubstr("is damaged"));
  EXPECT_EQ(histories_in(*world).size(), 1u);

  wishes options;
  options.how.damaged = when_damaged::use_older;
  TypeParam::in(files, options).start(graph).wait();
  std::set<row> all;
  std::map<int, long> sums;
  for (int v = 0; v < partitions * 400; ++v) all.insert({key_of{}(v), sums[key_of{}(v)] += v});
  EXPECT_EQ(std::set<row>(world->visible.begin(), world->visible.end()), all);
  EXPECT_GT(world->visible.size(), static_cast<std::size_t>(partitions) * 400);
  EXPECT_EQ(histories_in(*world).size(), 2u);
}

/// What an epoch_sink has committed of epochs up to this one.
std::size_t rows_up_to(std::uint64_t epoch, outside& world) {
  std::lock_guard lock(world.mutex);
  std::size_t n = 0;
  for (const auto& [name, rows] : world.prepared)
    if (world.committed.count(name) && std::stoull(name.substr(name.find('-') + 1)) <= epoch) n += rows.size();
  return n;
}

TYPED_TEST(checkpoints_of, include_savepoints_that_stay) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  // It is not over before it is paused.
  world->one_poll_an_epoch = TypeParam::has_epochs_by_time;
  if (!TypeParam::has_epochs_by_time) world->polls = 40;
  const auto graph = with_names(world, "sums", 128);
  std::uint64_t first = 0;
  {
    auto run = TypeParam::in(files).start(graph);
    while (!TypeParam::has_come_on(run)) std::this_thread::yield();
    run.pause();
    first = run.savepoint();
    EXPECT_GT(run.savepoint(), first);  // also where nothing has happened since
    world->polls = outside{}.polls.load();
    run.resume();
    run.wait();
    EXPECT_THAT(error_of([&] { (void)run.savepoint(); }), HasSubstr("the run is over"));
  }
  const auto all = world->visible.size(), rows = rows_up_to(first, *world);
  EXPECT_EQ(all, static_cast<std::size_t>(partitions) * 400);
  EXPECT_GT(rows, 0u);
  EXPECT_LT(rows, all);
  wishes options;
  options.how.resume_from = first;
  TypeParam::in(files, options).start(graph).wait();
  EXPECT_EQ(world->visible.size() - all, all - rows);  // what came after it, once more
}

/// A sink that asks for a savepoint when its last epoch has been committed, and goes on when somebody waits for it.
struct asking_sink : epoch_sink {
  std::function<void()> ask;
  void close() { ask(); }
};

bool is_asked(event_run& run) { return run.epochs()->is_asked(); }
bool is_asked(batch_run& run) { return run.savepoints().is_asked(); }

/// Whoever asks before the end gets what the last epoch was, unless the run has failed.
template <class Run, class Engine>
void ask_at_the_end(bool fails) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  if (fails) world->crash_at = 1;
  std::optional<Run> run;
  std::uint64_t made = 0;
  std::string said;
  std::atomic<bool> is_answered{false};
  std::jthread asks;
  asking_sink sink{{world}, [&] {
                     asks = std::jthread([&] {
                       said = error_of([&] { made = run->savepoint(); });
                       is_answered = true;
                     });
                     while (!is_asked(*run) && !is_answered) std::this_thread::yield();
                   }};
  topology_builder builder{"sums"};
  auto source = builder.spout("numbers", paced_numbers{world, partitions, each});
  builder.sink("out", sink).input(builder.bolt("sums", sum_by_key{}).input(source, key_grouping{key_of{}}));
  run.emplace(builder.build(), Engine::options(files));
  run->start();
  EXPECT_TRUE(run->wait_until(std::chrono::steady_clock::time_point::max()));
  asks.join();
  run.reset();
  if (fails) {
    EXPECT_THAT(said, HasSubstr("the run is over: its last epoch is the newest in checkpoints.directory"));
    return;
  }
  EXPECT_EQ(said, "no error");
  EXPECT_EQ(sorted(world->visible), wanted());
  wishes options;
  options.how.resume_from = made;
  auto again = batches::in(files, options).start(sums<epoch_sink>(world, 1));
  again.wait();
  EXPECT_EQ(again.template query<long>("sums", 0), 0 + 10 + 20 + 30);
  EXPECT_EQ(sorted(world->visible), wanted()) << "there was nothing left to do";
}

TEST(a_savepoint, that_is_asked_for_while_a_run_in_events_ends_is_of_its_last_epoch) {
  ask_at_the_end<event_run, events>(false);
  ask_at_the_end<event_run, events>(true);
}
TEST(a_savepoint, that_is_asked_for_while_a_run_in_batches_ends_is_of_its_last_batch) {
  ask_at_the_end<batch_run, batches>(false);
  ask_at_the_end<batch_run, batches>(true);
}

TYPED_TEST(checkpoints_of, are_needed_for_a_savepoint) {
  topology_builder builder{"numbers"};
  builder.sink("out", collect_sink<int>{}).input(builder.spout("numbers", partitioned_spout_probe{partitions, each}));
  auto run = TypeParam::in_memory().start(builder.build());
  EXPECT_THAT(error_of([&] { (void)run.savepoint(); }), HasSubstr("give its executor a checkpoints.directory"));
  run.wait();
}

/// What came before the failure is not given up once more.
TYPED_TEST(checkpoints_of, are_gone_back_to_by_the_first_run_only) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  const auto graph = with_names(world, "sums", 128);
  run_a_little<TypeParam>(files, graph);
  const auto first = world->visible.size();
  wishes options;
  options.how.resume_from = 1;  // the beginning
  options.attempts = 1;
  world->crash_at = world->calls + 20;
  world->crash = [&world] { world->crash_at = ~std::uint64_t{0}; };  // once
  auto run = restarting_executor{TypeParam::in(files, options), {.first = 1us, .longest = 1us, .log = {}}}.start(graph);
  run.wait();
  EXPECT_EQ(world->visible.size(), first + static_cast<std::size_t>(partitions) * 400);
}

TYPED_TEST(checkpoints_of, are_gone_on_from_by_the_runs_that_follow_a_failure) {
  for (std::uint64_t at = 5; at < 60; at += 5) {
    simulated_files files;
    auto world = std::make_shared<outside>();
    world->crash_at = at;
    world->crash = [&world] { world->crash_at = ~std::uint64_t{0}; };  // once
    wishes options;
    options.attempts = 1;
    auto run = restarting_executor{TypeParam::in(files, options), {.first = 1us, .longest = 1us, .log = {}}}.start(
        sums<epoch_sink>(world, 2));
    run.wait();
    EXPECT_EQ(sorted(world->visible), wanted()) << "failed at call " << at;
  }
}

}  // namespace
}  // namespace freshet
