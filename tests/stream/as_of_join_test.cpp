#include "freshet/stream/as_of_join.hpp"

#include "stream/join_scene.hpp"

namespace freshet::joins {
namespace {

/// Ids rise with the order of arrival.
constexpr auto by_id = &event::id;

answer run(const side& left, const side& right, as_of reach, join_options options, const way& w) {
  return run_join(left, right, w, [&](const auto& l, const auto& r, std::size_t parallelism) {
    options.parallelism = parallelism;
    return options.kind == join_kind::left ? l.as_of_join("join", r, reach, left_rows, options, by_id)
                                           : l.as_of_join("join", r, reach, inner_rows, options, by_id);
  });
}
/// `deletes(event)`: there is no row from then on.
template <class Deletes>
answer model(const side& left, const side& right, as_of reach, const join_options& o, Deletes&& deletes) {
  answer a;
  const auto late = [&](const stamped& s) { return is_late(s.e.time, o.allowed_lateness, s.stamp); };
  const auto lefts = in_time(left.with_stamps(), a.left_late, late_reason::time, late);
  const auto rights = in_time(right.with_stamps(), a.right_late, late_reason::time, late);
  for (const auto& l : lefts) {
    const stamped* last = nullptr;
    for (const auto& r : rights)
      if (r.e.key == l.e.key && r.e.time <= l.e.time &&
          (!last || std::tie(last->e.time, last->e.id) < std::tie(r.e.time, r.e.id)))
        last = &r;
    if (last && !deletes(last->e) && l.e.time - last->e.time <= reach.tolerance)
      a.rows.push_back({l.e.id, last->e.id, l.e.time, std::max(released_stamp(l.e.time, l.stamp), last->stamp)});
    else if (o.kind == join_kind::left) a.rows.push_back({l.e.id, -1, l.e.time, released_stamp(l.e.time, l.stamp)});
  }
  a.sort();
  return a;
}
answer model(const side& left, const side& right, as_of reach, const join_options& o) {
  return model(left, right, reach, o, [](const event&) { return false; });
}

side one(std::vector<event> events, event_span bound = ms(1000)) { return {{std::move(events)}, bound}; }
using ids = std::vector<std::pair<int, int>>;
ids pairs(const side& left, const side& right, as_of reach = {}, join_kind kind = join_kind::left) {
  const join_options options{.kind = kind};
  const auto expected = model(left, right, reach, options);
  for (auto by : engines) {
    const way w{.by = by, .parallelism = 2};
    EXPECT_EQ(difference(expected, run(left, right, reach, options, w)), "") << w.text();
  }
  ids all;
  for (const auto& row : expected.rows) all.emplace_back(row.left, row.right);
  return all;
}

TEST(as_of_join, sees_the_last_at_or_before_its_time) {
  const auto trades = one({{1, at(-9), 0}, {1, at(10), 1}, {1, at(11), 2}, {1, at(19), 3}, {2, at(20), 4}});
  const auto quotes = one({{1, at(-8), 10}, {1, at(10), 11}, {1, at(20), 12}, {2, at(20), 13}});
  EXPECT_EQ(pairs(trades, quotes), (ids{{0, -1}, {1, 11}, {2, 11}, {3, 11}, {4, 13}}));
  EXPECT_EQ(pairs(trades, quotes, {}, join_kind::inner), (ids{{1, 11}, {2, 11}, {3, 11}, {4, 13}}));
}

TEST(as_of_join, of_several_at_one_time_the_last_counts) {
  const auto quotes = one({{1, at(10), 11}, {1, at(10), 12}, {1, at(9), 13}});
  EXPECT_EQ(pairs(one({{1, at(10), 0}}), quotes), (ids{{0, 12}}));
  // The same by arrival, where one partition says what that is.
  for (auto by : {engine::exactly_once, engine::batch}) {
    const auto a = run_join(
        one({{1, at(10), 0}}), quotes, way{.by = by},
        [](const auto& l, const auto& r, std::size_t) { return l.as_of_join("join", r, as_of{}, inner_rows); });
    ASSERT_EQ(a.rows.size(), 1u);
    EXPECT_EQ(a.rows[0].right, 12);
  }
}

TEST(as_of_join, not_older_than_the_tolerance) {
  const auto quotes = one({{1, at(10), 10}});
  const auto trades = one({{1, at(10), 0}, {1, at(15), 1}, {1, at(16), 2}});
  EXPECT_EQ(pairs(trades, quotes, {ms(5)}), (ids{{0, 10}, {1, 10}, {2, -1}}));
  EXPECT_EQ(pairs(trades, quotes, {ms(0)}), (ids{{0, 10}, {1, -1}, {2, -1}}));
}

TEST(as_of_join, an_empty_side) {
  const auto some = one({{1, at(0), 0}, {1, at(0), 1}});
  EXPECT_EQ(pairs(some, one({})), (ids{{0, -1}, {1, -1}}));
  EXPECT_EQ(pairs(one({}), some), ids{});
}

TEST(as_of_join, late_on_each_side) {
  const auto left = one({{1, at(100), 0}, {1, at(90), 1}, {1, at(91), 2}}, ms(10));
  const auto right = one({{1, at(100), 10}, {1, at(85), 11}, {1, at(95), 12}}, ms(10));
  const auto a = model(left, right, {}, {});
  EXPECT_EQ(a.left_late, (std::vector<late_row>{{1, at(90), at(90), late_reason::time}}));
  EXPECT_EQ(a.right_late, (std::vector<late_row>{{11, at(85), at(90), late_reason::time}}));
  EXPECT_EQ(pairs(left, right), (ids{{0, 10}, {2, -1}}));
}

TEST(as_of_join, random_schedules_give_what_a_nested_loop_gives) {
  for (std::uint64_t seed = 0; seed < seeds_up_to(220); ++seed) {
    random_source random(seed);
    const scene s(random);
    as_of reach;
    if (random.chance(0.6)) reach.tolerance = ms(static_cast<std::int64_t>(random.below(30)));
    const join_options options{.kind = seed % 2 ? join_kind::left : join_kind::inner, .allowed_lateness = s.lateness};
    const auto expected = model(s.left, s.right, reach, options);
    for (auto by : engines) {
      const auto w = way::random(by, random);
      ASSERT_EQ(difference(expected, run(s.left, s.right, reach, options, w)), "")
          << "seed " << seed << ", " << w.text();
    }
  }
}

// --- tables ---

bool deletes(const event& e) { return e.id % 3 == 0; }

/// `broadcast`: every task has a copy of the table.
void compare_tables(bool broadcast) {
  for (std::uint64_t seed = 0; seed < seeds_up_to(120); ++seed) {
    random_source random(seed);
    const scene s(random);
    const join_options options{.kind = seed % 2 ? join_kind::left : join_kind::inner, .allowed_lateness = s.lateness};
    const auto expected = model(s.left, s.right, {}, options, deletes);
    for (auto by : engines) {
      const auto w = way::random(by, random);
      auto got = run_join(s.left, s.right, w, [&](const auto& l, const auto& r, std::size_t parallelism) {
        auto o = options;
        o.parallelism = parallelism;
        const table_changes how{&deletes, by_id};
        const auto all = stream(r.ungrouped()).broadcast();
        if (broadcast)
          return o.kind == join_kind::left ? l.join_table("join", all, &event::key, left_rows, o, how)
                                           : l.join_table("join", all, &event::key, inner_rows, o, how);
        return o.kind == join_kind::left ? l.join_table("join", r, left_rows, o, how)
                                         : l.join_table("join", r, inner_rows, o, how);
      });
      // A change that failed in one copy comes again to all: the table is the same, and what is late is told again.
      if (broadcast && by == engine::at_least_once)
        got.right_late.erase(std::unique(got.right_late.begin(), got.right_late.end()), got.right_late.end());
      ASSERT_EQ(difference(expected, got), "") << "seed " << seed << ", " << w.text();
    }
  }
}

TEST(join_table, sees_the_table_as_of_its_own_time_with_deletes) { compare_tables(false); }
TEST(join_table, sees_the_same_in_every_copy) { compare_tables(true); }

using price = keyed<int, std::optional<int>>;
struct priced {
  int id = 0, price = 0;
  bool operator==(const priced&) const = default;
};

TEST(join_table, a_change_without_value_deletes) {
  stream_builder b{"prices"};
  struct change {
    event_time time{};
    price what;
  };
  const auto changes =
      b.spout("changes", vector_spout<change>{{{at(1), {7, 100}}, {at(5), {7, {}}}, {at(9), {7, 300}}}})
          .event_time(&change::time)
          .map("price", [](const change& c) { return c.what; });
  const auto orders =
      b.spout("orders", vector_spout<event>{{{7, at(0), 0}, {7, at(4), 1}, {7, at(5), 2}, {7, at(9), 3}}})
          .event_time(&event::time);
  const auto made = orders.key_by(&event::key)
                        .join_table("join", changes.key_by(&price::key),
                                    [](const event& e, const price* p) {
                                      return priced{e.id, p ? p->value.value_or(-2) : -1};
                                    },
                                    {.kind = join_kind::left});
  collect_sink<priced> rows;
  made.to("rows", rows);
  const auto graph = b.build();
  for (auto by : engines) {
    (void)way{.by = by}.run(graph);
    auto got = rows.take();
    std::sort(got.begin(), got.end(), [](auto& x, auto& y) { return x.id < y.id; });
    EXPECT_EQ(got, (std::vector<priced>{{0, -1}, {1, 100}, {2, -1}, {3, 300}}));
  }
}

}  // namespace
}  // namespace freshet::joins
