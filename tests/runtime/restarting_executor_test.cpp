#include "freshet/runtime/restarting_executor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/error_of.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/push_spout.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/event/event_executor.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

restart_policy soon(std::uint32_t most) {
  return {.most = most, .first = 1us, .longest = 10us, .well_after = 1h, .log = {}};
}

/// Fails as often as it is told, once a run.
struct fragile {
  std::shared_ptr<std::atomic<int>> failures;
  std::shared_ptr<std::atomic<int>> opened = std::make_shared<std::atomic<int>>(0);
  void open() { ++*opened; }
  int process(int v) {
    if (*failures > 0) {
      --*failures;
      throw std::runtime_error("broken");
    }
    return v;
  }
};

topology fails(int times, const std::shared_ptr<std::atomic<int>>& seen) {
  topology_builder b{"fragile"};
  const auto left = std::make_shared<std::atomic<int>>(times);
  const auto in = b.spout("in", vector_spout{std::vector{1, 2, 3}});
  const auto out = b.bolt("breaks", fragile{left}, {.on_failure = on_failure::stop}).input(in);
  b.sink("out", [seen](int) { ++*seen; }).input(out);
  return b.build();
}

const batch_executor once_each{batch_options{.interval = 0ms, .max_task_attempts = 1, .log = {}}};

TEST(restarting_executor, starts_a_run_again_until_it_has_finished) {
  const auto seen = std::make_shared<std::atomic<int>>(0);
  auto run = restarting_executor{once_each, soon(5)}.start(fails(3, seen));
  run.wait();
  EXPECT_EQ(*seen, 3);
  EXPECT_EQ(run.status().state, run_state::finished);
}

TEST(restarting_executor, gives_up_with_the_whole_story) {
  const auto seen = std::make_shared<std::atomic<int>>(0);
  auto run = restarting_executor{once_each, soon(2)}.start(fails(100, seen));
  EXPECT_THAT(error_of([&] { run.wait(); }),
              AllOf(HasSubstr("was started again 2 times"), HasSubstr("run 1 failed after "),
                    HasSubstr("run 3 failed after "), HasSubstr("\"breaks\" task 0"), HasSubstr("broken")));
  EXPECT_THAT(run.status().error.message, HasSubstr("run 2 failed"));
  EXPECT_EQ(run.status().error.code, errc::user_function);
  EXPECT_EQ(*seen, 0);
}

TEST(restarting_executor, a_mistake_is_not_tried_again) {
  const auto seen = std::make_shared<std::atomic<int>>(0);
  EXPECT_THROW(
      (void)(restarting_executor{batch_executor{batch_options{.rows_per_batch = 0}}, soon(5)}.start(fails(0, seen))),
      topology_error);
  int starts = 0;
  auto run = start_restarting(
      fails(1, seen),
      [&](const topology& graph) {
        if (++starts == 2) throw topology_error("fragile", {"no such file"});
        return once_each.start(graph);
      },
      soon(5));
  EXPECT_THAT(error_of([&] { run.wait(); }), AllOf(HasSubstr("cannot be started again"), HasSubstr("no such file")));
  EXPECT_EQ(starts, 2);
}

TEST(restarting_executor, a_start_that_fails_counts_as_a_run) {
  const auto seen = std::make_shared<std::atomic<int>>(0);
  int starts = 0;
  auto run = start_restarting(
      fails(1, seen),
      [&](const topology& graph) {
        if (++starts > 1) throw std::runtime_error("no broker");
        return once_each.start(graph);
      },
      soon(3));
  EXPECT_THAT(error_of([&] { run.wait(); }), AllOf(HasSubstr("run 4 failed"), HasSubstr("no broker")));
  EXPECT_EQ(starts, 4);
}

TEST(restarting_executor, a_stop_ends_also_the_pause) {
  struct listener final : log_sink {
    void write(const log_record& r) noexcept override { said = said || r.message.find("again in") != r.message.npos; }
    std::atomic<bool> said{false};
  };
  const auto seen = std::make_shared<std::atomic<int>>(0);
  const auto listens = std::make_shared<listener>();
  restart_policy patient{.most = 5, .first = 1h, .longest = 1h, .well_after = 2h, .log = logger{listens}};
  auto run = restarting_executor{once_each, patient}.start(fails(1, seen));
  while (!listens->said) std::this_thread::yield();
  EXPECT_EQ(run.status().state, run_state::running);
  run.request_stop();
  EXPECT_THAT(error_of([&] { run.wait(); }), HasSubstr("was told to end while it waited to be started again"));
}

