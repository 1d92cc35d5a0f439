#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <iostream>
#include <map>
#include <optional>
#include <thread>

#include "base/error_of.hpp"
#include "core/memory_store.hpp"
#include "runtime/adaptive_scene.hpp"

// Another number of tasks in a run that changes its engine: by the run of the event engine at work, and behind an epoch
// by another run where batches are.
namespace freshet {
namespace {

using namespace adaptive_tests;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::size_t tasks_of(const topology_run& run, std::string_view node) {
  const auto tasks = run.metrics().tasks;
  return static_cast<std::size_t>(std::count_if(tasks.begin(), tasks.end(), [&](auto& t) { return t.node == node; }));
}

/// Gives random tasks to one of `nodes`. False: the run is ending.
bool rescale_one(topology_run& run, const std::vector<std::string>& nodes, random_source& random) {
  try {
    run.rescale(nodes[random.below(nodes.size())], 1 + random.below(4));
    return true;
  } catch (const run_error& e) {
    EXPECT_EQ(e.error().code, errc::closed) << e.what();
    return false;
  }
}
template <class Sink>
std::vector<std::string> rescaled_nodes() {
  if constexpr (deciding_sink<Sink>) return {"sums"};
  else return {"sums", "out"};
}

/// Runs on either engine as long as a test says: it switches once for each permission.
struct switched_by_hand : scene {
  std::atomic<int> permits{0};
  int allowed = no_limit;  ///< numbers of each start
  topology_run start_it(const topology& graph) {
    *left = allowed;
    return start_adaptive(graph, {starts_of<batches>(), starts_of<events_without_pace>()},
                          {.first = first, .patience = 0ns, .log = log}, std::make_unique<when_permitted>(permits));
  }
  void switch_over(const topology_run& run) {
    const auto switched = run.status().engine.switches;
    ++permits;
    while (run.status().engine.switches == switched) std::this_thread::yield();
  }

 private:
  class when_permitted final : public engine_chooser {
   public:
    explicit when_permitted(std::atomic<int>& permits) : permits_(permits) {}
    /// A switch may have to wait for a rescale: only now it is one.
    void begin(engine_kind at, time_point) override {
      if (at_ && at_ != at) --permits_;
      at_ = at;
    }
    std::string look(const run_metrics&, time_point) override { return permits_ > 0 ? "permitted" : ""; }

   private:
    std::optional<engine_kind> at_;
    std::atomic<int>& permits_;
  };
};

/// Each run has stores of its own.
class stores_of_runs final : public state_backend {
 public:
  std::unique_ptr<state_store> open(const std::string&) override {
    std::lock_guard lock(mutex_);
    return std::make_unique<testing::memory_store>(all_.emplace_back(), 1);
  }

