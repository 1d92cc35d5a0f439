#include "freshet/stream/ordered_stream.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "freshet/base/random.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace samples;
using namespace std::chrono_literals;

/// What happened to a key, in its order.
struct step {
  std::string key;
  std::uint64_t number = 0;
  std::int64_t at = 0, sum = 0;  ///< of the values so far; negative: a timer
  friend auto operator<=>(const step&, const step&) = default;
  friend std::ostream& operator<<(std::ostream& out, const step& s) {
    return out << s.key << s.number << " at " << s.at << ": " << s.sum;
  }
};

/// Sums up, and 7 ms after each reading, and 20 ms after the last one, says so.
struct summing {
  struct state {
    std::uint64_t steps = 0;
    std::int64_t sum = 0;
  };
  void process(const reading& r, state& s, timers& t, emitter<step>& out) {
    out.emit({r.key, s.steps++, out.time().time_since_epoch().count(), s.sum += r.value});
    t.at(r.at + 7ms);
    t.set(1, r.at + 20ms);
  }
  void on_timer(const std::string& key, event_time due, state& s, timers& t, emitter<step>& out) {
    const auto at = out.time().time_since_epoch().count();
    EXPECT_EQ(due.time_since_epoch().count(), at);
    out.emit({key, s.steps++, at, t.is(1) ? -1000 - s.sum : -s.sum});
  }
};

/// The same, one thing after the other.
std::vector<step> plain(const std::vector<reading>& all, event_span lateness, std::vector<std::int64_t>& late) {
  std::map<std::string, std::vector<reading>> by_key;
  event_time stamp = beginning_of_time;
  for (const auto& r : all) {
    if (is_late(r.at, lateness, stamp)) late.push_back(r.value);
    else by_key[r.key].push_back(r);
    stamp = std::max(stamp, r.at - 10ms);
  }
  std::vector<step> steps;
  for (auto& [key, rows] : by_key) {
    std::stable_sort(rows.begin(), rows.end(), [](auto& a, auto& b) { return a.at < b.at; });
    std::set<event_time> timers;
    std::optional<event_time> quiet;
    summing::state s;
    const auto number = [](event_time t) { return t.time_since_epoch().count(); };
    const auto fire_before = [&](event_time t) {
      while (true) {
        const auto next = timers.empty() ? end_of_time : *timers.begin();
        if (std::min(next, quiet.value_or(end_of_time)) >= t) return;
        if (!quiet || next < *quiet) {
          steps.push_back({key, s.steps++, number(next), -s.sum});
          timers.erase(timers.begin());
        } else if (next > *quiet) {
          steps.push_back({key, s.steps++, number(*quiet), -1000 - s.sum});
          quiet.reset();
        } else {
          ADD_FAILURE() << "the test wants timers at different times";
          return;
        }
      }
    };
    for (const auto& r : rows) {
      fire_before(r.at);
      steps.push_back({key, s.steps++, number(r.at), s.sum += r.value});
      timers.insert(r.at + 7ms);
      quiet = r.at + 20ms;
    }
    fire_before(end_of_time);
  }
  return sorted(std::move(steps));
}

class ordered_streams : public on_every_engine {};
INSTANTIATE_TEST_SUITE_P(, ordered_streams, ::testing::ValuesIn(every_engine()), name_of_engine);

