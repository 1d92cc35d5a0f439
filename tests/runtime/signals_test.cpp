#include "freshet/runtime/signals.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "freshet/freshet.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;

topology endless(std::atomic<std::uint64_t>& seen) {
  topology_builder b{"t"};
  b.sink("see", [&seen](const std::uint64_t&) {
     ++seen;
   }).input(b.spout("numbers", generator_spout{[](std::uint64_t i) { return i; }, {.rate = 1000}}));
  return b.build();
}

TEST(drain_on_signals, a_signal_drains_the_run) {
  for (int number : {SIGINT, SIGTERM}) {
    std::atomic<std::uint64_t> seen = 0;
    auto run = event_executor{{.workers = 1}}.start(endless(seen));
    drain_on_signals guard{run};
    EXPECT_EQ(guard.signal(), 0);
    while (seen == 0) std::this_thread::yield();
    ::raise(number);
    run.wait();
    EXPECT_EQ(guard.signal(), number);
    const auto m = run.metrics().node("numbers");
    EXPECT_EQ(m.emitted, m.acked);
    EXPECT_EQ(m.emitted, seen);
  }
}

TEST(drain_on_signals, calls_a_function_once) {
  std::atomic<int> calls = 0;
  drain_on_signals guard{[&] {
    ++calls;
    calls.notify_all();
  }};
  ::raise(SIGTERM);
  calls.wait(0);
  EXPECT_EQ(calls, 1);
}

TEST(drain_on_signals, puts_the_old_handlers_back) {
  static std::atomic<int> old;
  old = 0;
  struct sigaction mine {
  }, before{};
  mine.sa_handler = [](int) { ++old; };
  ::sigaction(SIGINT, &mine, &before);
  {
    drain_on_signals guard{[] {}};
    ::raise(SIGINT);
    EXPECT_EQ(old, 0);
  }
  ::raise(SIGINT);
  EXPECT_EQ(old, 1);
  ::sigaction(SIGINT, &before, nullptr);
}

TEST(drain_on_signals, there_is_one_at_a_time) {
  {
    drain_on_signals first{[] {}};
    EXPECT_THROW(drain_on_signals second{[] {}}, std::logic_error);
  }
  drain_on_signals third{[] {}};
}

TEST(drain_on_signals, comes_and_goes_without_a_signal) {
  for (int i = 0; i < 200; ++i) drain_on_signals guard{[] { FAIL(); }};
}

TEST(drain_on_signals_death, a_second_signal_ends_the_process) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        std::atomic<bool> asked = false;
        drain_on_signals guard{[&] {
          asked = true;
          asked.notify_all();
        }};
        ::raise(SIGINT);
        asked.wait(false);
        ::raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace freshet
