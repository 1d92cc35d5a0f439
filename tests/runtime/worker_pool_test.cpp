#include "freshet/runtime/worker_pool.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "runtime/sleeping_thread.hpp"
#include "runtime/stack_size.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;

/// Has nothing to do until it is told to end.
class idler final : public tasklet {
 public:
  progress run(time_point) override {
    runs.fetch_add(1, std::memory_order_relaxed);
    const bool over = ends.load(std::memory_order_acquire);
    return {over, over};
  }
  time_point next_wake() const override { return time_point::max(); }
  std::atomic<int> runs{0};
  std::atomic<bool> ends{false};
};

void end(worker_pool& pool, std::initializer_list<idler*> all) {
  for (auto* t : all) t->ends.store(true, std::memory_order_release);
  pool.wake_all();
  pool.join();
}

TEST(worker_pool, threads_of_blocking_bolts_park_even_where_workers_spin) {
  worker_pool pool({.workers = 1, .idle = idle::spin});
  idler worker, blocking;
  pool.add(0, worker, "worker");
  pool.add_alone(blocking, "blocking");
  pool.start();
  while (worker.runs.load() < 20'000) std::this_thread::yield();  // more than a thread does before it parks
  EXPECT_LT(blocking.runs.load(), 10);
  end(pool, {&worker, &blocking});
}

#ifdef __linux__
std::size_t hardware_threads() { return std::max(1u, std::thread::hardware_concurrency()); }

/// An idler that says which thread runs it.
class watched_idler final : public tasklet {
 public:
  progress run(time_point now) override {
    thread.store(gettid());
    return inside.run(now);
  }
  time_point next_wake() const override { return inside.next_wake(); }
  idler inside;
  thread_number thread{0};
};

/// How often it ran until its worker fell asleep.
int runs_until_asleep(worker_pool_options options) {
  worker_pool pool(options);
  watched_idler t;
  pool.add(0, t, "t");
  pool.start();
  EXPECT_TRUE(falls_asleep(t.thread)) << options.workers << " workers";
  const int runs = t.inside.runs;
  end(pool, {&t.inside});
  return runs;
}

TEST(worker_pool, no_worker_spins_where_there_are_as_many_as_hardware_threads) {
  for (const auto workers : {hardware_threads(), hardware_threads() + 1, std::size_t{0}})
    EXPECT_EQ(runs_until_asleep({.workers = workers}), 2) << "a look, and one more when it has said that it will sleep";
  EXPECT_EQ(runs_until_asleep({.workers = 1, .idle = idle::park}), 2);
}

TEST(worker_pool, an_adaptive_worker_spins_for_some_rounds_where_there_are_more_hardware_threads) {
  if (hardware_threads() == 1) GTEST_SKIP() << "this machine has one";
  const int runs = runs_until_asleep({.workers = 1});
  EXPECT_GT(runs, 2);
  EXPECT_LT(runs, 1000);
}

TEST(worker_pool, a_worker_that_sleeps_looks_twice_when_it_is_woken_and_sleeps_again) {
  worker_pool pool({.workers = 1, .idle = idle::park});
  watched_idler t;
  pool.add(0, t, "t");
  pool.start();
  for (int runs = 2; runs < 200 && !HasFailure(); runs += 2) {
    EXPECT_TRUE(falls_asleep(t.thread));
    EXPECT_EQ(t.inside.runs, runs);
    pool.publish_and_wake(0);
    while (t.inside.runs == runs) std::this_thread::yield();
  }
  end(pool, {&t.inside});
}

/// Says on which processors it may run.
class asks_where final : public tasklet {
 public:
  progress run(time_point) override {
    where = usable_processors();
    return {true, true};
  }
  time_point next_wake() const override { return time_point::max(); }
  std::vector<std::size_t> where;
};

TEST(worker_pool, pinned_workers_have_each_a_processor_of_those_that_the_process_may_use) {
  const auto all = usable_processors();
  worker_pool pool({.workers = all.size(), .pin = true});
  std::vector<asks_where> tasklets(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) pool.add(i, tasklets[i], std::to_string(i));
  pool.start();
  pool.join();
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(tasklets[i].where, std::vector{all[i]}) << "worker " << i;
}

TEST(worker_pool, a_pinned_worker_stays_where_the_process_was_put) {
  const auto all = usable_processors();
  asks_where t;
  std::thread([&] {
    cpu_set_t last;  // as taskset does it
    CPU_ZERO(&last);
    CPU_SET(all.back(), &last);
    ASSERT_EQ(sched_setaffinity(0, sizeof last, &last), 0);
    worker_pool pool({.workers = 1, .pin = true});
    pool.add(0, t, "t");
    pool.start();
    pool.join();
  }).join();
  EXPECT_EQ(t.where, std::vector{all.back()});
}
#endif

/// Has work for some rounds, gives the next one of the list some, and notes who ran.
class worker_by_turns final : public tasklet {
 public:
  worker_by_turns(std::string& order, char name, int rounds) : order_(order), name_(name), left(rounds) {}
  progress run(time_point) override {
    if (left == 0) return {};
    order_ += name_;
    if (--left == 0 && next) next->left += 2;
    return {.made = true};
  }
  time_point next_wake() const override { return wake_at; }
  worker_by_turns* next = nullptr;
  time_point wake_at = time_point::max();

 private:
  std::string& order_;
  const char name_;
  int left;
};

TEST(worker_pool, by_hand_it_runs_on_this_thread_until_nobody_makes_progress) {
  std::string order;
  worker_by_turns a(order, 'a', 0), b(order, 'b', 2), c(order, 'c', 1);
  b.next = &a;
  c.wake_at = tasklet::time_point{5s};
  worker_pool pool({.workers = 1});
  pool.add(0, a, "a");
  pool.add(0, b, "b");
  pool.add_alone(c, "c");
  pool.start_by_hand({});
  pool.run_until_quiet();
  EXPECT_EQ(order, "bcbaa");
  pool.run_until_quiet();
  EXPECT_EQ(order, "bcbaa");
  EXPECT_EQ(pool.next_wake(), tasklet::time_point{5s});
}

/// Holds its worker until it is told, so many times: by turns under its own name and under another.
class holder final : public tasklet {
 public:
  explicit holder(int times) : left_(times) {}
  progress run(time_point) override {
    std::optional<work_label> label;
    if (rounds % 2 == 1) label.emplace(other);
    times_told.wait(rounds++);
    return {true, rounds == left_};
  }
  time_point next_wake() const override { return time_point::max(); }
  void tell() {
    ++times_told;
    times_told.notify_all();
  }
  const std::string other = "the other";
  int rounds = 0;
  std::atomic<int> times_told{0};

 private:
  const int left_;
};

TEST(worker_pool, the_stall_detector_names_what_holds_a_worker) {
  worker_pool pool({.workers = 1, .stall_limit = 20ms});
  holder t(3);
  pool.add(0, t, "the tasklet");
  std::mutex mutex;
  std::vector<std::string> told;
  pool.start([&](const std::string& name, std::chrono::nanoseconds held) {
    EXPECT_GE(held, 20ms);
    std::lock_guard lock(mutex);
    if (!told.empty() && told.back() == name) return;  // taken off its core between two of its names
    told.push_back(name);
    t.tell();
  });
  pool.join();
  EXPECT_EQ(told, (std::vector<std::string>{"the tasklet", "the other", "the tasklet"}));
}

/// Also one behind another in the same round.
TEST(worker_pool, the_stall_detector_names_all_that_hold_a_worker_in_one_round) {
  worker_pool pool({.workers = 1, .stall_limit = 5ms});
  holder first(1), second(1);
  pool.add(0, first, "the first");
  pool.add(0, second, "the second");
  std::vector<std::string> told;
  pool.start([&](const std::string& name, std::chrono::nanoseconds) {
    if (!told.empty() && told.back() == name) return;
    told.push_back(name);
    (name == "the first" ? first : second).tell();
  });
  pool.join();
  EXPECT_EQ(told, (std::vector<std::string>{"the first", "the second"}));
}

TEST(worker_pool, while_it_is_held_nothing_runs_and_tasklets_may_come_and_go) {
  worker_pool pool({.workers = 2, .idle = idle::spin});
  idler stays, goes, in_its_place, one_more, on_a_worker_that_had_none;
  pool.add(0, stays, "stays");
  const auto alone = pool.add_alone(goes, "goes");
  pool.start();
  int had_run = 0;
  EXPECT_TRUE(pool.hold(tasklet::time_point::max(), [&] {
    had_run = goes.runs;
    const int before = stays.runs;
    pool.remove(goes);
    EXPECT_EQ(pool.add_alone(in_its_place, "in its place"), alone);
    EXPECT_EQ(pool.add_alone(one_more, "one more"), alone + 1);
    pool.add(1, on_a_worker_that_had_none, "on a worker that had none");
    EXPECT_EQ(stays.runs, before);
  }));
  end(pool, {&stays, &in_its_place, &one_more, &on_a_worker_that_had_none});
  EXPECT_EQ(goes.runs, had_run);
  for (auto* t : {&in_its_place, &one_more, &on_a_worker_that_had_none}) EXPECT_GT(t->runs, 0);
}

TEST(worker_pool, is_not_held_where_a_tasklet_does_not_finish_its_round) {
  struct blocked final : tasklet {
    progress run(time_point) override {
      has_begun.store(true);
      has_begun.notify_all();
      may_end.wait(false);
      return {true, true};
    }
    time_point next_wake() const override { return time_point::max(); }
    std::atomic<bool> has_begun{false}, may_end{false};
  } t;
  worker_pool pool({.workers = 1});
  pool.add(0, t, "blocked");
  pool.start();
  t.has_begun.wait(false);
  const auto soon = [] { return std::chrono::steady_clock::now() + 1ms; };
  EXPECT_FALSE(pool.hold(soon(), [] { ADD_FAILURE() << "called though a tasklet is at work"; }));
  t.may_end.store(true);
  t.may_end.notify_all();
  bool called = false;
  EXPECT_TRUE(pool.hold(tasklet::time_point::max(), [&] { called = true; }));  // also when all tasklets are done
  EXPECT_TRUE(called);
  pool.join();
}

/// Throws so often, in its own name and in another's, before it ends.
class thrower final : public tasklet {
 public:
  explicit thrower(int times, bool under_label = false) : times_(times), under_label_(under_label) {}
  progress run(time_point) override {
    ++runs;
    if (times_ == 0) return {true, true};
    --times_;
    if (!under_label_) throw std::runtime_error("broken");
    const work_label outer(outer_name_);
    const work_label inner(inner_name_);
    throw std::runtime_error("broken");
  }
  time_point next_wake() const override { return time_point::max(); }
  int runs = 0;

 private:
  int times_;
  const bool under_label_;
  const std::string outer_name_ = "outer", inner_name_ = "inner";
};

std::vector<std::string> told_of(thrower& t) {
  worker_pool pool({.workers = 1});
  pool.add(0, t, "the tasklet");
  std::vector<std::string> told;
  pool.start({}, [&](const std::string& name, std::exception_ptr why, bool given_up) {
    try {
      std::rethrow_exception(why);
    } catch (const std::exception& e) { told.push_back(name + ": " + e.what() + (given_up ? ", given up" : "")); }
  });
  pool.join();
  return told;
}

TEST(worker_pool, a_tasklet_that_throws_is_named_and_may_end_in_order) {
  thrower once(1);
  EXPECT_EQ(told_of(once), (std::vector<std::string>{"the tasklet: broken"}));
  EXPECT_EQ(once.runs, 2);
}

TEST(worker_pool, one_that_throws_again_is_given_up) {
  thrower always(1000, true);
  EXPECT_EQ(told_of(always), (std::vector<std::string>{"inner: broken", "inner: broken, given up"}));
  EXPECT_EQ(always.runs, 2);
}

#if defined(__GLIBC__)
std::string error_of_start(worker_pool& pool) {
  try {
    pool.start([](const std::string&, std::chrono::nanoseconds) {});
  } catch (const std::system_error& e) { return e.what(); }
  return "started";
}

TEST(worker_pool, a_thread_that_cannot_be_started_is_an_error) {
  const stack_size more_than_there_is(std::size_t{1} << 46);
  worker_pool pool({.workers = 2});
  idler a, b;
  pool.add(0, a, "a");
  pool.add(1, b, "b");
  EXPECT_EQ(error_of_start(pool), "could not start worker 1 of 2: Resource temporarily unavailable");
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they take address space as they like
TEST(worker_pool, when_some_threads_cannot_be_started_none_runs_anything) {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit before{};
  getrlimit(RLIMIT_AS, &before);
  const stack_size large(std::size_t{256} << 20);
  constexpr std::size_t workers = 64;
  worker_pool pool({.workers = workers});
  std::vector<idler> all(workers);
  for (std::size_t i = 0; i < workers; ++i) pool.add(i, all[i], std::to_string(i));
  auto now = before;
  now.rlim_cur = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + (std::size_t{2} << 30);
  setrlimit(RLIMIT_AS, &now);
  const auto error = error_of_start(pool);
  setrlimit(RLIMIT_AS, &before);
  EXPECT_NE(error.find(" of 64: Resource temporarily unavailable"), std::string::npos) << error;
  EXPECT_EQ(error.find("worker 1 of"), std::string::npos) << error;
  EXPECT_TRUE(std::all_of(all.begin(), all.end(), [](auto& t) { return t.runs.load() == 0; }));
}
#endif
#endif

}  // namespace
}  // namespace freshet