TEST_P(ordered_streams, see_readings_and_timers_in_one_order) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    random_source random(seed);
    std::vector<reading> all;
    // Times are multiples of 30 and some more, so that no two timers of a key are due at the same time.
    for (int i = 0; i < 60; ++i)
      all.push_back({std::string(1, static_cast<char>('a' + random.below(3))),
                     ms(i * 2 + static_cast<std::int64_t>(random.below(20))), i + 1});
    std::set<std::pair<std::string, std::int64_t>> taken;
    std::erase_if(all, [&](const reading& r) {
      const auto at = r.at.time_since_epoch().count();
      const bool clashes = taken.count({r.key, at}) || taken.count({r.key, at + 13}) || taken.count({r.key, at - 13});
      if (!clashes) taken.insert({r.key, at});
      return clashes;
    });
    const auto lateness = event_span{static_cast<std::int64_t>(random.below(3)) * 4};
    std::vector<std::int64_t> wanted_late;
    const auto wanted = plain(all, lateness, wanted_late);

    builder = stream_builder{"readings"};
    const auto made = readings(all, {.bound = 10ms})
                          .key_by(&reading::key)
                          .ordered(lateness)
                          .process("summing", summing{}, {.parallelism = 1 + random.below(3)});
    collect_sink<step> got;
    collect_sink<late_tuple<reading>> late;
    made.to("steps", got);
    made.late().to("late", late);
    auto engine = GetParam().second;
    if (auto* events = std::get_if<event_options>(&engine); events && events->guarantee != guarantee::best_effort) {
      auto faults = std::make_shared<testing::fault_plan>(seed);
      faults->throw_at_random("summing", 0.05, 5).throw_at_random("steps", 0.05, 5);
      events->faults = faults;
      events->retry = {.max_attempts = 30, .first = std::chrono::microseconds(1)};
    }
    start_on(engine, builder.build()).wait();
    ASSERT_EQ(sorted(got.take()), wanted) << "seed " << seed;
    std::vector<std::int64_t> got_late;
    for (const auto& l : late.take()) got_late.push_back(l.value.value);
    ASSERT_EQ(sorted(got_late), sorted(wanted_late)) << "seed " << seed;
  }
}

/// Not that of whichever tuple came last before it was called: what reads it would find it late, now and then.
TEST_P(ordered_streams, what_a_timer_gives_has_the_stamp_of_what_set_it) {
  using times = std::pair<std::int64_t, std::int64_t>;
  const auto see = [](const step&, emitter<times>& out) {
    out.emit({out.time().time_since_epoch().count(), out.stamp().time_since_epoch().count()});
  };
  collect_sink<times> got;
  readings({{"a", ms(10), 1}, {"b", ms(100), 2}, {"a", ms(99), 3}})
      .key_by(&reading::key)
      .ordered(5ms)
      .process("summing", summing{})
      .process("seen", see)
      .to("times", got);
  run();
  EXPECT_EQ(sorted(got.take()),
            (std::vector<times>{
                {10, 9}, {17, 16}, {30, 29}, {99, 100}, {100, 99}, {106, 105}, {107, 106}, {119, 118}, {120, 119}}));
}

/// Passes values on, and throws for 4; sets a timer for each, which gives the negative value.
struct passing {
  struct state {
    std::int64_t last = 0;
  };
  void process(const reading& r, state& s, timers& t, emitter<std::int64_t>& out) {
    if (r.value == 4) throw std::runtime_error("poison");
    s.last = r.value;
    t.set(0, r.at);
    out.emit(r.value);
  }
  void on_timer(const std::string&, event_time, state& s, emitter<std::int64_t>& out) {
    out.emit(-std::exchange(s.last, 0));
  }
  bool forgets(const state& s) const { return s.last == 0; }
};

TEST_P(ordered_streams, what_fails_for_good_keeps_nobody_back) {
  for (const bool behind : {false, true}) {
    std::vector<reading> all;
    for (int i = 1; i <= 8; ++i) all.push_back({"a", ms(i / 2 * 10), behind && i == 4 ? 40 : i});  // some times twice
    builder = stream_builder{"readings"};
    const auto fails_behind = [](const std::int64_t& n) {
      if (n == 40) throw std::runtime_error("poison");
      return n;
    };
    collect_sink<std::int64_t> got;
    collect_sink<std::string> errors;
    readings(all, {.bound = 1ms})
        .key_by(&reading::key)
        .ordered(3ms)
        .process("passing", passing{})
        .map("seen", fails_behind)
        .to("values", got);
    builder.dead_letters().map("errors", [](const dead_letter& d) { return d.error; }).to("dead", errors);
    auto engine = GetParam().second;
    if (auto* events = std::get_if<event_options>(&engine)) events->retry = {.first = std::chrono::microseconds(1)};
    auto r = start_on(engine, builder.build());
    r.wait();
    // The second of two readings of one time takes its timer with it.
    EXPECT_EQ(sorted(got.take()), (std::vector<std::int64_t>{-8, -7, -5, -3, -1, 1, 2, 3, 5, 6, 7, 8}));
    EXPECT_EQ(errors.take(), std::vector<std::string>{"poison"});
    EXPECT_EQ(r.metrics().node("passing").state_rows, 0u);
  }
}

}  // namespace
}  // namespace freshet
