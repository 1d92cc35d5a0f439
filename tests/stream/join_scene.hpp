#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "freshet/testing/fault_plan.hpp"

// What the tests of joins share: two streams of events with their stamps, ways to run a topology, and rows to compare.
namespace freshet::joins {

/// So many seeds, or fewer where FRESHET_SEEDS asks for fewer: under sanitizers.
inline std::uint64_t seeds_up_to(std::uint64_t most) {
  const char* text = std::getenv("FRESHET_SEEDS");
  return text ? std::min<std::uint64_t>(most, std::strtoull(text, nullptr, 10)) : most;
}

constexpr event_span ms(std::int64_t n) { return event_span(n); }
constexpr event_time at(std::int64_t n) { return event_time(event_span(n)); }

struct event {
  int key = 0;
  event_time time{};
  int id = 0;
};
/// An event as the clock of its partition stamps it.
struct stamped {
  event e;
  event_time stamp = beginning_of_time;
};
/// A row of a join, with the time and stamp it came with; -1: nothing on that side.
struct pair_row {
  int left = -1, right = -1;
  event_time time{}, stamp{};
  friend auto operator<=>(const pair_row&, const pair_row&) = default;
};
struct late_row {
  int id = 0;
  event_time time{}, stamp{};
  late_reason reason{};
  friend auto operator<=>(const late_row&, const late_row&) = default;
};
/// All that a join gives, in no order.
struct answer {
  std::vector<pair_row> rows;
  std::vector<late_row> left_late, right_late;
  bool operator==(const answer&) const = default;
  void sort() {
    std::sort(rows.begin(), rows.end());
    std::sort(left_late.begin(), left_late.end());
    std::sort(right_late.begin(), right_late.end());
  }
};

/// One side: partitions, each a spout with a clock of its own.
struct side {
  std::vector<std::vector<event>> partitions;
  event_span bound{};

  std::vector<stamped> with_stamps() const {
    std::vector<stamped> all;
    for (const auto& p : partitions) {
      event_time stamp = beginning_of_time, newest = beginning_of_time;
      for (const event& e : p) {
        all.push_back({e, stamp});
        newest = std::max(newest, e.time);
        stamp = newest - bound;
      }
    }
    return all;
  }
};
inline stream<event> read(stream_builder& b, const std::string& name, const side& s, std::size_t max_batch) {
  std::vector<stream<event>> all;
  for (std::size_t p = 0; p < s.partitions.size(); ++p)
    all.push_back(b.spout(name + std::to_string(p), vector_spout<event>{s.partitions[p]}, {.max_batch = max_batch})
                      .event_time(&event::time, {.bound = s.bound}));
  for (std::size_t p = 1; p < all.size(); ++p) all[0] = all[0].merge(all[p]);
  return all[0];
}

/// The same for pairs of ids and for tuples alone, by what a join's function takes.
inline constexpr auto id_of = [](const event* e) { return e ? e->id : -1; };
inline constexpr auto inner_rows = [](const event& l, const event& r) { return pair_row{l.id, r.id}; };
inline constexpr auto left_rows = [](const event& l, const event* r) { return pair_row{l.id, id_of(r)}; };
inline constexpr auto right_rows = [](const event* l, const event& r) { return pair_row{id_of(l), r.id}; };
inline constexpr auto full_rows = [](const event* l, const event* r) { return pair_row{id_of(l), id_of(r)}; };

/// Calls `f` with the function that is written for `kind`.
template <class F>
auto with_function_of(join_kind kind, F&& f) {
  switch (kind) {
    case join_kind::left:
      return f(left_rows);
    case join_kind::right:
      return f(right_rows);
    case join_kind::full:
      return f(full_rows);
    case join_kind::inner:
      break;
  }
  return f(inner_rows);
}

enum class engine { best_effort, at_least_once, exactly_once, batch };
inline constexpr engine engines[] = {engine::best_effort, engine::at_least_once, engine::exactly_once, engine::batch};

/// How a topology is run. Faults come where they don't lose tuples.
struct way {
  engine by = engine::at_least_once;
  std::size_t parallelism = 1, max_batch = 64, rows_per_batch = 1000;
  std::shared_ptr<testing::fault_plan> faults = {};

