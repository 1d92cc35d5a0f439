// What a run tells of its states while it works, and when it has ended.
#include "freshet/runtime/topology_run.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <thread>

#include "freshet/base/random.hpp"
#include "freshet/connect/memory/push_spout.hpp"
#include "stream/timed_run.hpp"

namespace freshet::samples {
namespace {
using namespace std::chrono_literals;

/// Three numbers that only belong together between two calls.
struct tally {
  std::int64_t count = 0, sum = 0, squares = 0;
  friend bool operator==(const tally&, const tally&) = default;
  void add(std::int64_t v) {
    ++count;
    sum += v;
    squares += v * v;
  }
};
struct add_up {
  using state = tally;
  void process(const reading& r, tally& t) { t.add(r.value); }
};

/// Each reading, in a chain of spout -> add_up behind the key.
topology adding_up(std::vector<reading> all, std::size_t parallelism) {
  topology_builder b{"adding-up"};
  auto in = b.spout("readings", vector_spout<reading>{std::move(all)}, {.max_batch = 7});
  (void)b.bolt("add up", add_up{}, {.parallelism = parallelism}).input(in, key_grouping{&reading::key});
  return b.build();
}

class queries : public on_every_engine {};

TEST_P(queries, a_run_that_has_ended_answers_from_its_last_state) {
  random_source random(17);
  std::vector<reading> all;
  std::map<std::string, tally> expected;
  for (int i = 0; i < 2000; ++i) {
    all.push_back({std::to_string(random.below(50)), {}, static_cast<std::int64_t>(random.below(100))});
    expected[all.back().key].add(all.back().value);
  }
  for (std::size_t parallelism : {1, 4}) {
    auto run = start_on(GetParam().second, adding_up(all, parallelism));
    run.wait();
    for (const auto& [key, t] : expected) EXPECT_EQ(run.query<tally>("add up", key), t) << key;
    EXPECT_EQ(run.query<tally>("add up", "nobody"), std::nullopt);
  }
}

/// Many ask while readings come: what they get fits together and never goes back.
TEST_P(queries, a_run_at_work_answers_with_a_state_between_two_calls) {
  push_spout<reading> in;
  topology_builder b{"asked"};
  auto readings = b.spout("readings", in);
  (void)b.bolt("add up", add_up{}, {.parallelism = 4}).input(readings, key_grouping{&reading::key});
  auto run = start_on(GetParam().second, b.build());
  constexpr int readings_of_a_key = 3000;
  std::vector<std::thread> asks;
  for (const std::string key : {"a", "b", "c"})
    asks.emplace_back([&run, key] {
      std::int64_t before = 0;
      while (before < readings_of_a_key) {
        const auto t = run.query<tally>("add up", key).value_or(tally{});
        tally expected;
        for (std::int64_t v = 1; v <= t.count; ++v) expected.add(v);
        ASSERT_EQ(t, expected);
        ASSERT_GE(t.count, before);
        before = t.count;
      }
    });
  for (int v = 1; v <= readings_of_a_key; ++v)
    for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(in.push({key, {}, v}));
  in.close();  // the last batch of so many rows needs no others
  for (auto& t : asks) t.join();
  run.wait();
}

INSTANTIATE_TEST_SUITE_P(engines, queries, ::testing::ValuesIn(every_engine()), name_of_engine);

batch_options batches_of(std::size_t rows) {
  batch_options o{.trigger = batch_trigger::rows, .rows_per_batch = rows, .workers = 2};
  o.log = logger{};
  return o;
}

/// The next batch is an hour away, and whoever leads sleeps until then.
TEST(topology_run, a_query_wakes_a_batch_engine_that_waits) {
  push_spout<reading> in;
  topology_builder b{"waits"};
  auto readings = b.spout("readings", in);
  (void)b.bolt("add up", add_up{}).input(readings, key_grouping{&reading::key});
  batch_options options{.interval = 1h, .workers = 2};
  options.log = logger{};
  auto run = batch_executor{options}.start(b.build());
  ASSERT_TRUE(in.push({"a", {}, 1}));
  for (int n = 0; n < 100; ++n) EXPECT_EQ(run.query<tally>("add up", "a"), std::nullopt);
  run.drain();
  EXPECT_EQ(run.query<tally>("add up", "a")->count, 1);
}

TEST(topology_run, a_query_never_sees_a_batch_that_is_not_committed) {
  push_spout<reading> in;
  topology_builder b{"batches"};
  auto readings = b.spout("readings", in);
  (void)b.bolt("add up", add_up{}).input(readings, key_grouping{&reading::key});
  auto run = batch_executor{batches_of(10)}.start(b.build());
  std::atomic<bool> over{false};
  std::thread asks([&] {
    while (!over) {
      const auto count = run.query<tally>("add up", "a").value_or(tally{}).count;
      EXPECT_EQ(count % 10, 0) << count;
    }
  });
  for (int v = 0; v < 5000; ++v) ASSERT_TRUE(in.push({"a", {}, v}));
  in.close();
  run.wait();
  over = true;
  asks.join();
  EXPECT_EQ(run.query<tally>("add up", "a")->count, 5000);
}

TEST(topology_run, a_batch_that_failed_leaves_no_trace_in_the_answers) {
  struct refuse_negative : add_up {
    void process(const reading& r, tally& t) {
      add_up::process(r, t);
      if (r.value < 0) throw std::invalid_argument("negative");
    }
  };
  std::vector<reading> all(30, reading{"a", {}, 1});
  all[15].value = -1;
  topology_builder b{"fails"};
  auto in = b.spout("readings", vector_spout<reading>{all});
  (void)b.bolt("add up", refuse_negative{}, {.on_failure = on_failure::stop}).input(in, key_grouping{&reading::key});
  auto run = batch_executor{batches_of(10)}.start(b.build());
  EXPECT_THROW(run.wait(), run_error);
  EXPECT_EQ(run.query<tally>("add up", "a")->count, 10);
}

/// Sets a timer, and forgets it.
struct remember_latest {
  using state = std::int64_t;
  void process(const reading& r, state& latest, timers& t, emitter<int>&) {
    latest = r.value;
    t.set(0, r.at + event_span{1000});
  }
  void on_timer(const std::string&, event_time, state& latest, timers&, emitter<int>&) { latest = -latest; }
};

TEST_P(queries, know_bolts_with_timers) {
  const auto latest = builder.spout("readings", vector_spout<reading>{{{"a", ms(0), 5}, {"b", ms(10), 7}}})
                          .event_time(&reading::at)
                          .key_by(&reading::key)
                          .process("latest", remember_latest{});
  (void)latest;
  auto run = start_on(GetParam().second, builder.build());
  run.wait();
  EXPECT_EQ(run.query<std::int64_t>("latest", "a"), -5);  // at the end of input all timers are called
  EXPECT_EQ(run.query<std::int64_t>("latest", "b"), -7);
}

std::string refusal(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::invalid_argument& e) { return e.what(); }
  return "nothing was refused";
}

TEST(topology_run, a_query_that_does_not_fit_says_what_the_node_has) {
  struct per_task {
    using state = int;
    void process(const reading&, state&) {}
  };
  topology_builder b{"types"};
  auto in = b.spout("readings", vector_spout<reading>{{{"a", {}, 1}}});
  (void)b.bolt("add up", add_up{}).input(in, key_grouping{&reading::key});
  (void)b.bolt("of a task", per_task{}).input(in, global_grouping{});
  auto run = event_executor{{.log = logger{}}}.start(b.build());
  run.wait();
  EXPECT_EQ(refusal([&] { (void)run.query<tally>("addup", "a"); }),
            "topology \"types\" has no node \"addup\": it has \"readings\", \"add up\", \"of a task\"");
  EXPECT_EQ(refusal([&] { (void)run.query<tally>("readings", "a"); }), "spout \"readings\" keeps no state");
  EXPECT_EQ(refusal([&] { (void)run.query<int>("of a task", 1); }),
            "bolt \"of a task\" keeps one int a task, and none by key");
  EXPECT_EQ(refusal([&] { (void)run.query<int>("add up", "a"); }),
            "bolt \"add up\" keeps freshet::samples::tally by std::string, and was asked for int by std::string");
  EXPECT_EQ(
      refusal([&] { (void)run.query<tally>("add up", 3); }),
      "bolt \"add up\" keeps freshet::samples::tally by std::string, and was asked for freshet::samples::tally by "
      "int");
}

}  // namespace
}  // namespace freshet::samples
