#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/state/list_state.hpp"
#include "freshet/state/map_state.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "stream/timed_run.hpp"

// Runs whose states don't fit into memory, against loops: instantiated for each kind of store.
namespace freshet::samples {

/// Makes what the option `store` takes.
struct kind_of_backend {
  std::string name;
  std::function<std::shared_ptr<state_backend>(std::size_t cache_bytes)> make;
};

/// One test for each engine and each kind of store.
class stored_states : public ::testing::TestWithParam<std::tuple<std::pair<std::string, any_engine>, kind_of_backend>> {
 protected:
  /// An engine whose tasks have room for about 30 small states each.
  any_engine engine(std::shared_ptr<testing::fault_plan> faults = {}) const {
    auto made = std::get<0>(GetParam()).second;
    std::visit(
        [&](auto& o) {
          o.store = std::get<1>(GetParam()).make(3000);
          o.faults = std::move(faults);
          if constexpr (requires { o.retry; }) o.retry.first = std::chrono::microseconds{100};
          if constexpr (requires { o.max_task_attempts; }) o.max_task_attempts = 100;
        },
        made);
    return made;
  }
  freshet::guarantee guarantee() const {
    return std::visit([](const auto& o) { return o.guarantee; }, std::get<0>(GetParam()).second);
  }
  template <class R>
  static std::vector<typename R::value_type> results(const any_engine& on, stream_builder& b, const R& out) {
    collect_sink<typename R::value_type> got;
    out.to("results", got);
    start_on(on, b.build()).wait();
    return sorted(got.take());
  }
};
inline std::string name_of_stored(const ::testing::TestParamInfo<stored_states::ParamType>& p) {
  return std::get<0>(p.param).first + "_" + std::get<1>(p.param).name;
}

/// So many readings of so many keys, the newer the likelier, as keys are in life.
inline std::vector<reading> readings_of(random_source& random, std::size_t count, std::uint64_t keys) {
  std::vector<reading> all;
  for (std::size_t i = 0; i < count; ++i) {
    const auto key = random.chance(0.3) ? random.below(5) : random.below(keys);
    const auto late = static_cast<std::int64_t>(random.below(5));
    all.push_back({std::to_string(key), ms(std::max<std::int64_t>(0, static_cast<std::int64_t>(i) - late)),
                   static_cast<std::int64_t>(random.below(100))});
  }
  return all;
}

using counted = std::tuple<std::string, std::int64_t>;
struct count_readings {
  using state = std::int64_t;
  void process(const reading& r, std::int64_t& n, emitter<counted>& out) { out.emit({r.key, ++n}); }
};

TEST_P(stored_states, counts_many_more_keys_than_fit_into_memory) {
  random_source random(7);
  for (std::size_t parallelism : {1, 4}) {
    const auto all = readings_of(random, 3000, 1000 * parallelism);
    std::vector<counted> expected;
    std::map<std::string, std::int64_t> counts;
    for (const auto& r : all) expected.emplace_back(r.key, ++counts[r.key]);

    std::shared_ptr<testing::fault_plan> faults;
    if (guarantee() != freshet::guarantee::best_effort) {
      faults = std::make_shared<testing::fault_plan>(parallelism);
      faults->throw_at_random("count", 0.01, 20);
    }
    stream_builder b{"stored"};
    collect_sink<counted> got;
    b.spout("readings", vector_spout<reading>{all}, {.max_batch = 40})
        .key_by(&reading::key)
        .process("count", count_readings{}, {.parallelism = parallelism})
        .to("results", got);
    auto run = start_on(engine(faults), b.build());
    run.wait();
    EXPECT_EQ(sorted(got.take()), sorted(expected));
    EXPECT_EQ(run.metrics().node("count").state_rows, counts.size());
    for (const auto& [key, n] : counts) ASSERT_EQ(run.query<std::int64_t>("count", key), n) << key;
    EXPECT_EQ(run.query<std::int64_t>("count", "nobody"), std::nullopt);
    EXPECT_EQ(faults ? faults->done().thrown : 20, 20u);
  }
}

/// Fails now and then when it has changed the state.
struct count_and_stumble {
  using state = std::int64_t;
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  void process(const reading& r, std::int64_t& n, emitter<counted>& out) {
    out.emit({r.key, ++n});
    if (++*calls % 97 == 0) throw std::runtime_error("stumbled");
  }
};

TEST_P(stored_states, are_as_before_when_a_call_has_failed) {
  const bool is_batch = std::holds_alternative<batch_options>(std::get<0>(GetParam()).second);
  if (!is_batch && guarantee() != freshet::guarantee::exactly_once) return;  // what it had changed stays changed
  random_source random(8);
  // A batch is begun anew with each failure, so that larger ones would never end.
  const auto all = readings_of(random, is_batch ? 80 : 2000, 500);
  std::vector<counted> expected;
  std::map<std::string, std::int64_t> counts;
  for (const auto& r : all) expected.emplace_back(r.key, ++counts[r.key]);
  stream_builder b{"stored"};
  const auto out = b.spout("readings", vector_spout<reading>{all}, {.max_batch = 40})
                       .key_by(&reading::key)
                       .process("count", count_and_stumble{});
  EXPECT_EQ(results(engine(), b, out), sorted(expected));
}

TEST_P(stored_states, begin_anew_when_their_time_to_live_is_over) {
  random_source random(9);
  const auto all = readings_of(random, 3000, 300);
  constexpr std::int64_t ttl = 400, bound = 5;
  struct count {
    std::int64_t n = 0, used = 0;
  };
  std::map<std::string, count> states;
  std::vector<counted> expected;
  std::int64_t newest = -1;
  for (const auto& r : all) {
    const auto at = r.at.time_since_epoch().count();
    count& s = states[r.key];
    if (newest >= 0 && s.n && s.used + ttl <= newest - bound) s = {};
    expected.emplace_back(r.key, ++s.n);
    s.used = std::max(s.used, at);
    newest = std::max(newest, at);
  }
  for (std::size_t parallelism : {1, 4}) {
    stream_builder b{"stored"};
    const auto out =
        b.spout("readings", vector_spout<reading>{all}, {.max_batch = 40})
            .event_time(&reading::at, {.bound = event_span{bound}})
            .key_by(&reading::key)
            .process("count", count_readings{}, {.parallelism = parallelism, .state_ttl = {event_span{ttl}}});
    EXPECT_EQ(results(engine(), b, out), sorted(expected));
  }
}

TEST_P(stored_states, of_windows_close_as_those_in_memory) {
  random_source random(10);
  const auto all = readings_of(random, 3000, 400);
  const auto windows = [&](any_engine on) {
    stream_builder b{"stored"};
    const auto in = b.spout("readings", vector_spout<reading>{all}).event_time(&reading::at, {.bound = event_span{5}});
    collect_sink<windowed<std::string, std::uint64_t>> tumbled, closed;
    in.key_by(&reading::key).window(tumbling{event_span{100}}).count("tumbling", {.parallelism = 2}).to("one", tumbled);
    in.key_by(&reading::key).window(sessions{event_span{40}}).count("sessions", {.parallelism = 2}).to("two", closed);
    start_on(on, b.build()).wait();
    std::vector<row> rows;
    for (const auto& w : tumbled.take()) rows.push_back(row_of(w));
    for (const auto& w : closed.take()) rows.push_back(row_of(w));
    return sorted(std::move(rows));
  };
  EXPECT_EQ(windows(engine()), windows(std::get<0>(GetParam()).second));
}

/// Containers within the state of a key, which undo their changes.
struct collect_all {
  struct state {
    list_state<std::int64_t> values;
    map_state<std::int64_t, std::int64_t> counts;
  };
  using out = emitter<std::tuple<std::string, std::vector<std::int64_t>, std::int64_t>>;
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  bool stumbles = false;
  void process(const reading& r, state& s, out& to) {
    s.values.push_back(r.value);
    const auto n = ++s.counts[r.value];
    to.emit({r.key, {s.values.begin(), s.values.end()}, n});
    if (stumbles && ++*calls % 47 == 0) throw std::runtime_error("stumbled");
  }
};

TEST_P(stored_states, may_have_containers_that_undo_their_changes) {
  random_source random(11);
  const bool is_batch = std::holds_alternative<batch_options>(std::get<0>(GetParam()).second);
  const auto all = readings_of(random, is_batch ? 40 : 600, 200);
  std::vector<std::tuple<std::string, std::vector<std::int64_t>, std::int64_t>> expected;
  std::map<std::string, std::vector<std::int64_t>> values;
  for (const auto& r : all) {
    auto& of_key = values[r.key];
    of_key.push_back(r.value);
    expected.emplace_back(r.key, of_key, std::count(of_key.begin(), of_key.end(), r.value));
  }
  stream_builder b{"stored"};
  const auto out = b.spout("readings", vector_spout<reading>{all}, {.max_batch = 40})
                       .key_by(&reading::key)
                       .process("collect", collect_all{.stumbles = guarantee() == freshet::guarantee::exactly_once});
  EXPECT_EQ(results(engine(), b, out), sorted(expected));
}

/// Of a whole task: it stays in memory, and nothing else changes.
TEST_P(stored_states, of_whole_tasks_need_no_store) {
  stream_builder b{"stored"};
  collect_sink<counted> got;
  b.spout("readings", vector_spout<reading>{{{"a"}, {"b"}, {"a"}}})
      .global()
      .process("count", count_readings{})
      .to("results", got);
  start_on(engine(), b.build()).wait();
  EXPECT_EQ(sorted(got.take()), (std::vector<counted>{{"a", 1}, {"a", 3}, {"b", 2}}));
}

}  // namespace freshet::samples
