#include "freshet/time/clock_policy.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "freshet/connect/memory/callback_sink.hpp"
#include "freshet/connect/memory/push_spout.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "freshet/testing/topology_driver.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using samples::ms;
using samples::reading;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::topology_driver;
using words_by_window = windowed<std::string, std::uint64_t>;

TEST(following_clock, goes_with_the_clock_and_never_back) {
  following_clock clock{true, 10ms};
  EXPECT_EQ(clock.watermark(), beginning_of_time);
  clock.follow(ms(100));
  EXPECT_EQ(clock.watermark(), ms(99));
  clock.follow(ms(50));
  EXPECT_EQ(clock.watermark(), ms(99));
  EXPECT_EQ(clock.stamp_of({}), ms(99));
  clock.follow(ms(200));
  EXPECT_EQ(clock.stamp_of({.continues = true}), ms(99));  // of the same position as the one before
  EXPECT_EQ(clock.stamp_of({}), ms(199));
  clock.follow(end_of_time);
  EXPECT_LT(clock.watermark(), end_of_time);
}

template <class Policy>
topology words_by_ten_seconds(Policy by) {
  stream_builder b{"words"};
  b.spout("words", push_spout<std::string>{})
      .event_time(by)
      .key_by(std::identity{})
      .window(tumbling{10s})
      .count("count");
  return b.build();
}

