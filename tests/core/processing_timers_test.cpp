#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/connect/memory/callback_sink.hpp"
#include "freshet/connect/memory/push_spout.hpp"
#include "freshet/core/timers.hpp"
#include "freshet/testing/bolt_harness.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "freshet/testing/topology_driver.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using samples::ms;
using samples::reading;
using ::testing::AllOf;
using testing::bolt_harness;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::topology_driver;

/// Says which keys have been silent for ten seconds, and how many tuples there were before.
struct watch_for_silence {
  using state = std::int64_t;
  static constexpr std::uint32_t silence = 1;
  void process(const reading&, state& n, processing_timers& t, emitter<std::string>&) {
    ++n;
    t.set(silence, t.now() + 10s);
  }
  void on_processing_timer(const std::string& key, event_time, state& n, processing_timers& t,
                           emitter<std::string>& out) {
    EXPECT_TRUE(t.is(silence));
    out.emit(key + " after " + std::to_string(n));
    n = 0;
  }
};

topology silent_keys() {
  stream_builder b{"silence"};
  b.spout("in", push_spout<reading>{}).key_by(&reading::key).process("watch", watch_for_silence{}, {.parallelism = 2});
  return b.build();
}

TEST(processing_timers, are_called_when_the_clock_has_reached_their_time) {
  topology_driver driver{silent_keys()};
  auto& silent = driver.watch<std::string>("watch");
  driver.push("in", reading{"a"});
  driver.advance_clock(4s);
  driver.push("in", reading{"b"});
  driver.advance_clock(5s);
  driver.push("in", reading{"a"});  // which moves its timer
  driver.advance_clock(4s);
  EXPECT_THAT(silent, IsEmpty());
  driver.advance_clock(1s);
  EXPECT_THAT(silent, ElementsAre("b after 1"));
  driver.advance_clock(1h);
  EXPECT_THAT(silent, ElementsAre("b after 1", "a after 2"));
}

TEST(processing_timers, are_all_called_when_the_input_ends) {
  topology_driver driver{silent_keys()};
  auto& silent = driver.watch<std::string>("watch");
  driver.push("in", reading{"a"});
  driver.finish();
  EXPECT_THAT(silent, ElementsAre("a after 1"));
}

struct alarms {
  using state = int;
  void process(const std::string& what, state&, processing_timers& t, emitter<std::string>&) {
    if (what == "set") t.at(t.now() + 3s), t.at(t.now() + 1s), t.at(t.now() + 2s), t.at(t.now() + 1s);
    if (what == "cancel") t.cancel(t.now() + 2s);
    if (what == "past") t.at(t.now() - 1s);
  }
  void on_processing_timer(const int&, event_time due, state&, emitter<std::string>& out) {
    out.emit(std::to_string(std::chrono::floor<std::chrono::seconds>(due.time_since_epoch()).count()));
  }
};

TEST(processing_timers, come_in_the_order_of_their_times_and_can_be_cancelled) {
  stream_builder b{"alarms"};
  b.spout("in", push_spout<std::string>{}).key_by([](const std::string&) { return 0; }).process("alarms", alarms{});
  topology_driver driver{b.build()};
  auto& called = driver.watch<std::string>("alarms");
  const auto began = std::chrono::floor<std::chrono::seconds>(driver.clock().wall().time_since_epoch()).count();
  driver.push("in", "set");
  driver.push("in", "cancel");
  driver.advance_clock(10s);
  EXPECT_THAT(called, ElementsAre(std::to_string(began + 1), std::to_string(began + 3)));
  driver.push("in", "past");
  EXPECT_THAT(called, ElementsAre(std::to_string(began + 1), std::to_string(began + 3), std::to_string(began + 9)));
}

/// Both kinds of timers, and what they emit.
struct both_kinds {
  using state = int;
  void process(const reading&, state&, timers& t, processing_timers& p, emitter<std::string>& out) {
    t.at(out.time() + 50ms);
    p.at(p.now() + 5s);
  }
  void on_timer(const std::string& key, event_time, state&, emitter<std::string>& out) { out.emit("event " + key); }
  void on_processing_timer(const std::string& key, event_time, state&, emitter<std::string>& out) {
    out.emit("clock " + key);
  }
};