/// What it says of the pauses between runs that all fail.
std::vector<std::string> pauses_of(restart_policy policy) {
  struct listener final : log_sink {
    void write(const log_record& r) noexcept override {
      const auto at = r.message.find("started again in ");
      if (at != std::string::npos) said.emplace_back(r.message.substr(at));
    }
    std::vector<std::string> said;  // by the one thread that starts runs
  };
  const auto listens = std::make_shared<listener>();
  policy.log = logger{listens};
  const auto seen = std::make_shared<std::atomic<int>>(0);
  auto run = restarting_executor{once_each, policy}.start(fails(100, seen));
  EXPECT_THAT(error_of([&] { run.wait(); }), HasSubstr("times: run 1 failed"));
  return listens->said;
}

TEST(restarting_executor, pauses_twice_as_long_each_time_up_to_the_longest) {
  EXPECT_THAT(pauses_of({.most = 4, .first = 100ms, .longest = 300ms, .well_after = 1h}),
              ElementsAre("started again in 0.1 s", "started again in 0.2 s", "started again in 0.3 s",
                          "started again in 0.3 s"));
}

TEST(restarting_executor, pauses_always_the_same_where_the_first_is_the_longest) {
  EXPECT_THAT(pauses_of({.most = 3, .first = 100ms, .longest = 100ms, .well_after = 1h}),
              ElementsAre("started again in 0.1 s", "started again in 0.1 s", "started again in 0.1 s"));
}

/// Every run was well: each is the first again, however many there are.
TEST(restarting_executor, counts_anew_behind_a_run_that_was_well) {
  const auto seen = std::make_shared<std::atomic<int>>(0);
  auto run = restarting_executor{once_each,
                                 restart_policy{.most = 1, .first = 1us, .longest = 1h, .well_after = 0ns, .log = {}}}
                 .start(fails(20, seen));
  run.wait();
  EXPECT_EQ(*seen, 3);
}

TEST(restarting_executor, what_is_asked_is_asked_of_the_runs_to_come) {
  push_spout<int> spout;
  topology_builder b{"pushed"};
  const auto seen = std::make_shared<std::atomic<int>>(0);
  b.sink("out", [seen](int) { ++*seen; }).input(b.spout("in", spout));
  const auto graph = b.build();
  auto run = restarting_executor{event_executor{event_options{.log = {}}}, soon(5)}.start(graph);
  spout.push(1).value();
  while (*seen != 1) std::this_thread::yield();
  EXPECT_EQ(run.metrics().node("in").emitted, 1u);
  run.drain();
  EXPECT_EQ(run.status().state, run_state::finished);
}

/// Stays in its first call until a test lets it fail.
struct fails_when_told {
  struct outside {
    std::atomic<int> opened{0};
    std::atomic<bool> has_come{false}, may_fail{false};
  };
  std::shared_ptr<outside> world = std::make_shared<outside>();
  void open() { ++world->opened; }
  int process(int v) {
    if (world->has_come.exchange(true)) return v;
    while (!world->may_fail) std::this_thread::yield();
    throw std::runtime_error("broken");
  }
};

TEST(restarting_executor, a_run_that_follows_one_that_was_paused_is_paused) {
  push_spout<int> spout;
  topology_builder b{"pushed"};
  const auto seen = std::make_shared<std::atomic<int>>(0);
  const fails_when_told breaks;
  const auto out = b.bolt("breaks", breaks, {.on_failure = on_failure::stop}).input(b.spout("in", spout));
  b.sink("out", [seen](int v) { *seen = v; }).input(out);
  const event_executor fails_at_once{event_options{.retry = {.max_attempts = 1}, .log = {}}};
  auto run = restarting_executor{fails_at_once, soon(5)}.start(b.build());
  spout.push(1).value();
  while (!breaks.world->has_come) std::this_thread::yield();
  run.pause();
  breaks.world->may_fail = true;
  while (breaks.world->opened != 2 || run.status().state != run_state::paused) std::this_thread::yield();
  spout.push(2).value();
  run.resume();
  while (*seen != 2) std::this_thread::yield();
  run.drain();
  EXPECT_EQ(run.status().state, run_state::finished);
}

/// A run that does nothing: it notes what it is asked, and ends when a test says so.
class noting final : public run_control {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  bool wait_until(time_point when) override {
    std::unique_lock lock(mutex_);
    const auto over = [this] { return is_over_; };
    if (when == time_point::max()) return ended_.wait(lock, over), true;
    return ended_.wait_until(lock, when, over);
  }
  void rethrow() const override {
    if (fails_) throw run_error({errc::internal, "broken"});
  }
  void drain() override { note("drain"); }
  void stop() override { note("stop"); }
  void pause() override { note("pause"); }
  void resume() override { note("resume"); }
  run_status status() const override { return {}; }
  run_metrics metrics() const override { return {}; }
  const topology& graph() const override { return graph_; }

