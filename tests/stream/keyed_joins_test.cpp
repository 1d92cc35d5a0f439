#include "freshet/stream/keyed_joins.hpp"

#include <chrono>
#include <thread>

#include "freshet/connect/memory/push_spout.hpp"
#include "stream/join_scene.hpp"

namespace freshet::joins {
namespace {

// --- what comes out of one join goes into another ---

/// A number for a row of two ids, and a key.
int code(const pair_row& p) { return (p.left + 1) * 1000 + (p.right < 0 ? 0 : p.right - 1'000'000 + 1); }
int key_of(const pair_row& p) { return code(p) % 2; }
event coded(const pair_row& p) { return {key_of(p), p.time, code(p)}; }

/// Rows of a first join, as the left side of a second.
std::vector<stamped> as_side(const std::vector<pair_row>& rows) {
  std::vector<stamped> all;
  for (const auto& r : rows) all.push_back({coded(r), r.stamp});
  return all;
}
struct two_joins {
  between first, second;
  join_options first_options, second_options;

  explicit two_joins(random_source& random, event_span lateness) {
    const auto some = [&random] {
      const auto lower = static_cast<std::int64_t>(random.below(30)) - 15;
      return between{ms(lower), ms(lower + static_cast<std::int64_t>(random.below(20)))};
    };
    first = some();
    second = some();
    first_options = {.kind = static_cast<join_kind>(random.below(4)), .allowed_lateness = lateness};
    second_options.allowed_lateness = random.chance(0.5) ? ms(0) : lateness;
  }
};

/// The times and stamps of rows, and how far a join's watermark is behind, are what the next operator needs: it finds
/// late what a loop over the rows finds late, and nothing else is missing.
TEST(keyed_joins, a_join_of_joined_rows_is_exact_too) {
  for (std::uint64_t seed = 0; seed < seeds_up_to(200); ++seed) {
    random_source random(seed);
    const scene s(random);
    const auto third = scene::make(random, 2'000'000);
    const two_joins plan(random, s.lateness);
    const auto rows = nested_loop(s.left.with_stamps(), s.right.with_stamps(), plan.first, plan.first_options).rows;
    const auto expected = nested_loop(as_side(rows), third.with_stamps(), plan.second, plan.second_options);
    for (auto by : engines) {
      auto w = way::random(by, random);
      // What fails behind the first join comes again with its message, and is in the first join then twice.
      if (by == engine::at_least_once) w.faults = nullptr;
      const auto got = run_join(s.left, s.right, w, [&](const auto& l, const auto& r, std::size_t parallelism) {
        auto first = plan.first_options, second = plan.second_options;
        first.parallelism = parallelism;
        second.parallelism = 1 + parallelism % 3;
        stream_builder b{l.ungrouped().builder_state()};
        const auto t = read(b, "third", third, w.max_batch).key_by(&event::key);
        const auto see = [](const pair_row& p, emitter<event>& out) {
          out.emit(coded({p.left, p.right, out.time(), out.stamp()}));
        };
        return with_function_of(first.kind, [&](auto f) {
          const auto made = l.interval_join("first", r, plan.first, f, first);
          return made.process("coded", see)
              .key_by(&event::key)
              .interval_join("join", t, plan.second, inner_rows, second);
        });
      });
      ASSERT_EQ(difference(expected, got), "")
          << "seed " << seed << ", " << to_string(plan.first_options.kind) << ", " << w.text();
    }
  }
}

/// Time goes on by the smallest steps, so that a watermark comes just before each result.
TEST(keyed_joins, results_of_windows_are_not_late_for_the_next_join) {
  side left{{{}}, ms(1)};
  for (int i = 0; i < 40; ++i) left.partitions[0].push_back({1, at(i), i});
  const side right{{{{1, at(0), 0}, {1, at(10), 1}, {1, at(20), 2}, {1, at(30), 3}}}, ms(1)};
  const auto join_self = [](const stream<event>& in) {
    return in.key_by(&event::key).interval_join("join", in.key_by(&event::key), {ms(0), ms(0)}, inner_rows);
  };
  for (auto by : engines) {
    const way w{.by = by, .max_batch = 1, .rows_per_batch = 1};
    const auto joined = run_join(left, right, w, [&](const auto& l, const auto& r, std::size_t) {
      return join_self(l.window_join("windows", r, tumbling{ms(10)}, inner_rows).map("event", [](const pair_row& p) {
        return event{1, {}, p.left};
      }));
    });
    const auto counted = run_join(left, right, w, [&](const auto& l, const auto&, std::size_t) {
      return join_self(l.window(tumbling{ms(10)}).count("windows").map("event", [](const auto& c) {
        return event{c.key, {}, static_cast<int>(c.value)};
      }));
    });
    for (const auto& got : {joined, counted}) EXPECT_EQ(got.left_late.size() + got.right_late.size(), 0u) << w.text();
    EXPECT_EQ(joined.rows.size(), 400u);
    EXPECT_EQ(counted.rows.size(), 4u);
  }
}

// --- two inputs with one state ---

/// How many of the one side there were for each of the other.
struct ledger_bolt {
  using output = emitter<pair_row>;
  struct state {
    int paid = 0, owed = 0;
  };
  void on_left(const event& e, state& s) { s.owed += e.id; }
  void on_right(const event& e, state& s, output& out) {
    s.paid += e.id;
    out.emit({e.key, s.paid});
  }
};

TEST(co_process, both_functions_see_the_state_of_the_key) {
  std::vector<event> bills, payments;
  for (int i = 0; i < 100; ++i) {
    bills.push_back({i % 3, at(i), 1});
    payments.push_back({i % 3, at(i), 2});
  }
  for (auto by : engines) {
    stream_builder b{"ledger"};
    const auto left = b.spout("bills", vector_spout<event>{bills}),
               right = b.spout("payments", vector_spout<event>{payments});
    collect_sink<pair_row> rows;
    left.key_by(&event::key)
        .co_process("ledger", right.key_by(&event::key), ledger_bolt{}, {.parallelism = 2})
        .to("rows", rows);
    (void)way{.by = by}.run(b.build());
    auto got = rows.take();
    ASSERT_EQ(got.size(), 100u);
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got.front().right, 2);
    EXPECT_EQ(got[33], (pair_row{0, 68, {}, {}}));
  }
}

struct timed_ledger {
  using output = emitter<pair_row>;
  struct state {
    int lefts = 0, rights = 0;
  };
  void on_left(const event&, state& s, timers& t) {
    ++s.lefts;
    t.at(at(1000));
  }
  void on_right(const event&, state& s, timers& t) {
    ++s.rights;
    t.at(at(1000));
  }
  void on_timer(const int& key, event_time, state& s, output& out) { out.emit({key * 100 + s.lefts, s.rights}); }
};

TEST(co_process, may_have_timers) {
  const side left{{{{1, at(0), 0}, {1, at(5), 1}, {2, at(6), 2}}}, ms(3)}, right{{{{1, at(2), 3}}}, ms(3)};
  for (auto by : engines) {
    stream_builder b{"timers"};
    collect_sink<pair_row> rows;
    read(b, "left", left, 10)
        .key_by(&event::key)
        .co_process("both", read(b, "right", right, 10).key_by(&event::key), timed_ledger{})
        .to("rows", rows);
    (void)way{.by = by}.run(b.build());
    auto got = rows.take();
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got, (std::vector<pair_row>{{102, 1, {}, {}}, {201, 0, {}, {}}}));
  }
}

