#include "freshet/testing/topology_driver.hpp"

#include <gmock/gmock.h>

#include <functional>

#include "freshet/connect/memory/push_spout.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "stream/timed_run.hpp"

namespace freshet::samples {
namespace {
using namespace std::chrono_literals;
using testing::driver_options;
using testing::fault_plan;
using testing::topology_driver;
using word_window = windowed<std::string, std::uint64_t>;

constexpr event_time at(std::chrono::seconds s) { return event_time{s}; }

/// Counts words by minute; words have no times of their own.
topology words_by_minute(std::size_t parallelism = 1) {
  stream_builder b{"words"};
  b.spout("words", push_spout<std::string>{})
      .event_time(time_of_spout{})
      .key_by(std::identity{})
      .window(tumbling{1min})
      .count("count", {.parallelism = parallelism});
  return b.build();
}

TEST(topology_driver, closes_windows_when_the_test_says_that_their_time_is_over) {
  topology_driver driver{words_by_minute()};
  auto& counts = driver.watch<word_window>("count");
  auto& late = driver.watch<late_tuple<std::string>>("count", "late");
  driver.push("words", "a", at(1s));
  driver.push("words", "a", at(2s));
  driver.advance_watermark(at(59s));
  EXPECT_TRUE(counts.empty());
  driver.advance_watermark(at(60s));
  ASSERT_EQ(counts.size(), 1u);
  EXPECT_EQ(counts[0].value, 2u);
  EXPECT_EQ(counts[0].window.start, at(0s));
  driver.push("words", "b", at(3s));
  ASSERT_EQ(late.size(), 1u);
  EXPECT_EQ(late[0].value, "b");
  EXPECT_EQ(late[0].stamp, at(60s));
  driver.push("words", "c", at(61s));
  driver.finish();
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[1].key, "c");
}

TEST(topology_driver, takes_times_from_the_tuples_unless_the_test_gives_them) {
  stream_builder b{"times"};
  const auto stamped =
      b.spout("readings", push_spout<reading>{})
          .event_time(&reading::at, {.bound = event_span{10}})
          .process("seen", [](const reading& r, emitter<row>& out) {
            out.emit({r.key, out.time().time_since_epoch().count(),
                      out.stamp() == beginning_of_time ? -1 : out.stamp().time_since_epoch().count(), 0});
          });
  (void)stamped;
  for (auto g : {guarantee::best_effort, guarantee::at_least_once, guarantee::exactly_once}) {
    topology_driver driver{b.build(), {.guarantee = g}};
    auto& seen = driver.watch<row>("seen");
    driver.push("readings", reading{"own", ms(100), 0});
    driver.push("readings", reading{"given", ms(0), 0}, ms(200));  // what it says itself doesn't count
    driver.push("readings", reading{"own", ms(150), 0});
    EXPECT_EQ(seen, (std::vector<row>{{"own", 100, -1, 0}, {"given", 200, 90, 0}, {"own", 150, 190, 0}}))
        << to_string(g);
  }
}

/// A message that is emitted again has the time that was given to it.
TEST(topology_driver, keeps_given_times_through_replays) {
  for (auto g : {guarantee::at_least_once, guarantee::exactly_once}) {
    stream_builder b{"again"};
    b.spout("readings", push_spout<reading>{})
        .event_time(&reading::at)
        .process("pass", [](const reading& r, emitter<row>& out) {
          out.emit({r.key, out.time().time_since_epoch().count(), 0, 0});
        });
    auto faults = std::make_shared<fault_plan>();
    faults->throw_at("pass", 0, 1, 2);
    topology_driver driver{b.build(), {.guarantee = g, .faults = faults}};
    auto& seen = driver.watch<row>("pass");
    driver.push("readings", reading{"a", ms(1), 0}, ms(10));
    driver.push("readings", reading{"b", ms(2), 0}, ms(20));
    EXPECT_EQ(seen, (std::vector<row>{{"a", 10, 0, 0}, {"b", 20, 0, 0}})) << to_string(g);
    EXPECT_EQ(faults->done().thrown, 2u);
  }
}

TEST(topology_driver, every_partition_holds_time_back) {
  for (std::size_t parallelism : {1, 4}) {
    topology_driver driver{words_by_minute(parallelism), {.partitions = 2}};
    auto& counts = driver.watch<word_window>("count");
    driver.push("words", "a", at(1s), 0);
    driver.push("words", "a", at(2s), 1);
    driver.advance_watermark("words", at(60s), 0);
    EXPECT_TRUE(counts.empty());
    driver.advance_watermark("words", at(70s), 1);
    ASSERT_EQ(counts.size(), 1u);
    EXPECT_EQ(counts[0].value, 2u);
  }
}

TEST(topology_driver, a_partition_that_is_silent_for_too_long_holds_nobody_back) {
  stream_builder b{"idle"};
  b.spout("readings", push_spout<reading>{})
      .event_time(&reading::at, {.idle_timeout = 10s})
      .key_by(&reading::key)
      .window(tumbling{1s})
      .count("count");
  topology_driver driver{b.build(), {.partitions = 2}};
  auto& counts = driver.watch<word_window>("count");
  driver.push("readings", reading{"a", ms(100), 0}, {}, 1);
  driver.push("readings", reading{"a", ms(200), 0}, {}, 0);
  driver.advance_clock(8s);
  driver.push("readings", reading{"a", ms(1200), 0}, {}, 0);
  EXPECT_TRUE(counts.empty());
  driver.advance_clock(3s);
  EXPECT_EQ(counts.size(), 1u);
}

struct ticker {
  void process(const int&, emitter<std::int64_t>&) {}
  void open(const task_context& c) { clock = c.clock; }
  void on_tick(emitter<std::int64_t>& out) {
    out.emit(std::chrono::duration_cast<std::chrono::milliseconds>(clock->wall().time_since_epoch()).count());
  }
  const freshet::clock* clock = nullptr;
};

TEST(topology_driver, ticks_come_one_by_one_as_its_clock_goes_on) {
  topology_builder b{"ticks"};
  (void)b.bolt("tick", ticker{}, {.tick = 1s}).input(b.spout("in", push_spout<int>{}));
  topology_driver driver{b.build()};
  auto& ticks = driver.watch<std::int64_t>("tick");
  driver.advance_clock(900ms);
  EXPECT_TRUE(ticks.empty());
  driver.advance_clock(2'600ms);
  EXPECT_EQ(ticks, (std::vector<std::int64_t>{1000, 2000, 3000}));
}

struct order {
  std::string shop;
  std::int64_t cents = 0;
};
struct refused : side_output<order, "refused"> {};
struct add_up {
  using state = std::int64_t;
  void process(const order& o, state& sum, emitter<std::int64_t, refused>& out) {
    if (o.cents < 0) return out.emit<refused>(o);
    if (o.cents == 13) throw std::invalid_argument("bad luck");
    out.emit(sum += o.cents);
  }
};
struct sales {
  explicit sales(std::size_t parallelism = 1, bolt_options options = {}) {
    options.parallelism = parallelism;
    auto orders = b.spout("orders", push_spout<order>{});
    auto sums = b.bolt("sums", add_up{}, options).input(orders, key_grouping{&order::shop});
    b.sink("out", [this](std::int64_t v) { written.push_back(v); }).input(sums, global_grouping{});
  }
  std::vector<std::int64_t> written;
  topology_builder b{"sales"};
};

TEST(topology_driver, shows_side_outputs_states_sinks_and_counters) {
  sales s{4};
  topology_driver driver{s.b.build()};
  auto& sums = driver.watch<std::int64_t>("sums");
  auto& side = driver.watch<order>("sums", "refused");
  auto& out = driver.watch<std::int64_t>("out");
  for (int i = 1; i <= 3; ++i) driver.push("orders", order{"Oslo", i});
  driver.push("orders", order{"Rome", -5});
  EXPECT_EQ(sums, (std::vector<std::int64_t>{1, 3, 6}));
  EXPECT_EQ(out, sums);
  EXPECT_EQ(s.written, sums);
  ASSERT_EQ(side.size(), 1u);
  EXPECT_EQ(side[0].shop, "Rome");
  EXPECT_EQ(driver.state<add_up::state>("sums", "Oslo"), 6);
  EXPECT_EQ(driver.state<add_up::state>("sums", "Paris"), std::nullopt);
  const auto m = driver.metrics();
  EXPECT_EQ(m.node("orders").acked, 4u);
  EXPECT_EQ(m.node("sums").executed, 4u);
  EXPECT_EQ(m.tasks.size(), 6u) << "what watches is not counted";
}

TEST(topology_driver, can_leave_sinks_out) {
  struct never {
    void open() { throw std::runtime_error("the world is not there"); }
    void write(const int&) {}
  };
  topology_builder b{"world"};
  auto in = b.spout("in", push_spout<int>{});
  b.sink("first", never{}).input(in);
  auto twice = b.bolt("twice", [](const int& v) { return 2 * v; }).input(in);
  b.sink("world", never{}).input(twice);
  const auto graph = b.build();
  EXPECT_THROW(topology_driver{graph}.push("in", 1), run_error);
  topology_driver driver{graph, {.runs_sinks = false}};
  auto& written = driver.watch<int>("world");
  auto& first = driver.watch<int>("first");
  driver.push("in", 4);
  EXPECT_EQ(written, std::vector<int>{8});
  EXPECT_EQ(first, std::vector<int>{4});
}

TEST(topology_driver, keeps_dead_letters) {
  for (auto g : {guarantee::best_effort, guarantee::at_least_once, guarantee::exactly_once}) {
    sales s;
    topology_driver driver{s.b.build(), {.guarantee = g, .max_attempts = 3}};
    driver.push("orders", order{"Oslo", 13});
    ASSERT_EQ(driver.dead_letters().size(), 1u) << to_string(g);
    EXPECT_EQ(driver.dead_letters()[0].node, "sums");
    EXPECT_EQ(driver.dead_letters()[0].attempts, g == guarantee::best_effort ? 1u : 3u);
    EXPECT_THAT(driver.dead_letters()[0].error, ::testing::HasSubstr("bad luck"));
    driver.push("orders", order{"Oslo", 1});
    EXPECT_EQ(s.written, std::vector<std::int64_t>{1});
  }
}

TEST(topology_driver, a_run_that_fails_is_an_error_of_the_push) {
  sales s{1, {.on_failure = on_failure::stop}};
  topology_driver driver{s.b.build()};
  EXPECT_THROW(driver.push("orders", order{"Oslo", 13}), run_error);
  EXPECT_THROW(driver.push("orders", order{"Oslo", 1}), run_error);
  EXPECT_THROW(driver.finish(), run_error);
}

/// Holds one tuple, until the next comes.
struct hold_one {
  void process(const int& v, emitter<int>& out) {
    if (held) held.ack();
    held = out.hold();
    out.emit(v, held);
  }
  held_tuple held;
};

TEST(topology_driver, held_tuples_time_out_by_its_clock) {
  topology_builder b{"hold"};
  (void)b.bolt("hold", [] { return hold_one{}; }).input(b.spout("in", push_spout<int>{}));
  topology_driver driver{b.build(), {.max_attempts = 2}};
  auto& seen = driver.watch<int>("hold");
  driver.push("in", 1);
  try {
    driver.finish();
    FAIL() << "a tuple is held";
  } catch (const std::logic_error& e) { EXPECT_THAT(e.what(), ::testing::HasSubstr("\"in\" task 0")); }
  driver.advance_clock(30s);
  EXPECT_EQ(seen, (std::vector<int>{1, 1})) << "the engine has emitted it again";
  driver.advance_clock(30s);
  driver.finish();
  EXPECT_EQ(driver.dead_letters().size(), 1u);
}

std::string refusal(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::logic_error& e) { return e.what(); }
  return "nothing was refused";
}

TEST(topology_driver, says_what_the_topology_has) {
  sales s;
  topology_driver driver{s.b.build()};
  const auto watch = [&]<class T>(std::type_identity<T>, const char* node, const char* output = "") {
    return refusal([&] { driver.watch<T>(node, output); });
  };
  EXPECT_EQ(watch(std::type_identity<int>{}, "sum"),
            "topology \"sales\" has no node \"sum\": it has \"orders\", \"sums\", \"out\"");
  EXPECT_EQ(watch(std::type_identity<int>{}, "sums"), "bolt \"sums\" emits std::int64_t, not int");
  EXPECT_EQ(watch(std::type_identity<int>{}, "sums", "late"),
            "bolt \"sums\" has no output \"late\": it has \"\", \"refused\", where \"\" is the main one");
  EXPECT_EQ(watch(std::type_identity<int>{}, "out"), "sink \"out\" reads std::int64_t, not int");
  EXPECT_EQ(refusal([&] { driver.push("sums", 1); }), "bolt \"sums\" is no spout: only spouts can be driven");
  EXPECT_EQ(refusal([&] { driver.push("orders", 1); }), "spout \"orders\" emits freshet::samples::order, not int");
  EXPECT_EQ(refusal([&] { driver.push("orders", order{}, at(1s)); }),
            "spout \"orders\" gives no event times, as no .event_time(...) stands behind it: push without one");
  EXPECT_EQ(refusal([&] { driver.push("orders", order{}, {}, 1); }),
            "spout \"orders\" has no partition 1: driver_options::partitions is 1");
  EXPECT_EQ(refusal([&] { driver.advance_watermark(at(1s)); }),
            "topology \"sales\" has no event time to be advanced: no .event_time(...) stands behind a spout");
  driver.push("orders", order{"Oslo", 1});
  EXPECT_EQ(refusal([&] { driver.watch<std::int64_t>("sums"); }),
            "watch(\"sums\") comes too late: the run has begun. Watch before anything is pushed or asked");
  driver.finish();
  EXPECT_EQ(refusal([&] {
              driver.push("orders", order{"Oslo", 1});
            }),
            "spout \"orders\" has ended: the driver has finished");
}

TEST(topology_driver, can_be_given_up_with_tuples_held_and_windows_open) {
  topology_builder b{"hold"};
  (void)b.bolt("hold", [] { return hold_one{}; }).input(b.spout("in", push_spout<int>{}));
  topology_driver holds{b.build()};
  holds.push("in", 1);
  topology_driver windows{words_by_minute()};
  auto& counts = windows.watch<word_window>("count");
  windows.push("words", "a", at(1s));
  EXPECT_TRUE(counts.empty());
  topology_driver untouched{words_by_minute()};
}

}  // namespace
}  // namespace freshet::samples
