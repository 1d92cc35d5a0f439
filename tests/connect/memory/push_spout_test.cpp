#include "freshet/connect/memory/push_spout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <numeric>
#include <string>
#include <thread>

#include "connect/spout_probe.hpp"
#include "freshet/freshet.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using kind = poll_status::kind;

TEST(push_spout, refuses_when_full_and_says_so) {
  push_spout<int> spout{{.capacity = 2}};
  EXPECT_TRUE(spout.try_push(1));
  EXPECT_TRUE(spout.try_push(2));
  auto third = spout.try_push(3);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, errc::full);
  EXPECT_TRUE(third.error().retryable);
  EXPECT_EQ(spout.queued(), 2u);
}

TEST(push_spout, keeps_a_value_that_is_refused_with_its_owner) {
  push_spout<std::string> spout{{.capacity = 1}};
  std::string a = "a value too long for the small buffer", b = a;
  EXPECT_TRUE(spout.try_push(std::move(a)));
  EXPECT_FALSE(spout.try_push(std::move(b)));
  EXPECT_EQ(b, "a value too long for the small buffer");
}

TEST(push_spout, capacity_counts_what_a_task_has_taken_and_not_emitted) {
  push_spout<int> spout{{.capacity = 4}};
  spout_probe probe{spout};
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(spout.try_push(i));
  EXPECT_EQ(probe.poll(1), kind::emitted);
  EXPECT_EQ(spout.queued(), 3u);
  EXPECT_TRUE(spout.try_push(4));
  EXPECT_FALSE(spout.try_push(5));
  EXPECT_EQ(probe.poll_all(), kind::idle);
  EXPECT_THAT(probe.values(), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(spout.queued(), 0u);
}

TEST(push_spout, close_lets_the_queue_be_read) {
  push_spout<int> spout;
  spout_probe probe{spout};
  EXPECT_TRUE(spout.push(1));
  spout.close();
  spout.close();
  EXPECT_TRUE(spout.closed());
  EXPECT_EQ(spout.try_push(2).error().code, errc::closed);
  EXPECT_EQ(spout.push(2).error().code, errc::closed);
  EXPECT_EQ(probe.poll_all(), kind::ended);
  EXPECT_THAT(probe.values(), ElementsAre(1));
}

TEST(push_spout, the_end_of_a_run_closes_it_until_the_next) {
  push_spout<int> spout;
  {
    spout_probe probe{spout};
    EXPECT_TRUE(spout.push(1));
    probe.poll();
    EXPECT_TRUE(spout.push(2));
    probe.close();
    EXPECT_TRUE(spout.closed());
    EXPECT_EQ(spout.try_push(3).error().code, errc::closed);
  }
  EXPECT_EQ(spout.queued(), 1u);
  spout_probe next{spout};
  EXPECT_TRUE(spout.push(4));
  EXPECT_EQ(next.poll_all(), kind::idle);
  EXPECT_THAT(next.values(), ElementsAre(2, 4));
}

TEST(push_spout, a_task_that_ends_gives_back_what_it_had_taken) {
  push_spout<int> spout;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(spout.push(i));
  {
    spout_probe probe{spout};
    probe.poll(2);
    EXPECT_TRUE(spout.push(5));
  }
  spout_probe next{spout};
  next.poll_all();
  EXPECT_THAT(next.values(), ElementsAre(2, 3, 4, 5));
}

TEST(push_spout, several_tasks_share_the_values) {
  push_spout<int> spout;
  spout_probe a{spout}, b{spout};
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(spout.push(i));
  EXPECT_EQ(a.poll(3), kind::emitted);
  EXPECT_EQ(b.poll(3), kind::emitted);
  EXPECT_THAT(a.values(), ElementsAre(0, 1, 2));
  EXPECT_THAT(b.values(), ElementsAre(3, 4, 5));
  a.close();
  EXPECT_FALSE(spout.closed());
  EXPECT_EQ(b.poll_all(), kind::idle);
  EXPECT_EQ(b.messages.size(), 7u);
}

TEST(push_spout, push_then_waits_its_turn) {
  push_spout<int> spout{{.capacity = 1}};
  spout_probe probe{spout};
  std::vector<std::string> said;
  const auto note = [&](std::string name) {
    return [&said, name](result<void> r) {
      said.push_back(name + (r ? "" : " " + std::string(to_string(r.error().code))));
    };
  };
  EXPECT_EQ(spout.push_then(1, note("one")), 0u);
  EXPECT_THAT(said, ElementsAre("one"));
  const auto two = spout.push_then(2, note("two"));
  const auto three = spout.push_then(3, note("three"));
  spout.push_then(4, note("four"));
  EXPECT_NE(two, 0u);
  EXPECT_FALSE(spout.try_push(9));
  EXPECT_TRUE(spout.withdraw(three));
  EXPECT_FALSE(spout.withdraw(three));
  probe.poll(1);
  EXPECT_THAT(said, ElementsAre("one", "two"));
  EXPECT_FALSE(spout.withdraw(two));
  spout.close();
  EXPECT_THAT(said, ElementsAre("one", "two", "four closed"));
  EXPECT_EQ(spout.push_then(5, note("five")), 0u);
  EXPECT_THAT(said, ElementsAre("one", "two", "four closed", "five closed"));
  EXPECT_EQ(probe.poll_all(), kind::ended);
  EXPECT_THAT(probe.values(), ElementsAre(1, 2));
}

TEST(push_spout, on_room_calls_once) {
  push_spout<int> spout{{.capacity = 1}};
  spout_probe probe{spout};
  int calls = 0;
  spout.on_room([&] { ++calls; });
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(spout.push(1));
  const auto waiting = spout.on_room([&] { ++calls; });
  EXPECT_TRUE(spout.withdraw(waiting));
  spout.on_room([&] { ++calls; });
  EXPECT_EQ(calls, 1);
  probe.poll();
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(spout.push(2));
  spout.on_room([&] { ++calls; });
  spout.close();
  EXPECT_EQ(calls, 3);
}

TEST(push_spout, close_unblocks_who_waits) {
  push_spout<int> spout{{.capacity = 1}};
  EXPECT_TRUE(spout.push(1));
  std::latch ready{3};
  std::atomic<int> closed = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      ready.count_down();
      const auto pushed = spout.push(2);
      closed += !pushed && pushed.error().code == errc::closed;
    });
  ready.wait();
  spout.close();
  threads.clear();
  EXPECT_EQ(closed, 3);
}

