#include "freshet/connect/memory/generator_spout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "connect/spout_probe.hpp"
#include "freshet/freshet.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::ElementsAre;
using kind = poll_status::kind;

class manual_clock final : public clock {
 public:
  steady_clock::time_point now() const noexcept override { return now_; }
  event_time wall() const noexcept override { return {}; }
  void advance(std::chrono::nanoseconds d) { now_ += d; }

 private:
  steady_clock::time_point now_{1000s};
};

struct event {
  std::uint64_t index = 0;
  std::int64_t after_ms = 0;  // intended, since the clock's beginning
  friend bool operator==(const event&, const event&) = default;
};
event make(std::uint64_t i, steady_clock::time_point t) {
  return {i, std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch() - 1000s).count()};
}
task_context on(const manual_clock& clock, std::size_t task = 0, std::size_t tasks = 1) {
  task_context c;
  c.clock = &clock;
  c.task = task;
  c.task_count = tasks;
  return c;
}

TEST(generator_spout, makes_the_number_asked_for) {
  spout_probe probe{generator_spout{[](std::uint64_t i) { return i * i; }, {.count = 5}}};
  EXPECT_EQ(probe.poll_all(2), kind::ended);
  EXPECT_THAT(probe.values(), ElementsAre(0, 1, 4, 9, 16));
}

TEST(generator_spout, keeps_within_the_room_of_a_poll) {
  spout_probe probe{generator_spout{[](std::uint64_t i) { return i; }}};
  EXPECT_EQ(probe.poll(7), kind::emitted);
  EXPECT_EQ(probe.messages.size(), 7u);
}

TEST(generator_spout, with_a_rate_waits_for_each_events_time) {
  manual_clock clock;
  spout_probe probe{generator_spout{make, {.rate = 100}}, on(clock)};
  EXPECT_EQ(probe.poll(), kind::idle_until);
  EXPECT_THAT(probe.values(), ElementsAre(event{0, 0}));
  EXPECT_EQ(probe.when, clock.now() + 10ms);
  EXPECT_EQ(probe.poll(), kind::idle_until);
  EXPECT_EQ(probe.messages.size(), 1u);
  clock.advance(10ms);
  probe.poll();
  EXPECT_THAT(probe.values(), ElementsAre(event{0, 0}, event{1, 10}));
}

TEST(generator_spout, after_a_stall_catches_up_with_the_times_that_were_intended) {
  manual_clock clock;
  spout_probe probe{generator_spout{make, {.rate = 100}}, on(clock)};
  probe.poll();
  clock.advance(45ms);
  EXPECT_EQ(probe.poll(2), kind::emitted);
  EXPECT_EQ(probe.poll(), kind::idle_until);
  EXPECT_THAT(probe.values(), ElementsAre(event{0, 0}, event{1, 10}, event{2, 20}, event{3, 30}, event{4, 40}));
  EXPECT_EQ(probe.when, clock.now() + 5ms);
}

TEST(generator_spout, ends_after_its_duration) {
  manual_clock clock;
  spout_probe probe{generator_spout{make, {.rate = 1000, .duration = 50ms}}, on(clock)};
  for (int i = 0; i < 100 && probe.poll() != kind::ended; ++i) clock.advance(1ms);
  EXPECT_EQ(probe.messages.size(), 50u);

  spout_probe fast{generator_spout{make, {.duration = 50ms}}, on(clock)};
  EXPECT_EQ(fast.poll(3), kind::emitted);
  clock.advance(49ms);
  EXPECT_EQ(fast.poll(3), kind::emitted);
  clock.advance(1ms);
  EXPECT_EQ(fast.poll(3), kind::ended);
  EXPECT_EQ(fast.messages.size(), 6u);
}

TEST(generator_spout, tasks_share_the_indices) {
  manual_clock clock;
  const generator_spout spout{make, {.rate = 100, .count = 10}};
  std::vector<event> all;
  for (std::size_t task = 0; task < 3; ++task) {
    spout_probe probe{spout, on(clock, task, 3)};
    for (int i = 0; i < 20; ++i) {
      probe.poll();
      clock.advance(10ms);
    }
    EXPECT_EQ(probe.poll(), kind::ended);
    for (auto& e : probe.values()) EXPECT_EQ(e.index % 3, task);
    for (auto& e : probe.values()) all.push_back({e.index, 0});
  }
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.index < b.index; });
  ASSERT_EQ(all.size(), 10u);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(all[i].index, i);
}