TEST(processing_timers, emit_with_an_event_time_that_is_not_late) {
  bolt_harness harness{both_kinds{}, key_grouping{&reading::key}};
  harness.process({"a"}, ms(100), ms(90));
  harness.process({"b"}, ms(20), ms(90));
  harness.process({"c"}, ms(300), ms(90));
  harness.advance_watermark(ms(200));
  EXPECT_THAT(harness.output().values, ElementsAre("event b", "event a"));
  harness.output().clear();
  harness.advance_clock(5s);
  auto& out = harness.output();
  ASSERT_EQ(out.values.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(out.stamps[i], ms(200));
    EXPECT_EQ(out.times[i], out.values[i] == "clock c" ? ms(300) : ms(201)) << out.values[i];
  }
  out.clear();
  harness.process({"d"}, ms(400), ms(90));
  harness.advance_watermark(end_of_time);
  out.clear();
  harness.advance_clock(5s);
  ASSERT_EQ(out.values.size(), 1u);
  EXPECT_LT(out.stamps[0], out.times[0]);
  EXPECT_LT(out.times[0], end_of_time);
}

/// Beside a run whose clock is held, until the test moves it.
class held_wall final : public clock {
 public:
  std::chrono::steady_clock::time_point now() const noexcept override { return clock::real().now(); }
  event_time wall() const noexcept override { return event_time{event_span{wall_.load()}}; }
  void move(event_span by) { wall_ += by.count(); }

 private:
  std::atomic<std::int64_t> wall_{1'000'000};
};

class processing_timer_runs : public samples::on_every_engine {};
INSTANTIATE_TEST_SUITE_P(engines, processing_timer_runs, ::testing::ValuesIn(samples::every_engine()),
                         samples::name_of_engine);

TEST_P(processing_timer_runs, a_timer_that_is_due_is_called_without_a_tuple) {
  held_wall clock;
  auto engine = samples::answering_at_once(GetParam().second);
  std::visit([&clock](auto& options) { options.clock = &clock; }, engine);
  push_spout<reading> in;
  std::atomic<int> silent{0};
  const auto read = builder.spout("in", in);
  read.key_by(&reading::key)
      .process("watch", watch_for_silence{})
      .to("silent", callback_sink<std::string>{[&](const std::string&) { ++silent; }});
  auto run = samples::start_on(engine, builder.build());
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(in.push({key, {}, 0}));
  while (run.query<std::int64_t>("watch", std::string("c")).value_or(0) == 0) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(silent, 0);
  // The task sees with its next slice that the clock has moved.
  for (clock.move(10s); silent < 3;) {
    ASSERT_TRUE(in.push({"d", {}, 0}));
    std::this_thread::sleep_for(1ms);
  }
  in.close();
  run.wait();
  EXPECT_EQ(silent, 4);
}

/// Each tuple is said to be over once, by the timer of its key and number.
struct each_once {
  using state = std::map<std::int64_t, int>;
  void process(const reading& r, state& s, processing_timers& t, emitter<std::int64_t>&) {
    ++s[r.value];
    t.set(static_cast<std::uint32_t>(r.value), t.now() + std::chrono::milliseconds{r.value % 7});
  }
  void on_processing_timer(const std::string&, event_time, state& s, processing_timers& t, emitter<std::int64_t>& out) {
    for (auto at = s.begin(); at != s.end(); ++at)
      if (t.is(static_cast<std::uint32_t>(at->first))) {
        out.emit(at->first);
        s.erase(at);
        return;
      }
  }
};