TEST(processing_time, closes_windows_by_the_clock_while_nothing_comes) {
  topology_driver driver{words_by_ten_seconds(processing_time{})};
  auto& counts = driver.watch<words_by_window>("count");
  driver.advance_clock(1s);
  driver.push("words", "a");
  driver.push("words", "a");
  driver.advance_clock(8s);
  EXPECT_THAT(counts, IsEmpty());
  driver.push("words", "a");
  driver.advance_clock(1500ms);
  ASSERT_EQ(counts.size(), 1u);
  EXPECT_EQ(counts[0].value, 3u);
  EXPECT_EQ(counts[0].window, (window{ms(0), ms(10'000)}));
  driver.push("words", "a");
  driver.finish();
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[1].window.start, ms(10'000));
}

/// Holds the first tuple and emits the times of all.
struct held_first {
  std::shared_ptr<held_tuple> held = std::make_shared<held_tuple>();
  using times = std::pair<std::int64_t, std::int64_t>;  ///< time and stamp
  void process(const std::string&, emitter<times>& out) {
    if (!std::exchange(*seen, true)) *held = out.hold();
    out.emit({out.time().time_since_epoch().count(), out.stamp().time_since_epoch().count()});
  }
  std::shared_ptr<bool> seen = std::make_shared<bool>(false);
};

/// A message at one second that fails at two, after which it is emitted again; and how many windows have closed by
/// then that ended before.
template <class Policy>
std::pair<std::vector<held_first::times>, std::size_t> behind_a_failure(Policy by) {
  stream_builder b{"again"};
  held_first bolt;
  const auto words = b.spout("words", push_spout<std::string>{}).event_time(by);
  words.key_by(std::identity{}).process("times", bolt);
  words.key_by(std::identity{}).window(tumbling{1500ms}).count("count");
  topology_driver driver{b.build()};
  auto& times = driver.watch<held_first::times>("times");
  auto& counts = driver.watch<words_by_window>("count");
  driver.advance_clock(1s);
  driver.push("words", "a");
  driver.advance_clock(1s);
  const auto closed = counts.size();
  bolt.held->fail("later");
  driver.advance_clock(0s);
  driver.finish();
  return {times, closed};
}

TEST(processing_time, is_that_of_each_emission_and_waits_for_nobody) {
  const auto [times, closed] = behind_a_failure(processing_time{});
  EXPECT_THAT(times, ElementsAre(Pair(1000, 999), Pair(2000, 1999)));
  EXPECT_EQ(closed, 1u);
}
TEST(ingestion_time, stays_what_it_was_when_a_message_is_emitted_again_and_holds_windows_open) {
  const auto [times, closed] = behind_a_failure(ingestion_time{});
  EXPECT_THAT(times, ElementsAre(Pair(1000, 999), Pair(1000, 999)));
  EXPECT_EQ(closed, 0u);
}

class clock_times : public samples::on_every_engine {};
INSTANTIATE_TEST_SUITE_P(engines, clock_times, ::testing::ValuesIn(samples::every_engine()), samples::name_of_engine);

/// Each word is in one window, whatever fails and however time goes on meanwhile.
template <class Policy>
void counts_everything_once(stream_builder& builder, samples::any_engine engine, Policy by) {
  const auto* events = std::get_if<event_options>(&engine);
  const bool is_exact = !events || events->guarantee != guarantee::at_least_once;
  if (!events || events->guarantee != guarantee::best_effort) {
    auto faults = std::make_shared<testing::fault_plan>(5);
    faults->throw_at_random("pass", 0.002);
    std::visit([&](auto& options) { options.faults = faults; }, engine);
    if (auto* e = std::get_if<event_options>(&engine)) e->retry = {.max_attempts = 100, .first = 1ms, .longest = 1ms};
    else std::get<batch_options>(engine).max_task_attempts = 100;
  }
  std::vector<std::string> all;
  for (int i = 0; i < 3000; ++i) all.push_back("w" + std::to_string(i % 5));
  collect_sink<words_by_window> got;
  collect_sink<late_tuple<std::string>> late;
  const auto counts = builder.spout("words", vector_spout<std::string>{all}, {.parallelism = 2})
                          .event_time(by)
                          .map("pass", [](const std::string& w) { return w; })
                          .key_by(std::identity{})
                          .window(tumbling{5ms})
                          .count("count", {.parallelism = 2});
  counts.to("got", got);
  counts.late().to("late", late);
  samples::start_on(engine, builder.build()).wait();
  std::map<std::string, std::uint64_t> sums;
  for (const auto& w : got.take()) sums[w.key] += w.value;
  ASSERT_EQ(sums.size(), 5u);
  for (const auto& [word, n] : sums) {
    if (is_exact) EXPECT_EQ(n, 600u) << word;
    else EXPECT_GE(n, 600u) << word;
  }
  EXPECT_THAT(late.take(), IsEmpty());
}

TEST_P(clock_times, lose_nothing_in_processing_time) {
  counts_everything_once(builder, GetParam().second, processing_time{1ms});
}
TEST_P(clock_times, lose_nothing_in_ingestion_time) {
  counts_everything_once(builder, GetParam().second, ingestion_time{1ms});
}

/// Windows close though nothing comes any more, on every engine.
TEST_P(clock_times, close_windows_of_a_silent_stream) {
  push_spout<std::string> in;
  std::atomic<int> closed{0};
  builder.spout("words", in)
      .event_time(processing_time{})
      .key_by(std::identity{})
      .window(tumbling{20ms})
      .count("count")
      .to("got", callback_sink<words_by_window>{[&](const words_by_window& w) {
            EXPECT_EQ(w.value, 1u);
            ++closed;
          }});
  auto run = samples::start_on(samples::answering_at_once(GetParam().second), builder.build());
  ASSERT_TRUE(in.push("a"));
  while (closed == 0) std::this_thread::sleep_for(1ms);
  in.close();
  run.wait();
  EXPECT_EQ(closed, 1);
}

TEST(clock_policies, build_finds_what_cannot_be) {
  stream_builder b{"wrong"};
  (void)b.spout("in", vector_spout<std::string>{{}}).event_time(processing_time{0ms});
  const auto divided = b.spout("other", vector_spout<std::string>{{}}).key_by(std::identity{});
  (void)divided.process("x", [](const std::string& s) { return s; }).event_time(ingestion_time{});
  try {
    (void)b.build();
    FAIL();
  } catch (const topology_error& e) {
    const std::string all = e.what();
    EXPECT_NE(all.find("\"in.event_time\" has a resolution of 0 ms"), std::string::npos) << all;
    EXPECT_NE(all.find("\"x.event_time\" sets event times too late"), std::string::npos) << all;
  }
}

}  // namespace
}  // namespace freshet