 private:
  std::mutex mutex_;
  std::deque<testing::memory_store::contents> all_;
};

/// Its input does not end before the test says so.
struct adaptive_rescale : ::testing::Test {
  adaptive_rescale() { *s.may_end = false; }
  void finish(topology_run& run) {
    *s.may_end = true;
    run.wait();
    EXPECT_EQ(sorted(s.world->visible), wanted());
    EXPECT_EQ(s.world->commits_again, 0u);
    EXPECT_EQ(s.world->without_begin, 0u);
  }
  switched_by_hand s;
};

// --- nothing lost, nothing doubled ---

template <class Sink>
class rescaled_adaptive_runs : public ::testing::Test {};
using both_sinks = ::testing::Types<epoch_sink, transaction_sink>;
TYPED_TEST_SUITE(rescaled_adaptive_runs, both_sinks);

TYPED_TEST(rescaled_adaptive_runs, lose_and_double_nothing_over_many_switches) {
  using enum engine_kind;
  std::uint64_t switches = 0, rescales = 0;
  for (std::uint64_t seed = 0; seed < 20; seed += stride())
    for (const auto first : {batches, events}) {
      random_source random(seed);
      scene s;
      s.first = first;
      s.each_run = 1 + static_cast<int>(random.below(30));
      auto run = s.start(s.sums<TypeParam>());
      for (int asked = 0; asked < 20 && !run.wait_for(std::chrono::microseconds(random.below(2000))); ++asked) {
        if (!rescale_one(run, rescaled_nodes<TypeParam>(), random)) break;
        ++rescales;
      }
      run.wait();
      EXPECT_EQ(sorted(s.world->visible), wanted()) << "seed " << seed;
      EXPECT_EQ(s.world->commits_again, 0u);
      EXPECT_EQ(s.world->without_begin, 0u);
      EXPECT_GE(run.status().engine.switches, static_cast<unsigned>(all_numbers / s.each_run - 1));
      switches += run.status().engine.switches;
    }
  std::cout << "rescaled_adaptive_runs: switches=" << switches << " rescales=" << rescales << "\n";
  EXPECT_GT(rescales, 20u);
}

TYPED_TEST(rescaled_adaptive_runs, go_on_behind_every_crash_of_a_sink) {
  for (const auto first : {engine_kind::batches, engine_kind::events}) {
    std::uint64_t crashes = 0;
    for (std::uint64_t at = 0;; at += std::max<std::uint64_t>(3, stride())) {
      scene s;
      s.first = first;
      s.world->crash_at = at;
      s.world->crash = [&s] { s.files->power_off(); };
      random_source random(at);
      const auto said = error_of([&] {
        auto run = s.start(s.sums<TypeParam>(3));
        try {
          for (int i = 0; i < 4; ++i) run.rescale("sums", 1 + random.below(4));
        } catch (const run_error&) {  // as `wait` says
        }
        run.wait();
      });
      if (said == "no error") break;
      ++crashes;
      s.files->crash(random);
      s.finish<events>(s.sums<TypeParam>(2));
      EXPECT_EQ(sorted(s.world->visible), wanted()) << "gone at call " << at;
    }
    EXPECT_GT(crashes, 2u);
  }
}

TEST(rescaled_adaptive_run, goes_on_behind_every_crash_of_the_files) {
  random_source random(5);
  std::unique_ptr<scene> s;
  std::uint64_t in_a_rescale = 0;
  const auto steps = testing::crash_at_every_step(
      random,
      [&](simulated_files& files) {
        s = std::make_unique<scene>();
        s->files = &files;
        s->each_run = 30;
        s->world->crash = [&files] { files.power_off(); };
        auto run = s->start(s->sums<epoch_sink>());
        try {
          for (const std::size_t tasks : {3, 1, 4}) run.rescale("sums", tasks);
        } catch (const run_error& e) { in_a_rescale += std::string(e.what()).find("was given") != std::string::npos; }
        run.wait();
      },
      [&](simulated_files& files, std::uint64_t step) {
        s->files = &files;
        if (step % 2) s->finish<batches>(s->sums<epoch_sink>(1 + step % 3));
        else s->finish<events>(s->sums<epoch_sink>(1 + step % 3));
        EXPECT_EQ(sorted(s->world->visible), wanted()) << "power off at step " << step;
      },
      std::max<std::uint64_t>(7, stride()));
  std::cout << "rescaled_adaptive_run: steps=" << steps << " in a rescale=" << in_a_rescale << "\n";
  EXPECT_GT(steps, 100u);
  EXPECT_GT(in_a_rescale, 5u);
}

// --- what is seen of it ---

TEST_F(adaptive_rescale, lasts_over_switches_in_both_directions) {
  const auto told = std::make_shared<lines>();
  s.log = logger{told};
  auto run = s.start_it(s.sums<epoch_sink>());
  run.rescale("sums", 4);
  EXPECT_EQ(s.starts, 2);
  EXPECT_EQ(tasks_of(run, "sums"), 4u);
  EXPECT_EQ(run.status().engine.switches, 0u);
  EXPECT_EQ(run.status().engine.at_work, "batch_executor");
  s.switch_over(run);
  EXPECT_EQ(tasks_of(run, "sums"), 4u);
  run.rescale("sums", 3);
  EXPECT_EQ(s.starts, 3);  // that run did it
  EXPECT_EQ(run.status().engine.at_work, "event_executor");
  EXPECT_EQ(tasks_of(run, "sums"), 3u);
  EXPECT_THAT(run.describe(describe_format::json), HasSubstr("\"parallelism\":3"));
  s.switch_over(run);
  EXPECT_EQ(tasks_of(run, "sums"), 3u);
  run.rescale("out", 1);
  s.switch_over(run);
  EXPECT_EQ(tasks_of(run, "sums"), 3u);
  EXPECT_EQ(tasks_of(run, "out"), 1u);
  finish(run);
  ASSERT_EQ(told->all.size(), 5u);
  EXPECT_THAT(told->all[0], HasSubstr("info adaptive_executor: topology \"sums\" goes on with the batch_executor: "
                                      "bolt \"sums\" was given 4 tasks; the change took"));
}

TEST_F(adaptive_rescale, changes_nothing_where_the_tasks_are_as_many) {
  auto run = s.start_it(s.sums<epoch_sink>());
  run.rescale("sums", 2);
  EXPECT_EQ(s.starts, 1);
  finish(run);
}

TEST_F(adaptive_rescale, moves_what_is_chained_as_the_event_engine_does) {
  topology_builder b{"chain"};
  auto source = b.spout("numbers", allowed_numbers{s.left, partitions, each, s.may_end}, {.parallelism = 2});
  auto sums = b.bolt("sums", sum_by_key{}, {.parallelism = 2}).input(source, key_grouping{key_of{}});
  auto same = b.bolt("same", [](const row& r) { return r; }, {.parallelism = 2}).input(sums);
  b.sink("out", epoch_sink{s.world}, {.parallelism = 2}).input(same);
  auto run = s.start_it(b.build());
  run.rescale("same", 3);
  EXPECT_EQ(tasks_of(run, "sums"), 3u);
  EXPECT_EQ(tasks_of(run, "out"), 3u);
  s.switch_over(run);
  run.rescale("out", 1);
  EXPECT_EQ(tasks_of(run, "sums"), 1u);
  finish(run);
}

TEST_F(adaptive_rescale, answers_queries_from_the_new_tasks) {
  auto run = s.start_it(s.sums<epoch_sink>());
  std::map<int, long> sums;
  for (const auto& [key, sum] : wanted()) sums[key] = std::max(sums[key], sum);
  const auto all_are_there = [&] {
    return std::all_of(sums.begin(), sums.end(),
                       [&](auto& of) { return run.query<long>("sums", of.first) == of.second; });
  };
  while (!all_are_there()) std::this_thread::yield();
  for (const std::size_t tasks : {5, 1, 3}) {
    run.rescale("sums", tasks);
    EXPECT_TRUE(all_are_there()) << tasks;
  }
  finish(run);
}

TEST_F(adaptive_rescale, says_the_same_as_the_event_engine_of_what_cannot_be) {
  struct mistake {
    std::string node;
    std::size_t tasks;
  };
  const auto graph_into = [](switched_by_hand& to) {
    topology_builder b{"mistakes"};
    auto source = b.spout("numbers", allowed_numbers{to.left, partitions, each, to.may_end}, {.parallelism = 2});
    auto same = b.bolt("chained", [](int v) { return v; }, {.parallelism = 2}).input(source);
    auto sums = b.bolt("sums", sum_by_key{}, {.parallelism = 2}).input(same, key_grouping{key_of{}});
    b.sink("out", transaction_sink{to.world}).input(sums, shuffle_grouping{});
    return b.build();
  };
  switched_by_hand others;
  *others.may_end = false;
  auto of_events = events::in(*others.files).start(graph_into(others));
  auto run = s.start_it(graph_into(s));
  for (const auto& [node, tasks] :
       {mistake{"nobody", 2}, {"numbers", 3}, {"chained", 3}, {"sums", 0}, {"sums", 1000}, {"out", 2}}) {
    const auto said = error_of([&, n = node, t = tasks] { run.rescale(n, t); });
    EXPECT_EQ(said, error_of([&, n = node, t = tasks] { of_events.rescale(n, t); }));
    EXPECT_THAT(said, AllOf(HasSubstr(node), ::testing::Not(HasSubstr("while it works: only")))) << tasks;
  }
  EXPECT_EQ(s.starts, 1);
  of_events.stop();
  finish(run);
}

TEST_F(adaptive_rescale, changes_the_tasks_of_states_in_a_store) {
  s.first = engine_kind::events;
  s.options.store = std::make_shared<stores_of_runs>();
  auto run = s.start_it(s.sums<epoch_sink>());
  run.rescale("sums", 4);
  EXPECT_EQ(s.starts, 1);
  EXPECT_EQ(run.status().engine.at_work, "event_executor");
  EXPECT_EQ(tasks_of(run, "sums"), 4u);
  s.switch_over(run);
  run.rescale("sums", 1);
  EXPECT_EQ(tasks_of(run, "sums"), 1u);
  finish(run);
}

// --- what is asked meanwhile ---

TEST_F(adaptive_rescale, of_a_paused_run_leaves_it_paused) {
  auto run = s.start_it(s.sums<epoch_sink>());
  run.pause();
  run.rescale("sums", 3);
  EXPECT_EQ(run.status().state, run_state::paused);
  EXPECT_EQ(tasks_of(run, "sums"), 3u);
  run.resume();
  finish(run);
}

/// At a file step of the run that is left: there may be none, if it was left between two batches.
bool stop_overtakes_a_rescale() {
  switched_by_hand s;
  *s.may_end = false;
  std::atomic<topology_run*> handle{nullptr};
  std::atomic<bool> is_stopped{false};
  s.files->on_step([&](const testing::file_step&) {
    if (handle && s.starts == 1 && handle.load()->status().engine.switching && !is_stopped.exchange(true))
      handle.load()->request_stop();
  });
  auto run = s.start_it(s.sums<epoch_sink>());
  handle = &run;
  const auto said = error_of([&] { run.rescale("sums", 3); });
  run.request_stop();
  run.wait();
  s.files->on_step({});
  EXPECT_FALSE(run.status().engine.switching);
  EXPECT_THAT(error_of([&] { run.rescale("sums", 4); }), HasSubstr("the run is ending"));
  EXPECT_EQ(said, is_stopped ? "the run is ending, or its input has: nothing has changed" : "no error");
  EXPECT_EQ(s.starts, is_stopped ? 1 : 2);
  *s.may_end = true;
  s.finish<events>(s.sums<epoch_sink>());
  EXPECT_EQ(sorted(s.world->visible), wanted());
  return is_stopped;
}

TEST(adaptive_rescale_and_stop, the_stop_wins) {
  int rounds = 0;
  while (!stop_overtakes_a_rescale() && ++rounds < 1000) {}
  EXPECT_LT(rounds, 1000);
}

TEST_F(adaptive_rescale, is_refused_when_the_input_has_ended) {
  *s.may_end = true;
  auto run = s.start_it(s.sums<epoch_sink>());
  run.wait();
  EXPECT_THAT(error_of([&] { run.rescale("sums", 3); }), HasSubstr("the run is ending, or its input has"));
}

TEST_F(adaptive_rescale, fails_with_the_run_that_cannot_be_started_again) {
  s.before = [] { throw run_error({errc::io, "no room on the device"}); };
  auto run = s.start_it(s.sums<epoch_sink>());
  const auto said = error_of([&] { run.rescale("sums", 3); });
  EXPECT_THAT(said, HasSubstr("topology \"sums\" was about to go on with the batch_executor (bolt \"sums\" was given 3 "
                              "tasks), and it could not be started again: no room on the device"));
  EXPECT_EQ(error_of([&] { run.wait(); }), said);
  EXPECT_EQ(run.status().state, run_state::failed);
}

TEST_F(adaptive_rescale, by_many_is_done_one_after_the_other) {
  auto run = s.start_it(s.sums<epoch_sink>());
  {
    std::vector<std::jthread> others;
    for (std::uint64_t seed = 0; seed < 3; ++seed)
      others.emplace_back([&, seed] {
        random_source random(seed);
        for (int i = 0; i < 10; ++i) EXPECT_TRUE(rescale_one(run, rescaled_nodes<epoch_sink>(), random));
      });
    for (int i = 0; i < 6; ++i) s.switch_over(run);
  }
  run.rescale("sums", 2);
  run.rescale("out", 3);
  EXPECT_EQ(tasks_of(run, "sums"), 2u);
  EXPECT_EQ(tasks_of(run, "out"), 3u);
  finish(run);
}

TEST_F(adaptive_rescale, lasts_over_restarts) {
  s.world->ends_process = false;
  s.options.attempts = 1;
  s.allowed = 0;
  auto run = start_restarting(s.sums<epoch_sink>(), [&](const topology& graph) { return s.start_it(graph); },
                              {.first = 1us, .longest = 1us, .log = {}});
  run.rescale("sums", 4);
  const int before = s.starts;
  s.world->crash = [&] { s.world->crash_at = ~std::uint64_t{0}; };  // once
  {
    std::lock_guard lock(s.world->mutex);
    s.world->crash_at = s.world->calls + 3;
  }
  *s.may_end = true;
  s.allowed = no_limit;
  *s.left = no_limit;
  run.wait();
  EXPECT_EQ(s.starts, before + 1);
  EXPECT_EQ(tasks_of(run, "sums"), 4u);
  EXPECT_EQ(sorted(s.world->visible), wanted());
}

}  // namespace
}  // namespace freshet
