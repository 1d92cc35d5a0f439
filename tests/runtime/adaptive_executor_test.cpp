#include "freshet/adaptive/adaptive_executor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <thread>

#include "base/error_of.hpp"
#include "runtime/adaptive_scene.hpp"

namespace freshet {
namespace {

using namespace adaptive_tests;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// --- nothing lost, nothing doubled ---

template <class Sink>
class adaptive_runs : public ::testing::Test {};
using both_sinks = ::testing::Types<epoch_sink, transaction_sink>;
TYPED_TEST_SUITE(adaptive_runs, both_sinks);

TYPED_TEST(adaptive_runs, lose_and_double_nothing_over_many_switches) {
  using enum engine_kind;
  for (const auto& [first, each_run] : {std::pair{events, 2}, {batches, 7}, {batches, 50}, {events, 50}}) {
    scene s;
    s.first = first;
    s.each_run = each_run;
    auto run = s.start(s.sums<TypeParam>());
    run.wait();
    EXPECT_EQ(sorted(s.world->visible), wanted());
    EXPECT_EQ(s.world->commits_again, 0u);  // at a hand-over all is committed, and known to be
    EXPECT_EQ(s.world->without_begin, 0u);
    const auto switches = run.status().engine.switches;
    const auto most = static_cast<unsigned>(all_numbers / each_run);
    EXPECT_LE(switches, most);
    EXPECT_GE(switches, most - 1);  // the last run may find nothing left, and isn't needed then
    EXPECT_EQ(s.starts, static_cast<int>(switches) + 1);
  }
}

/// Sums by windows of event time: watermarks, and what is open, go from engine to engine.
TEST(adaptive_run, keeps_windows_open_over_switches) {
  const auto windows = [](const scene& s) {
    stream_builder builder{"windows"};
    builder.spout("numbers", allowed_numbers{s.left, partitions, each}, {.parallelism = 2})
        .event_time([](int v) { return event_time{} + std::chrono::milliseconds(v % each); }, {.bound = 3ms})
        .key_by([](int v) { return v % 4; })
        .window(tumbling{10ms})
        .aggregate("sums", aggregates::sum{[](int v) { return static_cast<long>(v); }}, {.parallelism = 2})
        .map("rows",
             [](const auto& w) {
               return row{w.key, w.value};
             })
        .to("out", epoch_sink{s.world}, {.parallelism = 2});
    return builder.build();
  };
  std::map<std::pair<int, int>, long> by_window;
  for (int v = 0; v < all_numbers; ++v) by_window[{v % each / 10, v % 4}] += v;
  std::vector<row> all;
  for (const auto& [of, sum] : by_window) all.push_back({of.second, sum});
  using enum engine_kind;
  for (const auto& [first, each_run] : {std::pair{batches, 7}, {events, 11}, {batches, 32}, {events, 32}}) {
    scene s;
    s.first = first;
    s.each_run = each_run;
    auto run = s.start(windows(s));
    run.wait();
    EXPECT_GE(run.status().engine.switches, static_cast<unsigned>(all_numbers / each_run - 1));
    EXPECT_EQ(sorted(s.world->visible), sorted(all)) << each_run << " numbers each run";
  }
}

TEST(adaptive_run, doubles_nothing_at_a_switch_under_at_least_once) {
  scene s;
  s.each_run = 7;
  s.options.guarantee = guarantee::at_least_once;
  topology_builder builder{"plain"};
  auto source = builder.spout("numbers", allowed_numbers{s.left, partitions, each}, {.parallelism = 2});
  const auto write = [world = s.world](const row& r) {
    std::lock_guard lock(world->mutex);
    world->visible.push_back(r);
  };
  builder.sink("out", write).input(builder.bolt("sums", sum_by_key{}).input(source, key_grouping{key_of{}}));
  auto run = s.start(builder.build());
  run.wait();
  EXPECT_EQ(sorted(s.world->visible), wanted());
  EXPECT_GE(run.status().engine.switches, 8u);
}

// --- crashes ---

/// An odd number, so that what differs between even and odd places is met. That a single engine goes on behind a crash
/// at any step is shown in checkpointed_runs_test.cpp.
std::uint64_t stride_of_steps() { return std::max<std::uint64_t>(11, 3 * stride()); }

TYPED_TEST(adaptive_runs, go_on_behind_every_crash_of_the_files) {
  random_source random(11);
  // What differs between the sinks is not what is in files.
  auto ways = std::vector{engine_kind::batches, engine_kind::events};
  if (deciding_sink<TypeParam>) ways.pop_back();
  for (const auto first : ways) {
    std::unique_ptr<scene> s;
    std::uint64_t in_a_switch = 0;
    const auto steps = testing::crash_at_every_step(
        random,
        [&](simulated_files& files) {
          s = std::make_unique<scene>();
          s->files = &files;
          s->first = first;
          s->each_run = 70;
          s->world->crash = [&files] { files.power_off(); };
          auto run = s->start(s->sums<TypeParam>());
          try {
            run.wait();
          } catch (const run_error& e) {
            in_a_switch += std::string(e.what()).find("was about to go on with") != std::string::npos;
            throw;
          }
        },
        [&](simulated_files& files, std::uint64_t step) {
          s->files = &files;
          if (step % 2) s->template finish<batches>(s->template sums<TypeParam>(1 + step % 3));
          else s->template finish<events>(s->template sums<TypeParam>(1 + step % 3));
          EXPECT_EQ(sorted(s->world->visible), wanted()) << "power off at step " << step;
        },
        stride_of_steps());
    std::cout << "adaptive_runs: steps=" << steps << " in a switch=" << in_a_switch << "\n";
    EXPECT_GT(steps, 100u);
    EXPECT_GT(in_a_switch, 5u);
  }
}

TYPED_TEST(adaptive_runs, go_on_behind_every_crash_of_a_sink) {
  for (const auto first : {engine_kind::batches, engine_kind::events}) {
    std::uint64_t crashes = 0;
    const auto stride_of_calls = std::max<std::uint64_t>(3, stride());
    for (std::uint64_t at = 0;; at += stride_of_calls) {
      scene s;
      s.first = first;
      s.world->crash_at = at;
      s.world->crash = [&s] { s.files->power_off(); };
      const auto said = error_of([&] { s.start(s.sums<TypeParam>(3)).wait(); });
      if (said == "no error") break;
      crashes += stride_of_calls;
      random_source random(at);
      s.files->crash(random);
      s.finish<events>(s.sums<TypeParam>(2));
      EXPECT_EQ(sorted(s.world->visible), wanted()) << "gone at call " << at;
    }
    std::cout << "adaptive_runs: crashes=" << crashes << "\n";
    EXPECT_GT(crashes, 30u);
  }
}

// --- what is asked while it switches ---

TEST(adaptive_run, is_stopped_at_every_step_of_a_switch) {
  std::uint64_t stops = 0;
  for (std::uint64_t at = 0;; at += stride_of_steps()) {
    scene s;
    s.first = at % 2 ? engine_kind::batches : engine_kind::events;
    s.each_run = 70;
    std::atomic<std::uint64_t> steps{0};
    s.wants_handle = true;
    s.files->on_step([&](const testing::file_step&) {
      if (s.handle && s.handle.load()->status().engine.switching && steps++ == at) s.handle.load()->request_stop();
    });
    auto run = s.start(s.sums<epoch_sink>());
    s.handle = &run;
    run.wait();
    s.files->on_step({});
    if (steps <= at) break;
    ++stops;
    EXPECT_EQ(run.status().state, run_state::finished);
    EXPECT_LT(s.world->visible.size(), wanted().size()) << "stopped at step " << at;
    s.finish<batches>(s.sums<epoch_sink>());  // nothing is at work there, and it was not the end
    EXPECT_EQ(sorted(s.world->visible), wanted()) << "stopped at step " << at;
  }
  std::cout << "adaptive_run: stops=" << stops << "\n";
  EXPECT_GT(stops, 5u);
}

TEST(adaptive_run, starts_nothing_behind_a_stop) {
  scene s;
  s.first = engine_kind::events;
  s.wants_handle = true;
  bool is_left = false;
  s.files->on_step([&](const testing::file_step&) {  // the last epoch of the run that is left
    if (!s.handle || is_left || !s.handle.load()->status().engine.switching) return;
    is_left = true;
    s.handle.load()->request_stop();
  });
  auto run = s.start(s.sums<epoch_sink>());
  s.handle = &run;
  run.wait();
  s.files->on_step({});
  EXPECT_TRUE(is_left);
  EXPECT_EQ(s.starts, 1);
  EXPECT_EQ(run.status().engine.at_work, "event_executor");
  EXPECT_FALSE(run.status().engine.switching);
}

/// Before the next run is started, and when it is but nobody knows it yet.
TEST(adaptive_run, hands_on_to_the_next_run_what_was_asked_during_a_switch) {
  for (const bool is_started : {false, true})
    for (const auto ask : {&topology_run::request_stop, &topology_run::request_drain}) {
      scene s;
      run_status during;
      (is_started ? s.behind : s.before) = [&] {
        (s.run().*ask)();
        during = s.run().status();
      };
      const auto graph = s.sums<epoch_sink>();
      auto run = s.start(graph);
      s.handle = &run;
      run.wait();
      const bool drains = ask == &topology_run::request_drain;
      EXPECT_EQ(during.state, drains ? run_state::draining : run_state::stopping);
      EXPECT_TRUE(during.engine.switching);
      EXPECT_EQ(run.status().state, run_state::finished);
      EXPECT_EQ(s.starts, 2);
      // A poll that was under way when the next run was told may take what that run was allowed.
      const auto read = s.world->visible.size();
      EXPECT_GE(read, 50u);
      EXPECT_LE(read, 100u);
      s.finish<events>(graph);
      EXPECT_EQ(s.world->visible.size(), drains ? read : wanted().size());  // a drain is the end of the input
    }
}

TEST(adaptive_run, takes_a_stop_behind_a_drain_for_a_stop) {
  scene s;
  s.before = [&] {
    s.run().request_drain();
    s.run().request_stop();
    s.run().request_drain();
  };
  auto run = s.start(s.sums<epoch_sink>());
  s.handle = &run;
  run.wait();
  s.finish<batches>(s.sums<epoch_sink>());
  EXPECT_EQ(sorted(s.world->visible), wanted());
}

TEST(adaptive_run, is_paused_over_a_switch_and_in_no_switch) {
  scene s;
  s.before = [&] { s.run().pause(); };
  auto run = s.start(s.sums<epoch_sink>());
  s.handle = &run;
  while (run.status().engine.switches == 0) std::this_thread::yield();
  EXPECT_EQ(run.status().state, run_state::paused);
  *s.left = 0;  // what a run that isn't paused would take for the reason to switch
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  EXPECT_EQ(run.status().engine.switches, 1u);
  s.before = [] {};
  *s.left = no_limit;
  run.resume();
  run.wait();
  EXPECT_EQ(sorted(s.world->visible), wanted());
}

TEST(adaptive_run, answers_queries_while_it_switches) {
  scene s;
  std::vector<long> answers;
  const auto ask = [&] {
    long sum = 0;
    for (int key = 0; key < partitions * 10; ++key)
      sum += s.run().query<sum_by_key::state>("sums", key / 10 * 10 + key % 10).value_or(0);
    answers.push_back(sum);
    EXPECT_FALSE(s.run().describe().empty());
    EXPECT_EQ(s.run().metrics().engine.at_work, s.run().status().engine.at_work);
  };
  s.before = s.behind = ask;
  auto run = s.start(s.sums<epoch_sink>());
  s.handle = &run;
  run.wait();
  ask();
  ASSERT_EQ(answers.size(), 5u);
  EXPECT_GT(answers[0], 0);
  EXPECT_EQ(answers[0], answers[1]);  // of the run that is left, which doesn't change
  EXPECT_GT(answers[2], answers[1]);
  EXPECT_EQ(answers.back(), all_numbers * (all_numbers - 1) / 2);
}

/// Asked by somebody else while the last epoch of a run is written, or the next is not yet there.
TEST(adaptive_run, makes_savepoints_while_it_switches) {
  for (const auto first : {engine_kind::batches, engine_kind::events})
    for (const bool writes : {true, false}) {
      scene s;
      s.first = first;
      s.wants_handle = true;
      *s.may_end = false;  // before the thread that asks has had its turn
      std::atomic<std::uint64_t> made{0};
      std::atomic<bool> is_asked{false};
      std::jthread asks;
      const auto ask = [&] {
        if (!is_asked.exchange(true)) asks = std::jthread([&] { made = s.run().savepoint(); });
      };
      if (writes)
        s.files->on_step([&](const testing::file_step&) {
          if (s.handle && s.handle.load()->status().engine.switching) ask();
        });
      else s.before = ask;
      const auto graph = s.sums<epoch_sink>();
      auto run = s.start(graph);
      s.handle = &run;
      while (!run.wait_for(0ns) && run.status().engine.switches == 0) std::this_thread::yield();
      asks.join();
      *s.may_end = true;
      run.wait();
      s.files->on_step({});
      EXPECT_EQ(sorted(s.world->visible), wanted());
      EXPECT_GT(made.load(), 0u);
      s.options.how.resume_from = made;
      s.finish<batches>(graph);  // what came behind it, once more, which gives the same last sums
      EXPECT_GE(s.world->visible.size(), wanted().size());
      EXPECT_EQ(std::set<row>(s.world->visible.begin(), s.world->visible.end()).size(), wanted().size());
    }
}

/// A run without an engine, whose savepoint is overtaken by its end.
class run_on_paper final : public run_control {
 public:
  run_on_paper(topology graph, std::function<std::uint64_t()> savepoint)
      : graph_(std::move(graph)), savepoint_(std::move(savepoint)) {}
  bool wait_until(std::chrono::steady_clock::time_point) override {
    std::this_thread::yield();
    return is_over_;
  }
  void rethrow() const override {}
  void drain() override { is_over_ = true; }
  void stop() override { is_over_ = true; }
  void pause() override {}
  void resume() override {}
  run_status status() const override { return {}; }
  run_metrics metrics() const override { return {}; }
  const topology& graph() const override { return graph_; }
  std::uint64_t savepoint() override { return savepoint_(); }