TEST(push_spout, the_end_of_a_run_unblocks_who_waits) {
  push_spout<int> spout{{.capacity = 1}};
  topology_builder b{"t"};
  auto numbers = b.spout("numbers", spout, {.max_pending = 1});
  // The only message stays open, so that nothing more is polled.
  b.sink("end", [](const int&) { std::this_thread::sleep_for(1ms); }).input(numbers);
  auto run = event_executor{{.workers = 1}}.start(b.build());
  std::jthread pusher([&] {
    while (spout.push(1)) {}
  });
  run.drain();
  pusher.join();
  EXPECT_TRUE(spout.closed());
}

TEST(push_spout, many_producers_lose_nothing) {
  push_spout<std::uint64_t> spout{{.capacity = 64}};
  std::atomic<std::uint64_t> sum = 0, count = 0;
  topology_builder b{"t"};
  auto numbers = b.spout("numbers", spout, {.parallelism = 2});
  b.sink("sum", [&](const std::uint64_t& v) {
     sum += v;
     ++count;
   }).input(numbers);
  auto run = event_executor{{.workers = 2}}.start(b.build());
  constexpr std::uint64_t producers = 4, each = 5'000;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < producers; ++t)
      threads.emplace_back([&, t] {
        for (std::uint64_t i = 0; i < each; ++i) {
          const auto v = t * each + i + 1;
          if (t == 0) {
            while (!spout.try_push(v)) std::this_thread::yield();
          } else if (t == 1) {
            std::atomic<bool> done = false;
            spout.push_then(v, [&](result<void> r) {
              EXPECT_TRUE(r);
              done = true;
              done.notify_one();
            });
            done.wait(false);
          } else {
            ASSERT_TRUE(spout.push(v));
          }
        }
      });
  }
  spout.close();
  run.wait();
  EXPECT_EQ(count, producers * each);
  EXPECT_EQ(sum, producers * each * (producers * each + 1) / 2);
}

TEST(push_spout, closing_among_many_producers_delivers_exactly_what_was_accepted) {
  for (int round = 0; round < 20; ++round) {
    push_spout<int> spout{{.capacity = 8}};
    std::atomic<int> accepted = 0, delivered = 0;
    topology_builder b{"t"};
    b.sink("count", [&](const int&) { ++delivered; }).input(b.spout("numbers", spout));
    auto run = event_executor{{.workers = 1}}.start(b.build());
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        while (spout.push(1)) ++accepted;
      });
    while (accepted < 100) std::this_thread::yield();
    spout.close();
    run.wait();
    threads.clear();
    EXPECT_EQ(accepted, delivered);
  }
}

TEST(push_spout, wakes_a_sleeping_task_for_every_value) {
  push_spout<int> spout;
  std::atomic<int> seen = 0;
  topology_builder b{"t"};
  b.sink("see", [&](const int& v) {
     seen = v;
     seen.notify_all();
   }).input(b.spout("numbers", spout, {.parallelism = 2}));
  auto run = event_executor{{.workers = 2, .idle = idle::park}}.start(b.build());
  for (int i = 1; i <= 2'000; ++i) {
    ASSERT_TRUE(spout.try_push(i));
    for (int v = seen; v != i; v = seen) seen.wait(v);
  }
  spout.close();
  run.wait();
}

TEST(push_spout, what_fails_is_tried_again_without_asking_the_caller) {
  push_spout<std::string> spout;
  std::map<std::string, int> tries;
  topology_builder b{"t"};
  b.sink("fails", [&](const std::string& s) {
     if (++tries[s] < 3 && s == "b") throw std::runtime_error("no");
   }).input(b.spout("texts", spout));
  auto run = event_executor{{.workers = 1, .retry = {.first = 1ms}}}.start(b.build());
  for (const char* s : {"a", "b", "c"}) EXPECT_TRUE(spout.push(s));
  spout.close();
  run.wait();
  EXPECT_EQ(tries, (std::map<std::string, int>{{"a", 1}, {"b", 3}, {"c", 1}}));
}

TEST(push_spout, capacity_zero_is_refused) {
  EXPECT_THROW(push_spout<int>(push_options{.capacity = 0}), std::invalid_argument);
}

}  // namespace
}  // namespace freshet