TEST(generator_spout, partitions_are_the_same_under_any_parallelism) {
  const generator_spout spout{[](std::uint64_t i) { return i; }, {.count = 20, .partitions = 4}};
  std::map<position, std::uint64_t> one, three;
  spout_probe alone{spout};
  EXPECT_EQ(alone.poll_all(), kind::ended);
  std::vector<std::uint64_t> in_order(20);
  std::iota(in_order.begin(), in_order.end(), 0u);
  EXPECT_EQ(alone.values(), in_order);
  for (auto& m : alone.messages) one.emplace(m.at, m.value);
  for (std::size_t task = 0; task < 3; ++task) {
    task_context c;
    c.task = task;
    c.task_count = 3;
    spout_probe probe{spout, c};
    EXPECT_EQ(probe.poll_all(), kind::ended);
    for (auto& m : probe.messages) three.emplace(m.at, m.value);
  }
  EXPECT_EQ(one.size(), 20u);
  EXPECT_EQ(one, three);
}

TEST(generator_spout, reads_again_what_it_made) {
  manual_clock clock;
  spout_probe probe{generator_spout{make, {.rate = 100, .partitions = 2}}, on(clock)};
  for (int i = 0; i < 10; ++i) {
    probe.poll();
    clock.advance(10ms);
  }
  const auto again = probe.read({1, 1, 4});
  ASSERT_EQ(again.size(), 3u);
  EXPECT_EQ(again[0].value, (event{3, 30}));
  EXPECT_EQ(again[2].value, (event{7, 70}));
  EXPECT_EQ(again[2].at, (position{1, 3, 4}));
  EXPECT_TRUE(probe.read({0, 2, 2}).empty());
  probe.poll();
  EXPECT_EQ(probe.messages.back().value.index, 10u);
}

TEST(generator_spout, goes_on_from_where_it_is_sent) {
  manual_clock clock;
  spout_probe probe{generator_spout{make, {.rate = 100, .count = 8}}, on(clock)};
  probe.seek({0, 5, 5});
  clock.advance(100ms);
  probe.poll();
  clock.advance(20ms);
  EXPECT_EQ(probe.poll(), kind::ended);
  EXPECT_THAT(probe.values(), ElementsAre(event{5, 100}, event{6, 110}, event{7, 120}));
}

TEST(generator_spout, more_tasks_than_partitions_leaves_the_others_idle) {
  task_context c;
  c.task = 1;
  c.task_count = 2;
  spout_probe probe{generator_spout{[](std::uint64_t i) { return i; }, {.count = 5, .partitions = 1}}, c};
  EXPECT_EQ(probe.poll(), kind::ended);
}

TEST(generator_spout, refuses_a_rate_that_is_none) {
  const auto with_rate = [](double rate) { generator_spout{[](std::uint64_t i) { return i; }, {.rate = rate}}; };
  EXPECT_THROW(with_rate(-1), std::invalid_argument);
  EXPECT_THROW(with_rate(std::nan("")), std::invalid_argument);
  EXPECT_THROW(with_rate(1e12), std::invalid_argument);
}

TEST(generator_spout, end_to_end_every_index_arrives_once) {
  collect_sink<std::uint64_t> got;
  topology_builder b{"t"};
  auto numbers =
      b.spout("numbers", generator_spout<std::uint64_t>{[](std::uint64_t i, auto) { return i; }, {.count = 10'000}},
              {.parallelism = 3});
  b.sink("got", got).input(numbers, global_grouping{});
  event_executor{{.workers = 2}}.start(b.build()).wait();
  auto values = got.take();
  std::sort(values.begin(), values.end());
  ASSERT_EQ(values.size(), 10'000u);
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], i);
}

TEST(generator_spout, end_to_end_failed_events_come_again_with_their_intended_time) {
  struct seen {
    std::uint64_t index = 0;
    std::int64_t intended_ns = 0;
  };
  std::mutex mutex;
  std::map<std::uint64_t, std::vector<std::int64_t>> tries;
  topology_builder b{"t"};
  auto events = b.spout("events", generator_spout{[](std::uint64_t i, steady_clock::time_point t) {
                                                    return seen{i, t.time_since_epoch().count()};
                                                  },
                                                  {.rate = 20'000, .count = 500}});
  b.sink("fails", [&](const seen& e) {
     std::lock_guard lock(mutex);
     auto& t = tries[e.index];
     t.push_back(e.intended_ns);
     if (e.index % 50 == 7 && t.size() < 3) throw std::runtime_error("no");
   }).input(events);
  event_executor{{.workers = 1, .retry = {.first = 1ms}}}.start(b.build()).wait();
  ASSERT_EQ(tries.size(), 500u);
  for (auto& [i, times] : tries) {
    EXPECT_EQ(times.size(), i % 50 == 7 ? 3u : 1u);
    for (auto t : times) EXPECT_EQ(t, times[0]);
  }
}

}  // namespace
}  // namespace freshet
