#include "freshet/stream/window_join.hpp"

#include "stream/join_scene.hpp"

namespace freshet::joins {
namespace {

template <class W>
answer run(const side& left, const side& right, W windows, join_options options, const way& w) {
  return run_join(left, right, w, [&](const auto& l, const auto& r, std::size_t parallelism) {
    options.parallelism = parallelism;
    return with_function_of(options.kind, [&](auto f) { return l.window_join("join", r, windows, f, options); });
  });
}

// --- the model ---

struct contents {
  std::vector<stamped> lefts, rights;
};
using all_windows = std::map<std::pair<int, window>, contents>;

template <class W>
all_windows divide(const side& left, const side& right, W windows, event_span lateness, answer& a) {
  all_windows all;
  const auto late = [&](const stamped& s) {
    bool for_all = true;
    for_each_window(windows, s.e.time, [&](const window& w) { for_all = for_all && is_late(w, lateness, s.stamp); });
    return for_all;
  };
  const auto put = [&](const std::vector<stamped>& tuples, std::vector<stamped> contents::*into) {
    for (const auto& s : tuples)
      for_each_window(windows, s.e.time, [&](const window& w) {
        if (!is_late(w, lateness, s.stamp)) (all[{s.e.key, w}].*into).push_back(s);
      });
  };
  put(in_time(left.with_stamps(), a.left_late, late_reason::window, late), &contents::lefts);
  put(in_time(right.with_stamps(), a.right_late, late_reason::window, late), &contents::rights);
  return all;
}
all_windows divide(const side& left, const side& right, sessions windows, event_span lateness, answer& a) {
  const auto late = [&](const stamped& s) { return is_late(s.e.time, lateness, s.stamp); };
  std::map<int, std::vector<std::pair<stamped, bool>>> keys;
  for (const auto& s : in_time(left.with_stamps(), a.left_late, late_reason::time, late))
    keys[s.e.key].emplace_back(s, true);
  for (const auto& s : in_time(right.with_stamps(), a.right_late, late_reason::time, late))
    keys[s.e.key].emplace_back(s, false);
  all_windows all;
  for (auto& [key, tuples] : keys) {
    std::sort(tuples.begin(), tuples.end(), [](auto& x, auto& y) { return x.first.e.time < y.first.e.time; });
    for (std::size_t i = 0; i < tuples.size();) {
      std::size_t end = i + 1;
      while (end < tuples.size() && tuples[end].first.e.time - tuples[end - 1].first.e.time <= windows.gap) ++end;
      auto& in = all[{key, {tuples[i].first.e.time, tuples[end - 1].first.e.time + std::max(windows.gap, ms(1))}}];
      for (; i < end; ++i) (tuples[i].second ? in.lefts : in.rights).push_back(tuples[i].first);
    }
  }
  return all;
}
template <class W>
answer model(const side& left, const side& right, W windows, const join_options& o) {
  answer a;
  for (const auto& [at, in] : divide(left, right, windows, o.allowed_lateness, a)) {
    const auto time = result_time(at.second), stamp = time - ms(1);
    const auto give = [&, t = time, s = stamp](int l, int r) { a.rows.push_back({l, r, t, s}); };
    for (const auto& l : in.lefts)
      for (const auto& r : in.rights) give(l.e.id, r.e.id);
    if (in.rights.empty() && (o.kind == join_kind::left || o.kind == join_kind::full))
      for (const auto& l : in.lefts) give(l.e.id, -1);
    if (in.lefts.empty() && (o.kind == join_kind::right || o.kind == join_kind::full))
      for (const auto& r : in.rights) give(-1, r.e.id);
  }
  a.sort();
  return a;
}

// --- small cases ---

side one(std::vector<event> events, event_span bound = ms(1000)) { return {{std::move(events)}, bound}; }
using ids = std::vector<std::pair<int, int>>;
template <class W>
ids pairs(const side& left, const side& right, W windows, join_kind kind = join_kind::inner, event_span lateness = {}) {
  const join_options options{.kind = kind, .allowed_lateness = lateness};
  const auto expected = model(left, right, windows, options);
  for (auto by : engines) {
    const way w{.by = by, .parallelism = 2};
    EXPECT_EQ(difference(expected, run(left, right, windows, options, w)), "") << w.text();
  }
  ids all;
  for (const auto& row : expected.rows) all.emplace_back(row.left, row.right);
  return all;
}

TEST(window_join, windows_are_half_open_and_begin_before_the_epoch_too) {
  const auto left = one({{1, at(-10), 0}, {1, at(-1), 1}, {1, at(0), 2}, {1, at(9), 3}, {1, at(10), 4}});
  const auto right = one({{1, at(-11), 10}, {1, at(-5), 11}, {1, at(9), 12}, {2, at(10), 13}});
  EXPECT_EQ(pairs(left, right, tumbling{ms(10)}), (ids{{0, 11}, {1, 11}, {2, 12}, {3, 12}}));
}

TEST(window_join, rows_have_the_last_time_of_the_window) {
  const auto a = run(one({{1, at(3), 0}}), one({{1, at(4), 1}}), tumbling{ms(10)}, {}, way{});
  EXPECT_EQ(a.rows, (std::vector<pair_row>{{0, 1, at(9), at(8)}}));
}

TEST(window_join, kinds_give_what_has_no_partner_in_its_window) {
  const auto left = one({{1, at(1), 0}, {1, at(11), 1}});
  const auto right = one({{1, at(2), 10}, {1, at(2), 11}, {1, at(25), 12}});
  EXPECT_EQ(pairs(left, right, tumbling{ms(10)}), (ids{{0, 10}, {0, 11}}));
  EXPECT_EQ(pairs(left, right, tumbling{ms(10)}, join_kind::left), (ids{{0, 10}, {0, 11}, {1, -1}}));
  EXPECT_EQ(pairs(left, right, tumbling{ms(10)}, join_kind::right), (ids{{-1, 12}, {0, 10}, {0, 11}}));
  EXPECT_EQ(pairs(left, right, tumbling{ms(10)}, join_kind::full), (ids{{-1, 12}, {0, 10}, {0, 11}, {1, -1}}));
  EXPECT_EQ(pairs(left, one({}), tumbling{ms(10)}, join_kind::full), (ids{{0, -1}, {1, -1}}));
}

TEST(window_join, a_pair_is_given_once_in_each_window_it_is_in) {
  const auto left = one({{1, at(7), 0}});
  const auto right = one({{1, at(12), 10}, {1, at(4), 11}});
  EXPECT_EQ(pairs(left, right, hopping{ms(10), ms(5)}), (ids{{0, 10}, {0, 11}}));
  EXPECT_EQ(pairs(left, one({{1, at(7), 10}}), hopping{ms(10), ms(5)}), (ids{{0, 10}, {0, 10}}));
}

TEST(window_join, late_for_one_window_and_in_time_for_the_next) {
  // The stamp of the second is 12: the window up to 10 has closed for it, the one up to 15 has not.
  const auto left = one({{1, at(12), 0}, {1, at(8), 1}}, ms(0));
  const auto right = one({{1, at(6), 10}});
  const auto a = model(left, right, hopping{ms(10), ms(5)}, {});
  EXPECT_TRUE(a.left_late.empty());
  EXPECT_EQ(pairs(left, right, hopping{ms(10), ms(5)}), (ids{{0, 10}, {1, 10}}));
}

TEST(window_join, sessions_are_those_of_both_sides) {
  const auto left = one({{1, at(0), 0}, {1, at(10), 1}, {1, at(40), 2}});
  const auto right = one({{1, at(5), 10}, {1, at(15), 11}, {1, at(46), 12}});
  EXPECT_EQ(pairs(left, right, sessions{ms(5)}), (ids{{0, 10}, {0, 11}, {1, 10}, {1, 11}}));
  EXPECT_EQ(pairs(left, right, sessions{ms(0)}, join_kind::full).size(), 6u);
}

TEST(window_join, windows_at_the_ends_of_time_are_windows_too) {
  const auto first = first_event_time, last = last_event_time;
  const auto left = one({{1, first, 0}, {1, last, 1}}), right = one({{1, first, 10}, {1, last, 11}});
  for (auto by : engines) {
    EXPECT_EQ(run(left, right, tumbling{ms(10)}, {}, way{.by = by}).rows.size(), 2u);
    EXPECT_EQ(run(left, right, hopping{ms(10), ms(10)}, {.allowed_lateness = ms(100)}, way{.by = by}).rows.size(), 2u);
  }
}

// --- many ---

template <class W>
void compare(std::uint64_t seed, const scene& s, W windows, random_source& random) {
  const join_options options{.kind = static_cast<join_kind>(random.below(4)), .allowed_lateness = s.lateness};
  const auto expected = model(s.left, s.right, windows, options);
  for (auto by : engines) {
    const auto w = way::random(by, random);
    ASSERT_EQ(difference(expected, run(s.left, s.right, windows, options, w)), "")
        << "seed " << seed << ", " << to_string(options.kind) << ", " << w.text();
  }
}

TEST(window_join, random_schedules_give_what_a_nested_loop_gives) {
  for (std::uint64_t seed = 0; seed < seeds_up_to(210) && !HasFatalFailure(); ++seed) {
    random_source random(seed);
    const scene s(random);
    const auto some = [&](std::uint64_t below) { return ms(1 + static_cast<std::int64_t>(random.below(below))); };
    const auto size = some(20);
    if (seed % 3 == 0) compare(seed, s, tumbling{size, some(9)}, random);
    else if (seed % 3 == 1)
      compare(seed, s, hopping{size, some(static_cast<std::uint64_t>(size.count())), some(9)}, random);
    else compare(seed, s, sessions{some(8) - ms(1)}, random);
  }
}

// --- co-grouping ---

struct group {
  int key = 0;
  event_time start{}, end{};
  std::vector<int> lefts, rights;
  friend auto operator<=>(const group&, const group&) = default;
};
std::vector<int> ids_of(const std::vector<event>& events) {
  std::vector<int> all;
  for (const auto& e : events) all.push_back(e.id);
  std::sort(all.begin(), all.end());
  return all;
}
constexpr auto as_group = [](int key, const window& w, const std::vector<event>& lefts,
                             const std::vector<event>& rights, emitter<group>& out) {
  out.emit({key, w.start, w.end, ids_of(lefts), ids_of(rights)});
};

TEST(co_group, gives_both_sides_of_every_window) {
  for (std::uint64_t seed = 0; seed < seeds_up_to(40); ++seed) {
    random_source random(seed);
    const scene s(random);
    const hopping windows{ms(12), ms(4)};
    answer late;
    std::vector<group> expected;
    for (const auto& [at, in] : divide(s.left, s.right, windows, s.lateness, late)) {
      group g{at.first, at.second.start, at.second.end, {}, {}};
      for (const auto& l : in.lefts) g.lefts.push_back(l.e.id);
      for (const auto& r : in.rights) g.rights.push_back(r.e.id);
      std::sort(g.lefts.begin(), g.lefts.end());
      std::sort(g.rights.begin(), g.rights.end());
      expected.push_back(g);
    }
    for (auto by : engines) {
      const auto w = way::random(by, random);
      stream_builder b{"groups"};
      const auto l = read(b, "left", s.left, w.max_batch), r = read(b, "right", s.right, w.max_batch);
      const join_options options{.allowed_lateness = s.lateness, .parallelism = w.parallelism};
      collect_sink<group> groups;
      l.key_by(&event::key)
          .co_group<group>("join", r.key_by(&event::key), windows, as_group, options)
          .to("groups", groups);
      (void)w.run(b.build());
      auto got = groups.take();
      std::sort(got.begin(), got.end());
      std::sort(expected.begin(), expected.end());
      ASSERT_EQ(got == expected, true) << "seed " << seed << ", " << w.text();
    }
  }
}

}  // namespace
}  // namespace freshet::joins