// --- wiring ---

std::string mistakes(const topology_builder& b) {
  try {
    (void)b.build();
  } catch (const topology_error& e) {
    std::string all;
    for (const auto& m : e.mistakes()) all += m + "\n";
    return all;
  }
  return "none";
}
struct wired {
  stream_builder b{"wired"};
  side nothing{{{}}, ms(0)};
  keyed_stream<event, int event::*> left = read(b, "left", nothing, 1).key_by(&event::key);
  keyed_stream<event, int event::*> right = read(b, "right", nothing, 1).key_by(&event::key);
};

TEST(keyed_joins, a_function_for_another_kind_is_a_mistake) {
  wired w;
  w.left.interval_join("join", w.right, {ms(0), ms(1)}, inner_rows, {.kind = join_kind::left});
  const auto said = mistakes(w.b);
  EXPECT_NE(said.find("\"join\" is of kind left, which needs a function  f(const L&, const R*)"), std::string::npos)
      << said;
}

TEST(keyed_joins, mistakes_are_told_at_once) {
  wired w;
  w.left.interval_join("one", w.right, {ms(2), ms(1)}, inner_rows, {.allowed_lateness = ms(-1)});
  w.left.window_join("two", w.right, tumbling{ms(0)}, inner_rows);
  w.left.as_of_join("three", w.right, {ms(-5)}, full_rows, {.kind = join_kind::full});
  w.left.interval_join("four", w.right, {event_span::min(), event_span::max()}, inner_rows);
  const auto said = mistakes(w.b);
  for (const char* part : {"\"one\" joins between 2 ms and 1 ms", "\"one\" has a negative allowed_lateness: -1 ms",
                           "\"two\" is wrong about its windows", "\"three\" has a negative tolerance: -5 ms",
                           "\"three\" keeps its left side alone", "\"four\" joins between"})
    EXPECT_NE(said.find(part), std::string::npos) << part << "\nin " << said;
}