 private:
  void look_at_state(std::uint32_t, std::uint32_t, const std::function<void(any_state&)>&) override {}
  const topology graph_;
  const std::function<std::uint64_t()> savepoint_;
  std::atomic<bool> is_over_{false};
};

TEST(adaptive_run, asks_the_next_run_for_a_savepoint_that_a_switch_has_overtaken) {
  scene s;
  const auto graph = s.sums<epoch_sink>();
  const auto left_early = [&]() -> std::uint64_t {
    *s.left = 0;
    while (s.starts != 2) std::this_thread::yield();
    throw run_error({errc::closed, "the run is over"});
  };
  const auto on_paper = [&](std::function<std::uint64_t()> savepoint) {
    return [&, savepoint](const topology&, bool) {
      ++s.starts;
      return topology_run{std::make_shared<run_on_paper>(graph, savepoint)};
    };
  };
  auto run = start_adaptive(graph, {on_paper(left_early), on_paper([] { return std::uint64_t{7}; })},
                            {.patience = 0ns, .log = {}}, std::make_unique<when_used_up>(s.left, 1));
  EXPECT_EQ(run.savepoint(), 7u);
  run.stop();
  EXPECT_EQ(run.status().engine.switches, 1u);
}

TEST(adaptive_run, is_asked_by_many_while_it_switches) {
  scene s;
  s.each_run = 12;
  auto run = s.start(s.sums<epoch_sink>());
  std::atomic<bool> over{false};
  std::uint64_t savepoints = 0, questions = 0;
  std::vector<std::jthread> others;
  others.emplace_back([&] {
    std::uint64_t newest = 0;
    while (!over) {
      try {
        const auto made = run.savepoint();
        EXPECT_GT(made, newest);
        newest = made;
        ++savepoints;
      } catch (const run_error& e) { EXPECT_EQ(e.error().code, errc::closed); }  // it is over
    }
  });
  others.emplace_back([&] {
    for (; !over; ++questions) {
      (void)run.query<sum_by_key::state>("sums", static_cast<int>(questions % 10));
      EXPECT_LE(run.status().engine.recent.size(), 16u);
      (void)run.metrics();
    }
  });
  others.emplace_back([&] {
    while (!over) {
      run.pause();
      run.resume();
    }
  });
  run.wait();
  over = true;
  others.clear();
  EXPECT_EQ(sorted(s.world->visible), wanted());
  std::cout << "adaptive_run: savepoints=" << savepoints << " questions=" << questions << "\n";
}

TEST(adaptive_run, refuses_a_savepoint_when_it_is_over) {
  scene s;
  auto run = s.start(s.sums<epoch_sink>());
  run.wait();
  EXPECT_THAT(error_of([&] { (void)run.savepoint(); }), HasSubstr("the run is over"));
}

TEST(adaptive_run, is_stopped_when_its_handle_goes) {
  scene s;
  s.each_run = 1;
  { auto run = s.start(s.sums<epoch_sink>()); }
  s.finish<events>(s.sums<epoch_sink>());
  EXPECT_EQ(sorted(s.world->visible), wanted());
}

// --- ends ---

TEST(adaptive_run, is_over_when_the_input_ends_on_either_engine) {
  for (const int each_run : {no_limit, 100, 50}) {
    scene s;
    s.each_run = each_run;
    auto run = s.start(s.sums<epoch_sink>());
    run.wait();
    EXPECT_EQ(run.status().state, run_state::finished);
    EXPECT_EQ(run.status().engine.at_work, each_run == 100 ? "event_executor" : "batch_executor");
    EXPECT_EQ(sorted(s.world->visible), wanted());
  }
}

TEST(adaptive_run, fails_with_what_was_going_on_when_the_other_engine_cannot_be_started) {
  scene s;
  s.before = [] { throw run_error({errc::io, "no room on the device"}); };
  auto run = s.start(s.sums<epoch_sink>());
  EXPECT_THAT(error_of([&] { run.wait(); }),
              AllOf(HasSubstr("topology \"sums\" was about to go on with the event_executor instead of the "
                              "batch_executor (used up)"),
                    HasSubstr("the other could not be started: no room on the device")));
  const auto s_now = run.status();
  EXPECT_EQ(s_now.state, run_state::failed);
  EXPECT_EQ(s_now.error.code, errc::io);
  EXPECT_FALSE(s_now.engine.switching);
  EXPECT_THAT(error_of([&] { (void)run.savepoint(); }), HasSubstr("the run is over"));
  s.before = [] {};
  s.finish<events>(s.sums<epoch_sink>());
  EXPECT_EQ(sorted(s.world->visible), wanted());
}

TEST(adaptive_run, fails_with_what_was_going_on_when_a_run_cannot_be_stopped) {
  scene s;
  s.first = engine_kind::events;
  s.wants_handle = true;
  s.files->on_step([&](const testing::file_step& step) {
    if (s.handle && s.handle.load()->status().engine.switching && step.operation == testing::file_operation::append)
      s.files->power_off();
  });
  auto run = s.start(s.sums<epoch_sink>());
  s.handle = &run;
  EXPECT_THAT(error_of([&] { run.wait(); }),
              AllOf(HasSubstr("was about to go on with the batch_executor"), HasSubstr("failed while it was stopped")));
}

TEST(adaptive_run, fails_as_its_run_does_and_is_started_again) {
  scene s;
  s.options.attempts = 1;
  s.world->crash_at = 25;
  s.world->crash = [&] { s.world->crash_at = ~std::uint64_t{0}; };  // once
  const auto graph = s.sums<epoch_sink>();
  auto run = start_restarting(graph, [&](const topology& with) { return s.start(with); },
                              {.first = 1us, .longest = 1us, .log = {}});
  run.wait();
  EXPECT_EQ(sorted(s.world->visible), wanted());
  EXPECT_GE(s.starts, 2);
}

// --- what it tells ---

TEST(adaptive_run, tells_of_its_switches) {
  scene s;
  s.each_run = 5;
  const auto told = std::make_shared<lines>();
  s.log = logger{told};
  auto run = s.start(s.sums<epoch_sink>());
  run.wait();
  const auto used = run.status().engine;
  EXPECT_GE(used.switches, 12u);
  ASSERT_EQ(used.recent.size(), 16u);
  for (std::size_t i = 0; i < used.recent.size(); ++i) {
    const bool is_even = (used.switches - used.recent.size() + i) % 2 == 0;
    EXPECT_EQ(used.recent[i].to, is_even ? "event_executor" : "batch_executor");
    EXPECT_EQ(used.recent[i].why, "used up");
    EXPECT_GE(used.recent[i].took, 0ns);
    EXPECT_GE(used.recent[i].at, used.recent[i ? i - 1 : 0].at);
  }
  EXPECT_EQ(run.metrics().engine.switches, used.switches);
  EXPECT_EQ(run.metrics().engine.at_work, used.recent.back().to);
  ASSERT_EQ(told->all.size(), used.switches);
  EXPECT_THAT(
      told->all[0],
      HasSubstr("info adaptive_executor: topology \"sums\" goes on with the event_executor: used up; the switch"));
}

TEST(adaptive_run, runs_of_one_engine_say_which) {
  topology_builder builder{"numbers"};
  builder.sink("out", collect_sink<int>{}).input(builder.spout("numbers", partitioned_spout_probe{partitions, each}));
  const auto graph = builder.build();
  auto in_batches = batches::in_memory().start(graph);
  in_batches.wait();
  EXPECT_EQ(in_batches.status().engine.at_work, "batch_executor");
  EXPECT_EQ(in_batches.metrics().engine.at_work, "batch_executor");
  auto in_events = events::in_memory().start(graph);
  in_events.wait();
  EXPECT_EQ(in_events.metrics().engine.at_work, "event_executor");
}

TEST(adaptive_run, keeps_the_dead_letters_of_runs_it_has_left) {
  scene s;
  topology_builder builder{"letters"};
  auto source = builder.spout("numbers", allowed_numbers{s.left, partitions, each});
  auto some = builder
                  .bolt("some",
                        [](int v) {
                          if (v % 10 == 3) throw std::runtime_error("a three");
                          return row{v, v};
                        })
                  .input(source);
  builder.sink("out", epoch_sink{s.world}).input(some);
  auto run = s.start(builder.build());
  run.wait();
  EXPECT_EQ(run.status().engine.switches, 2u);
  EXPECT_EQ(run.status().unread_dead_letters.size(), static_cast<std::size_t>(all_numbers / 10));
  EXPECT_EQ(s.world->visible.size(), static_cast<std::size_t>(all_numbers - all_numbers / 10));
}

// --- the executor ---

/// Both engines over `files`, and a choice that falls as soon as it can.
adaptive_executor executor_over(simulated_files& files, const checkpointing& how = {},
                                engine_kind first = engine_kind::batches) {
  event_options in_events;
  in_events.guarantee = guarantee::exactly_once;
  in_events.log = {};
  in_events.workers = 1;
  in_events.checkpoints = kept_in(files, how);
  batch_options in_batches;
  in_batches.interval = 0ns;
  in_batches.log = {};
  in_batches.workers = 1;
  in_batches.checkpoints = kept_in(files, how);
  return adaptive_executor{
      in_events, in_batches, {.first = first, .patience = 0ns, .least_stay = 0ns, .longest_stay = 0ns, .log = {}}};
}

TEST(adaptive_executor, leaves_batches_when_the_backlog_is_gone) {
  scene s;
  *s.left = 50;
  auto run = executor_over(*s.files).start(s.sums<epoch_sink>());
  while (run.status().engine.switches == 0) std::this_thread::yield();
  EXPECT_THAT(run.status().engine.recent.front().why, HasSubstr("batches have caught up"));
  *s.left = no_limit;
  run.wait();
  EXPECT_EQ(sorted(s.world->visible), wanted());
}

TEST(adaptive_executor, leaves_events_when_a_spout_has_always_more_at_hand) {
  scene s;
  topology_builder builder{"endless"};
  const auto numbers = builder.spout("numbers", allowed_numbers{s.left, partitions, no_limit / 10});
  builder.sink("out", epoch_sink{s.world})
      .input(builder.bolt("sums", sum_by_key{}).input(numbers, key_grouping{key_of{}}));
  *s.left = no_limit;
  auto run = executor_over(*s.files, {}, engine_kind::events).start(builder.build());
  while (run.status().engine.switches == 0) std::this_thread::yield();
  EXPECT_EQ(run.status().engine.recent.front().to, "batch_executor");
  EXPECT_THAT(run.status().engine.recent.front().why, HasSubstr("had more at hand for 100 %"));
  // Not each batch: one that is cut as the run is left again is the last, and nobody is asked for more.
  const auto has_more_at_hand = [&] {
    const auto all = run.metrics().batches;
    return std::any_of(all.begin(), all.end(), [](const auto& b) { return b.more_at_hand; });
  };
  while (!has_more_at_hand()) std::this_thread::yield();
  EXPECT_EQ(run.metrics().node("numbers").nothing_at_hand, 0);
  *s.left = 0;
  while (run.metrics().node("numbers").nothing_at_hand == 0) std::this_thread::yield();
  run.stop();
}

TEST(adaptive_executor, drops_states_and_resumes_once_and_not_at_each_switch) {
  scene s;
  const auto graph = s.sums<epoch_sink>();
  *s.left = 60;
  {
    auto run = batches::in(*s.files).start(graph);
    while (*s.left > 0) std::this_thread::yield();
    run.stop();
  }
  s.world->visible.clear();
  checkpointing how;
  how.allow_dropped_state = {"sums"};
  *s.left = 30;
  auto run = executor_over(*s.files, how).start(graph);
  while (run.status().engine.switches == 0) std::this_thread::yield();
  *s.left = no_limit;
  run.wait();
  // The sums begin anew behind the first sixty, once: the last of a key is of all that came since.
  std::map<int, long> last, total;
  for (const auto& [key, sum] : s.world->visible) last[key] = std::max(last[key], sum);
  long sum = 0;
  for (const auto& [key, value] : last) sum += value;
  EXPECT_EQ(s.world->visible.size(), 60u);
  for (const auto& kept : last) EXPECT_EQ(run.query<long>("sums", kept.first), kept.second);
  EXPECT_LT(sum, all_numbers * (all_numbers - 1) / 2);

  scene resumed;
  resumed.files = s.files;
  how.allow_dropped_state.clear();
  how.resume_from = 1;  // the beginning
  *resumed.left = 50;
  const auto again = resumed.sums<epoch_sink>();
  auto second = executor_over(*s.files, how).start(again);
  while (second.status().engine.switches == 0) std::this_thread::yield();
  *resumed.left = no_limit;
  second.wait();
  EXPECT_EQ(sorted(resumed.world->visible), wanted());
}

TEST(adaptive_executor, says_everything_that_cannot_be_at_once) {
  topology_builder builder{"doubtful"};
  builder.sink("out", epoch_sink{std::make_shared<outside>()})
      .input(builder.bolt("rows",
                          [](int v) {
                            return row{v, v};
                          })
                 .input(builder.spout("pushed", push_like_spout{})));
  const auto graph = builder.build();
  event_options in_events;
  in_events.guarantee = guarantee::best_effort;
  in_events.max_batch = 0;
  in_events.checkpoints.directory = "/a";
  in_events.checkpoints.resume_from = 3;
  batch_options in_batches;
  in_batches.trigger = batch_trigger::available_now;
  in_batches.recent_batches = 0;
  in_batches.max_batch = 0;
  in_batches.checkpoints.directory = "/b";
  try {
    (void)adaptive_executor{in_events, in_batches, {.patience = -1s, .calm = 0, .busy = 2}}.start(graph);
    FAIL();
  } catch (const topology_error& e) {
    EXPECT_THAT(
        e.mistakes(),
        ::testing::UnorderedElementsAre(
            HasSubstr("adaptive_options::patience is -1 s"), HasSubstr("adaptive_options::calm is 0.0"),
            HasSubstr("adaptive_options::busy is 2.0"),
            HasSubstr("event_options::checkpoints.directory is \"/a\", and "
                      "batch_options::checkpoints.directory is \"/b\""),
            HasSubstr("event_options::checkpoints.resume_from is 3, and batch_options::checkpoints.resume_from "
                      "is nothing"),
            HasSubstr("event_options::guarantee is best_effort"), HasSubstr("batch_options::trigger is available_now"),
            HasSubstr("batch_options::recent_batches is 0"),
            HasSubstr("spout \"pushed\" can't be read again, so behind a change of engine"),
            HasSubstr("event_options::max_batch is 0"), HasSubstr("batch_options::max_batch is 0"),
            HasSubstr("spout \"pushed\" can't be read again, so what is under way")));
  }
  EXPECT_THAT(error_of([&] {
                (void)adaptive_executor{{}, {}}.start(graph);
              }),
              AllOf(HasSubstr("checkpoints.directory are empty"), HasSubstr("name a directory in both")));
}

}  // namespace
}  // namespace freshet
