#include "freshet/connect/memory/channel_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>

#include "freshet/freshet.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

template <class T>
std::vector<T> rest_of(channel_sink<T>& channel) {
  std::vector<T> all;
  while (auto v = channel.pop()) all.push_back(*v);
  return all;
}
topology counting_into(const channel_sink<std::uint64_t>& channel, std::uint64_t count, std::size_t tasks = 1) {
  topology_builder b{"t"};
  auto numbers = b.spout("numbers", generator_spout{[](std::uint64_t i) { return i; }, {.count = count}});
  b.sink("out", channel, {.parallelism = tasks}).input(numbers, shuffle_grouping{});
  return b.build();
}
std::vector<std::uint64_t> up_to(std::uint64_t n) {
  std::vector<std::uint64_t> all(n);
  std::iota(all.begin(), all.end(), 0u);
  return all;
}

TEST(channel_sink, gives_what_was_written_in_order) {
  channel_sink<int> sink;
  EXPECT_EQ(sink.try_pop(), std::nullopt);
  sink.write(1);
  sink.write(2);
  EXPECT_EQ(sink.size(), 2u);
  EXPECT_EQ(sink.pop(), 1);
  EXPECT_EQ(sink.pop_for(1h), 2);
  EXPECT_EQ(sink.pop_for(1ns), std::nullopt);
  EXPECT_FALSE(sink.finished());
}

TEST(channel_sink, drops_what_it_was_told_to_and_counts_it) {
  channel_sink<int> oldest{{.capacity = 2, .when_full = when_full::drop_oldest}};
  channel_sink<int> newest{{.capacity = 2, .when_full = when_full::drop_newest}};
  for (int i = 0; i < 5; ++i) {
    oldest.write(i);
    newest.write(i);
  }
  EXPECT_EQ(oldest.dropped(), 3u);
  EXPECT_EQ(newest.dropped(), 3u);
  oldest.close();
  newest.close();
  EXPECT_THAT(rest_of(oldest), ElementsAre(3, 4));
  EXPECT_THAT(rest_of(newest), ElementsAre(0, 1));
}

TEST(channel_sink, capacity_zero_is_refused) {
  EXPECT_THROW(channel_sink<int>(channel_options{.capacity = 0}), std::invalid_argument);
}

TEST(channel_sink, a_full_channel_holds_its_node_back_and_loses_nothing) {
  for (std::size_t capacity : {1, 2, 3, 16}) {
    channel_sink<std::uint64_t> channel{{.capacity = capacity}};
    auto run = event_executor{{.workers = 1}}.start(counting_into(channel, 3'000));
    std::vector<std::uint64_t> got;
    while (auto v = channel.pop()) {
      EXPECT_LE(channel.size(), capacity);
      got.push_back(*v);
    }
    EXPECT_EQ(got, up_to(3'000));
    EXPECT_EQ(channel.dropped(), 0u);
    EXPECT_TRUE(channel.finished());
    run.wait();
  }
}

TEST(channel_sink, several_tasks_and_several_readers) {
  channel_sink<std::uint64_t> channel{{.capacity = 8}};
  auto run = event_executor{{.workers = 2}}.start(counting_into(channel, 20'000, 3));
  std::atomic<std::uint64_t> sum = 0, count = 0;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i)
      readers.emplace_back([&] {
        while (auto v = channel.pop()) {
          sum += *v;
          ++count;
        }
      });
  }
  run.wait();
  EXPECT_EQ(count, 20'000u);
  EXPECT_EQ(sum, 20'000u * 19'999u / 2);
}

TEST(channel_sink, a_topology_that_waits_uses_no_thread) {
  channel_sink<std::uint64_t> stuck{{.capacity = 1}};
  auto held_back = event_executor{{.workers = 1, .drain_timeout = 1ms, .log = {}}}.start(counting_into(stuck, 100));
  while (stuck.size() < 1) std::this_thread::yield();
  // On the same worker another branch goes on.
  channel_sink<std::uint64_t> slow{{.capacity = 1}};
  collect_sink<std::uint64_t> quick;
  topology_builder b{"t"};
  b.sink("slow", slow).input(b.spout("a", generator_spout{[](std::uint64_t i) { return i; }, {.count = 100}}));
  b.sink("quick", quick).input(b.spout("b", generator_spout{[](std::uint64_t i) { return i; }, {.count = 100}}));
  auto run = event_executor{{.workers = 1}}.start(b.build());
  while (quick.size() < 100) std::this_thread::yield();
  EXPECT_EQ(rest_of(slow).size(), 100u);
  run.wait();
}

TEST(channel_sink, a_reader_that_leaves_sets_the_topology_free) {
  channel_sink<std::uint64_t> channel{{.capacity = 4}};
  auto run = event_executor{{.workers = 1}}.start(counting_into(channel, 1'000));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(channel.pop());
  channel.close();
  run.wait();
  const auto left = rest_of(channel).size();
  EXPECT_EQ(10 + left + channel.dropped(), 1'000u);
}

TEST(channel_sink, serves_one_run_after_the_other) {
  channel_sink<std::uint64_t> channel;
  const auto graph = counting_into(channel, 10);
  for (int i = 0; i < 3; ++i) {
    auto run = event_executor{{.workers = 1}}.start(graph);
    EXPECT_EQ(rest_of(channel), up_to(10));
    run.wait();
  }
}

TEST(channel_sink, a_failed_run_ends_the_readers_wait) {
  channel_sink<int> channel;
  topology_builder b{"t"};
  auto numbers = b.spout("numbers", vector_spout<int>{{1}});
  auto broken = b.bolt("broken", [](const int& v) { return v ? throw std::runtime_error("no") : v; },
                       {.on_failure = on_failure::stop})
                    .input(numbers);
  b.sink("out", channel).input(broken);
  auto run = event_executor{{.workers = 1, .retry = {.max_attempts = 1}, .log = {}}}.start(b.build());
  EXPECT_EQ(channel.pop(), std::nullopt);
  EXPECT_THROW(run.wait(), run_error);
}

}  // namespace
}  // namespace freshet