TEST_P(processing_timer_runs, what_fails_is_called_again_and_nothing_is_lost) {
  auto engine = GetParam().second;
  const auto* events = std::get_if<event_options>(&engine);
  const bool is_exact = !events || events->guarantee == guarantee::exactly_once;
  const bool repeats = !events || events->guarantee != guarantee::best_effort;
  if (repeats) {
    auto faults = std::make_shared<testing::fault_plan>(3);
    faults->throw_at_random("watch", 0.01).throw_at_random("got", 0.01);
    std::visit([&](auto& options) { options.faults = faults; }, engine);
    if (auto* e = std::get_if<event_options>(&engine)) e->retry = {.max_attempts = 100, .first = {}, .longest = {}};
    else std::get<batch_options>(engine).max_task_attempts = 100;
  }
  std::vector<reading> all;
  for (int i = 0; i < 400; ++i) all.push_back({"k" + std::to_string(i % 13), {}, i});
  collect_sink<std::int64_t> got;
  builder.spout("in", vector_spout<reading>{all})
      .key_by(&reading::key)
      .process("watch", each_once{}, {.parallelism = 2})
      .to("got", got);
  samples::start_on(engine, builder.build()).wait();
  auto numbers = samples::sorted(got.take());
  if (!is_exact) numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  ASSERT_EQ(numbers.size(), 400u);
  for (int i = 0; i < 400; ++i) EXPECT_EQ(numbers[static_cast<std::size_t>(i)], i);
}

struct at_the_end {
  using state = int;
  void process(const reading&, state& n, processing_timers& t, emitter<int>&) {
    ++n;
    t.at(end_of_time);
  }
  void on_processing_timer(const std::string&, event_time, state& n, emitter<int>& out) { out.emit(n); }
};
TEST_P(processing_timer_runs, a_timer_may_wait_for_the_end_of_the_input) {
  collect_sink<int> got;
  builder.spout("in", vector_spout<reading>{{{"a"}, {"a"}, {"b"}}})
      .key_by(&reading::key)
      .process("end", at_the_end{})
      .to("got", got);
  run();
  EXPECT_THAT(samples::sorted(got.take()), ElementsAre(1, 2));
}

/// Sets itself again whenever it is called, until it may stop.
struct never_done {
  using state = int;
  std::shared_ptr<std::atomic<bool>> may_stop = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  void process(const reading&, state&, processing_timers& t) { t.at(t.now() + 1s); }
  void on_processing_timer(const std::string&, event_time, state&, processing_timers& t) {
    ++*calls;
    if (!*may_stop) t.at(t.now() + 1s);
  }
};
TEST_P(processing_timer_runs, a_timer_that_always_sets_itself_again_keeps_a_drain_from_ending_until_its_timeout) {
  auto engine = GetParam().second;
  std::visit([](auto& options) { options.drain_timeout = 50ms; }, engine);
  const never_done bolt;
  builder.spout("in", vector_spout<reading>{{{"a"}, {"b"}}}).key_by(&reading::key).process("never", bolt);
  auto run = samples::start_on(engine, builder.build());
  while (*bolt.calls < 2) std::this_thread::sleep_for(1ms);  // the input has ended
  try {
    run.drain();
    ADD_FAILURE() << "it ended";
  } catch (const run_error& e) {
    EXPECT_EQ(e.error().code, errc::timeout) << e.what();
    EXPECT_THAT(e.what(), AllOf(HasSubstr("drain_timeout"), Not(HasSubstr("still inside user code: \""))));
  }
  *bolt.may_stop = true;  // for a run that doesn't end
}

TEST(processing_timers, build_wants_a_key) {
  stream_builder b{"wrong"};
  const auto in = b.spout("in", vector_spout<reading>{{}});
  (void)topology_builder{in.builder_state()}.bolt("nobody's", watch_for_silence{}).input(in, global_grouping{});
  try {
    (void)b.build();
    FAIL();
  } catch (const topology_error& e) {
    EXPECT_NE(std::string(e.what()).find("bolt \"nobody's\" has on_processing_timer, and timers belong to keys"),
              std::string::npos)
        << e.what();
  }
}

}  // namespace
}  // namespace freshet
