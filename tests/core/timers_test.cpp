#include "freshet/core/timers.hpp"

#include <gtest/gtest.h>

#include <map>

#include "freshet/testing/fault_plan.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace samples;
using namespace std::chrono_literals;

/// What a timer did: its key, when, and the state it saw.
struct rang {
  std::string key;
  std::int64_t at = 0, state = 0;
  bool by_name = false;
  friend auto operator<=>(const rang&, const rang&) = default;
};
using all_rang = std::vector<rang>;

/// What to do with timers, by the value of a reading.
enum : std::int64_t { set_at = 1000, cancel_at = 2000, set_named = 3000, unset_named = 4000, twice = 5000 };
struct obedient {
  struct state {
    std::int64_t readings = 0;
  };
  void process(const reading& r, state& s, timers& t, emitter<rang>&) {
    ++s.readings;
    const auto when = ms(r.value % 1000);
    switch (r.value / 1000 * 1000) {
      case set_at:
        return t.at(when);
      case cancel_at:
        return t.cancel(when);
      case set_named:
        return t.set(7, when);
      case unset_named:
        return t.unset(7);
      case twice:
        t.at(when);
        t.at(when);
    }
  }
  void on_timer(const std::string& key, event_time due, state& s, timers& t, emitter<rang>& out) {
    out.emit({key, due.time_since_epoch().count(), s.readings, t.is(7)});
    EXPECT_EQ(out.time(), due);
    if (key == "chain" && due < ms(50)) t.at(due + 10ms);
  }
};

class timers_on_every_engine : public on_every_engine {
 protected:
  all_rang ring(std::vector<reading> all) {
    collect_sink<rang> got;
    readings(std::move(all)).key_by(&reading::key).process("obedient", obedient{}, {.parallelism = 2}).to("rang", got);
    auto engine = GetParam().second;
    auto faults = std::make_shared<testing::fault_plan>(1);
    if (auto* events = std::get_if<event_options>(&engine)) {
      events->retry = {.max_attempts = 20, .first = std::chrono::microseconds(1)};
      if (events->guarantee == guarantee::exactly_once) events->faults = faults;
    } else {
      std::get<batch_options>(engine).max_task_attempts = 20;
      std::get<batch_options>(engine).faults = faults;
    }
    faults->throw_at_random("obedient", 0.3, 4).throw_at_random("rang", 0.3, 4);
    start_on(engine, builder.build()).wait();
    return sorted(got.take());
  }
};
INSTANTIATE_TEST_SUITE_P(, timers_on_every_engine, ::testing::ValuesIn(every_engine()), name_of_engine);

TEST_P(timers_on_every_engine, ring_at_their_time_with_the_state_of_their_key) {
  EXPECT_EQ(ring({{"a", ms(0), set_at + 30}, {"b", ms(1), set_at + 10}, {"a", ms(2), 0}}),
            (all_rang{{"a", 30, 2}, {"b", 10, 1}}));
}
TEST_P(timers_on_every_engine, are_known_by_their_time) {
  EXPECT_EQ(ring({{"a", ms(0), twice + 30}, {"a", ms(0), set_at + 30}, {"a", ms(0), set_at + 31}}),
            (all_rang{{"a", 30, 3}, {"a", 31, 3}}));
}
TEST_P(timers_on_every_engine, are_cancelled_one_by_one) {
  EXPECT_EQ(ring({{"a", ms(0), set_at + 30},
                  {"a", ms(0), set_at + 40},
                  {"b", ms(0), set_at + 30},
                  {"a", ms(0), cancel_at + 30}}),
            (all_rang{{"a", 40, 3}, {"b", 30, 1}}));
}
TEST_P(timers_on_every_engine, with_a_name_are_moved) {
  EXPECT_EQ(ring({{"a", ms(0), set_named + 30}, {"a", ms(1), set_named + 90}, {"a", ms(2), set_named + 60}}),
            (all_rang{{"a", 60, 3, true}}));
}
TEST_P(timers_on_every_engine, with_a_name_are_unset) {
  EXPECT_TRUE(ring({{"a", ms(0), set_named + 30}, {"a", ms(0), unset_named}}).empty());
}
TEST_P(timers_on_every_engine, may_set_others) {
  EXPECT_EQ(ring({{"chain", ms(0), set_at + 20}}),
            (all_rang{{"chain", 20, 1}, {"chain", 30, 1}, {"chain", 40, 1}, {"chain", 50, 1}}));
}

}  // namespace
}  // namespace freshet