  static way random(engine by, random_source& random, const std::string& node = "join") {
    way w{by, 1 + random.below(4), 1 + random.below(50), 1 + random.below(120)};
    if (by == engine::best_effort || random.chance(0.3)) return w;
    w.faults = std::make_shared<testing::fault_plan>(random.below(1u << 30));
    w.faults->throw_at_random(node, 0.05, 12).throw_at_random("seen", 0.05, 12);
    return w;
  }
  run_metrics run(const topology& graph) const {
    if (by == engine::batch) {
      batch_options options{.trigger = batch_trigger::rows, .rows_per_batch = rows_per_batch, .workers = 2};
      options.max_task_attempts = 100;
      options.log = logger{};
      options.faults = faults;
      auto r = batch_executor{options}.start(graph);
      r.wait();
      return r.metrics();
    }
    event_options options{.guarantee = by == engine::best_effort     ? guarantee::best_effort
                                       : by == engine::at_least_once ? guarantee::at_least_once
                                                                     : guarantee::exactly_once,
                          .workers = 2,
                          .max_batch = max_batch};
    options.retry = {
        .max_attempts = 100, .first = std::chrono::microseconds(50), .longest = std::chrono::milliseconds(1)};
    options.log = logger{};
    options.faults = faults;
    auto r = event_executor{options}.start(graph);
    r.wait();
    return r.metrics();
  }
  std::string text() const {
    static constexpr const char* names[] = {"best_effort", "at_least_once", "exactly_once", "batch"};
    return std::string(names[static_cast<int>(by)]) + ", parallelism " + std::to_string(parallelism) + ", max_batch " +
           std::to_string(max_batch) + ", rows_per_batch " + std::to_string(rows_per_batch) +
           (faults ? ", with faults" : "");
  }
};

/// Runs the join that `make(left, right, parallelism)` wires under the name "join", and gives what comes out.
template <class Make>
answer run_join(const side& left, const side& right, const way& w, Make&& make) {
  stream_builder b{"joins"};
  const auto l = read(b, "left", left, w.max_batch), r = read(b, "right", right, w.max_batch);
  const auto joined = make(l.key_by(&event::key), r.key_by(&event::key), w.parallelism);
  collect_sink<pair_row> rows;
  collect_sink<late_row> left_late, right_late;
  const auto see = [](const pair_row& p, emitter<pair_row>& out) {
    out.emit({p.left, p.right, out.time(), out.stamp()});
  };
  const auto see_late = [](const late_tuple<event>& t) { return late_row{t.value.id, t.time, t.stamp, t.reason}; };
  joined.process("seen", see, {.parallelism = w.parallelism}).to("rows", rows);
  joined.left_late().map("left too late", see_late).to("left_late", left_late);
  joined.right_late().map("right too late", see_late).to("right_late", right_late);
  const auto metrics = w.run(b.build());
  answer a{rows.take(), left_late.take(), right_late.take()};
  EXPECT_EQ(metrics.node("join").dead_lettered, 0u) << w.text();
  EXPECT_EQ(metrics.node("join").late, a.left_late.size() + a.right_late.size()) << w.text();
  a.sort();
  return a;
}

/// Two sides at random: one in ten is empty, times are negative too, keys few.
struct scene {
  side left, right;
  event_span lateness{};