TEST(keyed_joins, both_sides_need_event_times) {
  stream_builder b{"timeless"};
  const auto timed = b.spout("timed", vector_spout<event>{{}}).event_time(&event::time);
  const auto timeless = b.spout("timeless", vector_spout<event>{{}});
  timed.key_by(&event::key).interval_join("join", timeless.key_by(&event::key), {ms(0), ms(1)}, inner_rows);
  EXPECT_NE(mistakes(b).find("\"join\" works with event times, and spout \"timeless\" gives none"), std::string::npos);
}

TEST(keyed_joins, delay_is_lateness_and_how_far_what_is_alone_may_wait) {
  const auto delay = [](join_kind kind, between reach) {
    return delay_of(reach, {.kind = kind, .allowed_lateness = ms(3)}).count();
  };
  EXPECT_EQ(delay(join_kind::inner, {ms(-5), ms(9)}), 3);
  EXPECT_EQ(delay(join_kind::left, {ms(-5), ms(9)}), 12);
  EXPECT_EQ(delay(join_kind::right, {ms(-5), ms(9)}), 8);
  EXPECT_EQ(delay(join_kind::full, {ms(-5), ms(9)}), 12);
  EXPECT_EQ(delay(join_kind::full, {ms(-9), ms(-5)}), 12);
  EXPECT_EQ(delay(join_kind::left, {ms(-9), ms(-5)}), 3);
}

// --- memory ---

/// Feeds both sides with a key for each millisecond, and waits until few keys are left in the state of "join".
template <class Make>
void expect_few_keys(Make&& make) {
  stream_builder b{"memory"};
  push_spout<event> left({.capacity = 5000}), right({.capacity = 5000});
  const auto l = b.spout("left", left).event_time(&event::time), r = b.spout("right", right).event_time(&event::time);
  make(l.key_by(&event::key), r.key_by(&event::key)).to("rows", [](const pair_row&) {});
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(left.try_push({i, at(i), i}));
    ASSERT_TRUE(right.try_push({i + i % 2 * 10'000, at(i), i}));
  }
  event_options options;
  options.log = logger{};
  options.workers = 2;
  auto run = event_executor{options}.start(b.build());
  std::uint64_t keys = 0;
  for (int waited = 0; waited < 2000; ++waited) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const auto m = run.metrics().node("join");
    keys = m.state_rows;
    if (m.executed >= 6000 && keys < 100) break;
  }
  EXPECT_LT(keys, 100u);
  left.close();
  right.close();
  run.wait();
}

TEST(keyed_joins, rows_leave_when_nothing_can_match_them) {
  expect_few_keys([](const auto& l, const auto& r) {
    return l.interval_join("join", r, {ms(-5), ms(5)}, full_rows, {.kind = join_kind::full, .allowed_lateness = ms(7)});
  });
  expect_few_keys([](const auto& l, const auto& r) {
    return l.window_join("join", r, hopping{ms(10), ms(5)}, inner_rows);
  });
  expect_few_keys([](const auto& l, const auto& r) { return l.window_join("join", r, sessions{ms(5)}, inner_rows); });
  expect_few_keys([](const auto& l, const auto& r) { return l.as_of_join("join", r, as_of{ms(5)}, inner_rows); });
  expect_few_keys([](const auto& l, const auto& r) {
    return l.join_table("join", r, inner_rows, {}, table_changes{[](const event&) { return true; }});
  });
}

TEST(keyed_joins, a_key_of_late_tuples_alone_is_forgotten) {
  stream_builder b{"late"};
  push_spout<event> left({.capacity = 5000}), right({.capacity = 5000});
  const auto l = b.spout("left", left).event_time(&event::time), r = b.spout("right", right).event_time(&event::time);
  const auto made = l.key_by(&event::key).interval_join("join", r.key_by(&event::key), {ms(0), ms(0)}, inner_rows);
  collect_sink<late_tuple<event>> late;
  made.to("rows", [](const pair_row&) {});
  made.left_late().to("late", late);
  ASSERT_TRUE(left.try_push({0, at(100'000), 0}));
  ASSERT_TRUE(right.try_push({0, at(100'000), 0}));
  for (int i = 1; i < 2000; ++i) ASSERT_TRUE(left.try_push({i, at(i), i}));
  ASSERT_TRUE(left.try_push({0, at(100'001), 0}));
  ASSERT_TRUE(right.try_push({0, at(100'001), 0}));
  event_options options;
  options.log = logger{};
  auto run = event_executor{options}.start(b.build());
  std::uint64_t keys = 0;
  for (int waited = 0; waited < 2000; ++waited) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    keys = run.metrics().node("join").state_rows;
    if (late.size() == 1999 && keys < 3) break;
  }
  EXPECT_EQ(late.size(), 1999u);
  EXPECT_LT(keys, 3u);
  left.close();
  right.close();
  run.wait();
}

}  // namespace
}  // namespace freshet::joins