  void end(bool fails) {
    {
      std::lock_guard lock(mutex_);
      fails_ = fails;
      is_over_ = true;
    }
    ended_.notify_all();
  }
  std::string asked() const {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void look_at_state(std::uint32_t, std::uint32_t, const std::function<void(any_state&)>&) override {}
  void note(const std::string& what) {
    std::lock_guard lock(mutex_);
    asked_ += (asked_.empty() ? "" : " ") + what;
  }
  const topology graph_ = fails(0, nullptr);
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::string asked_;
  bool is_over_ = false;
  std::atomic<bool> fails_{false};
};

/// Two runs, of which the second follows when the first has failed.
struct restarted_runs : ::testing::Test {
  topology_run start() {
    return start_restarting(
        first->graph(),
        [this](const topology&) {
          if (starts++ == 0) return topology_run{first};
          at_second_start();
          return topology_run{second};
        },
        soon(5));
  }
  std::shared_ptr<noting> first = std::make_shared<noting>(), second = std::make_shared<noting>();
  std::atomic<int> starts{0};
  std::function<void()> at_second_start = [] {};
};

TEST_F(restarted_runs, are_paused_until_somebody_resumes) {
  auto run = start();
  run.pause();
  first->end(true);
  while (second->asked().empty()) std::this_thread::yield();
  EXPECT_EQ(second->asked(), "pause");
  run.resume();
  EXPECT_EQ(second->asked(), "pause resume");
  second->end(false);
  run.wait();
}

TEST_F(restarted_runs, are_stopped_whatever_is_asked_behind_a_stop) {
  std::optional<topology_run> run;
  at_second_start = [&] {
    run->request_stop();
    run->request_drain();
    run->pause();
    run->resume();
  };
  run = start();
  first->end(true);
  while (second->asked().empty()) std::this_thread::yield();
  EXPECT_EQ(second->asked(), "stop");
  second->end(false);
  run->wait();
}

TEST_F(restarted_runs, do_not_follow_one_that_was_told_to_end) {
  for (const bool stops : {false, true}) {
    first = std::make_shared<noting>();
    starts = 0;
    auto run = start();
    if (stops) run.request_stop();
    else run.request_drain();
    run.pause();
    first->end(true);
    second->end(false);  // or this test would wait for ever
    EXPECT_THAT(error_of([&] { run.wait(); }), HasSubstr("was told to end while it waited to be started again"));
    EXPECT_EQ(starts, 1);
  }
}

TEST(restarting_executor, runs_to_come_have_the_tasks_that_were_asked_for) {
  push_spout<int> spout;
  topology_builder b{"pushed"};
  const auto failures = std::make_shared<std::atomic<int>>(0), seen = std::make_shared<std::atomic<int>>(0);
  const fragile breaks{failures};
  const auto in = b.spout("in", spout);
  const auto out = b.bolt("breaks", breaks, {.on_failure = on_failure::stop}).input(in, shuffle_grouping{});
  const auto next = b.bolt("adds", [](int v) { return v + 1; }).input(out, forward_grouping{});
  b.sink("out", [seen](int) { ++*seen; }).input(next, shuffle_grouping{});
  const event_executor fails_at_once{event_options{.retry = {.max_attempts = 1}, .log = {}}};
  auto run = restarting_executor{fails_at_once, soon(5)}.start(b.build());
  run.rescale("breaks", 2);
  run.rescale("adds", 3);  // is chained to it: this was the last word
  EXPECT_EQ(*breaks.opened, 1 + 2 + 3);
  *failures = 1;
  spout.push(1).value();
  while (*breaks.opened != 1 + 2 + 3 + 3) std::this_thread::yield();
  while (!spout.push(2)) std::this_thread::yield();  // its spout is opened behind its readers
  while (*seen == 0) std::this_thread::yield();
  const auto tasks = run.metrics().tasks;
  EXPECT_EQ(std::count_if(tasks.begin(), tasks.end(), [](auto& t) { return t.node == "breaks"; }), 3);
  EXPECT_THAT(run.describe(describe_format::json), HasSubstr("\"parallelism\":3"));
  run.drain();
}

TEST(restarting_executor, refuses_a_policy_that_cannot_be) {
  const auto seen = std::make_shared<std::atomic<int>>(0);
  EXPECT_THAT(error_of([&] {
                (void)restarting_executor{once_each, restart_policy{.first = 2s, .longest = 1s}}.start(fails(0, seen));
              }),
              HasSubstr("0 <= first <= longest"));
}

}  // namespace
}  // namespace freshet