  explicit scene(random_source& random) : left(make(random, 0)), right(make(random, 1'000'000)) {
    lateness = ms(static_cast<std::int64_t>(random.chance(0.4) ? 0 : random.below(15)));
  }
  static side make(random_source& random, int first_id) {
    side s;
    s.bound = ms(static_cast<std::int64_t>(random.below(12)));
    s.partitions.resize(1 + random.below(2));
    const auto keys = 1 + random.below(4), pace = 1 + random.below(3), spread = 1 + random.below(25);
    for (auto& p : s.partitions) {
      const auto n = random.chance(0.1) ? 0 : random.below(90);
      for (std::uint64_t i = 0; i < n; ++i)
        p.push_back({static_cast<int>(random.below(keys)),
                     at(static_cast<std::int64_t>(i / pace + random.below(spread)) - 20), first_id++});
    }
    return s;
  }
};

/// What the model keeps of a side, and what it says is late.
template <class IsLate>
std::vector<stamped> in_time(const std::vector<stamped>& side, std::vector<late_row>& late, late_reason why,
                             IsLate&& is_late_for) {
  std::vector<stamped> all;
  for (const auto& each : side)
    if (is_late_for(each)) late.push_back({each.e.id, each.e.time, each.stamp, why});
    else all.push_back(each);
  return all;
}
/// Adds what a kind gives for tuples without partner.
inline void add_alone(answer& a, join_kind kind, const std::vector<stamped>& lefts,
                      const std::vector<stamped>& rights) {
  const auto has = [&](auto side, int id) {
    return std::any_of(a.rows.begin(), a.rows.end(), [&](const pair_row& p) { return p.*side == id; });
  };
  std::vector<pair_row> alone;
  if (kind == join_kind::left || kind == join_kind::full)
    for (const auto& l : lefts)
      if (!has(&pair_row::left, l.e.id)) alone.push_back({l.e.id, -1, l.e.time, released_stamp(l.e.time, l.stamp)});
  if (kind == join_kind::right || kind == join_kind::full)
    for (const auto& r : rights)
      if (!has(&pair_row::right, r.e.id)) alone.push_back({-1, r.e.id, r.e.time, released_stamp(r.e.time, r.stamp)});
  a.rows.insert(a.rows.end(), alone.begin(), alone.end());
}

/// An interval join that looks at every pair.
inline answer nested_loop(const std::vector<stamped>& left, const std::vector<stamped>& right, between reach,
                          const join_options& o) {
  answer a;
  const auto late = [&](const stamped& s) { return is_late(s.e.time, o.allowed_lateness, s.stamp); };
  const auto lefts = in_time(left, a.left_late, late_reason::time, late);
  const auto rights = in_time(right, a.right_late, late_reason::time, late);
  for (const auto& l : lefts)
    for (const auto& r : rights) {
      const auto apart = r.e.time - l.e.time;
      if (l.e.key == r.e.key && reach.lower <= apart && apart <= reach.upper)
        a.rows.push_back({l.e.id, r.e.id, std::max(l.e.time, r.e.time), std::max(l.stamp, r.stamp)});
    }
  add_alone(a, o.kind, lefts, rights);
  a.sort();
  return a;
}

/// The first difference, for people.
inline std::string difference(const answer& expected, const answer& got) {
  if (expected == got) return "";
  std::string s = "rows: expected " + std::to_string(expected.rows.size()) + ", got " +
                  std::to_string(got.rows.size()) + "; left late " + std::to_string(expected.left_late.size()) + ", " +
                  std::to_string(got.left_late.size()) + "; right late " + std::to_string(expected.right_late.size()) +
                  ", " + std::to_string(got.right_late.size());
  const auto show = [&s](const char* what, const std::vector<pair_row>& a, const std::vector<pair_row>& b) {
    std::vector<pair_row> only;
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(only));
    for (std::size_t i = 0; i < std::min<std::size_t>(only.size(), 3); ++i)
      s += std::string("\n  ") + what + " {" + std::to_string(only[i].left) + ", " + std::to_string(only[i].right) +
           "} at " + std::to_string(only[i].time.time_since_epoch().count()) + ", stamp " +
           std::to_string(only[i].stamp.time_since_epoch().count());
  };
  show("missing", expected.rows, got.rows);
  show("too many", got.rows, expected.rows);
  return s;
}

}  // namespace freshet::joins
