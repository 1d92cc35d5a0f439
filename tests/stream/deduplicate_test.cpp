#include "freshet/stream/deduplicate.hpp"

#include <set>

#include "stream/join_scene.hpp"

namespace freshet::joins {
namespace {

using rows = std::vector<late_row>;  // a tuple, its time and its stamp

/// What de-duplication makes of a stream.
struct sorted_out {
  rows passed, duplicates, late;
  bool operator==(const sorted_out&) const = default;
  void sort() {
    for (auto* each : {&passed, &duplicates, &late}) std::sort(each->begin(), each->end());
  }
};
late_row row_of(const stamped& s) { return {s.e.id, s.e.time, s.stamp, late_reason::time}; }

/// Tuple by tuple, in the order given.
sorted_out one_by_one(const std::vector<stamped>& all, event_span within, event_span lateness) {
  sorted_out out;
  std::map<int, std::vector<event_time>> passed;
  for (const auto& s : all) {
    auto& of_key = passed[s.e.key];
    const auto is_near = [&](event_time p) { return p - within <= s.e.time && s.e.time <= p + within; };
    if (is_late(s.e.time, lateness, s.stamp)) {
      out.late.push_back(row_of(s));
    } else if (std::any_of(of_key.begin(), of_key.end(), is_near)) {
      out.duplicates.push_back(row_of(s));
    } else {
      out.passed.push_back(row_of(s));
      of_key.push_back(s.e.time);
    }
  }
  out.sort();
  return out;
}

struct plan {
  side in;
  event_span within{}, lateness{};
  bool is_ordered = false;
};
sorted_out run(const plan& p, const way& w) {
  stream_builder b{"duplicates"};
  const auto keyed = read(b, "events", p.in, w.max_batch).key_by(&event::key);
  const auto out =
      p.is_ordered
          ? keyed.ordered(p.lateness).deduplicate("first", p.within, {.parallelism = w.parallelism})
          : keyed.deduplicate("first", p.within, {.allowed_lateness = p.lateness, .parallelism = w.parallelism});
  const auto see = [](const event& e, emitter<late_row>& o) { o.emit({e.id, o.time(), o.stamp(), late_reason::time}); };
  collect_sink<late_row> passed, duplicates, late;
  out.process("seen", see, {.parallelism = w.parallelism}).to("passed", passed);
  out.duplicates().process("seen again", see).to("duplicates", duplicates);
  out.late()
      .map("too late",
           [](const late_tuple<event>& t) {
             return late_row{t.value.id, t.time, t.stamp, t.reason};
           })
      .to("late", late);
  const auto metrics = w.run(b.build());
  sorted_out all{passed.take(), duplicates.take(), late.take()};
  EXPECT_EQ(metrics.node("first").state_rows, 0u) << w.text();
  EXPECT_EQ(metrics.node("first").late, all.late.size()) << w.text();
  EXPECT_EQ(metrics.total().dead_lettered, 0u) << w.text();
  all.sort();
  return all;
}
std::vector<int> ids(const rows& all) {
  std::vector<int> each;
  for (const auto& r : all) each.push_back(r.id);
  return each;
}
using found = std::vector<int>;

TEST(deduplicate, first_of_a_key_passes_and_what_is_near_it_does_not) {
  const plan p{
      {{{{1, at(0), 0}, {1, at(10), 1}, {2, at(10), 2}, {1, at(11), 3}, {1, at(21), 4}, {1, at(22), 5}}}, ms(5)},
      ms(10)};
  for (auto by : engines) {
    const auto out = run(p, {.by = by, .parallelism = 2});
    EXPECT_EQ(ids(out.passed), (found{0, 2, 3, 5}));
    EXPECT_EQ(ids(out.duplicates), (found{1, 4}));
  }
}

TEST(deduplicate, what_is_older_than_the_one_that_passed_is_near_it_too) {
  plan p{{{{{1, at(20), 0}, {1, at(10), 1}, {1, at(9), 2}, {1, at(0), 3}}}, ms(30)}, ms(10)};
  for (auto by : engines) EXPECT_EQ(ids(run(p, {.by = by}).passed), (found{0, 2})) << "as they come";
  p.is_ordered = true;
  for (auto by : engines) EXPECT_EQ(ids(run(p, {.by = by}).passed), (found{0, 3})) << "in order";
}

TEST(deduplicate, within_nothing_only_equal_times_are_near) {
  plan p{{{{{1, at(0), 0}, {1, at(0), 1}, {1, at(1), 2}}}, ms(5)}};
  for (bool is_ordered : {false, true}) {
    p.is_ordered = is_ordered;
    for (auto by : engines) EXPECT_EQ(ids(run(p, {.by = by}).passed), (found{0, 2}));
  }
}

TEST(deduplicate, a_key_may_be_kept_to_the_end) {
  plan p{{{{{1, at(0), 0}, {1, at(1'000'000'000), 1}, {2, at(1'000'000'001), 2}}}}, event_span::max()};
  for (bool is_ordered : {false, true}) {
    p.is_ordered = is_ordered;
    for (auto by : engines) EXPECT_EQ(ids(run(p, {.by = by}).passed), (found{0, 2}));
  }
}

TEST(deduplicate, keys_are_forgotten_as_time_goes_on) {
  std::vector<event> all;
  for (int i = 0; i < 1000; ++i) all.push_back({i, at(i), i});
  stream_builder b{"duplicates"};
  std::size_t most = 0;
  read(b, "events", {{all}}, 10).key_by(&event::key).deduplicate("first", ms(20)).to("passed", [](const event&) {});
  batch_options options{.trigger = batch_trigger::rows, .rows_per_batch = 10};
  options.log = logger{};
  auto r = batch_executor{options}.start(b.build());
  while (r.metrics().batches_done < 100)
    most = std::max(most, static_cast<std::size_t>(r.metrics().node("first").state_rows));
  r.wait();
  EXPECT_LE(most, 40u);
}

TEST(deduplicate, of_one_partition_is_what_a_loop_gives) {
  for (std::uint64_t seed = 0; seed < seeds_up_to(120); ++seed) {
    random_source random(seed);
    plan p{scene::make(random, 0), ms(static_cast<std::int64_t>(random.below(15))),
           ms(static_cast<std::int64_t>(random.chance(0.4) ? 0 : random.below(15)))};
    p.in.partitions.resize(1);
    const auto expected = one_by_one(p.in.with_stamps(), p.within, p.lateness);
    for (auto by : engines) {
      auto w = way::random(by, random, "first");
      // A message that comes again comes after others: those that fail behind the bolt must not.
      if (by == engine::at_least_once && w.faults) {
        w.faults = std::make_shared<testing::fault_plan>(seed);
        w.faults->throw_at_random("seen", 0.1, 20);
      }
      ASSERT_EQ(expected == run(p, w), true) << "seed " << seed << ", " << w.text();
    }
  }
}

/// Event times of a key are all different: of equal ones the first to come would pass.
side without_ties(side s) {
  std::set<std::pair<int, event_time>> seen;
  for (auto& p : s.partitions) std::erase_if(p, [&](const event& e) { return !seen.insert({e.key, e.time}).second; });
  return s;
}

TEST(deduplicate, in_order_is_a_function_of_the_data) {
  for (std::uint64_t seed = 0; seed < seeds_up_to(120); ++seed) {
    random_source random(seed);
    const plan p{without_ties(scene::make(random, 0)), ms(static_cast<std::int64_t>(random.below(15))),
                 ms(static_cast<std::int64_t>(random.chance(0.4) ? 0 : random.below(15))), true};
    auto all = p.in.with_stamps();
    std::sort(all.begin(), all.end(), [](const stamped& a, const stamped& b) { return a.e.time < b.e.time; });
    const auto expected = one_by_one(all, p.within, p.lateness);
    for (auto by : engines) {
      const auto w = way::random(by, random, "first");
      const auto got = run(p, w);
      // Which stamp a tuple carries that time has sent on is ordered()'s matter.
      ASSERT_EQ(ids(got.passed), ids(expected.passed)) << "seed " << seed << ", " << w.text();
      ASSERT_EQ(ids(got.duplicates), ids(expected.duplicates)) << "seed " << seed << ", " << w.text();
      ASSERT_EQ(got.late, expected.late) << "seed " << seed << ", " << w.text();
    }
  }
}

TEST(deduplicate, in_any_order_what_passes_is_apart_and_what_does_not_is_near) {
  for (std::uint64_t seed = 0; seed < seeds_up_to(80); ++seed) {
    random_source random(seed);
    plan p{scene::make(random, 0), ms(static_cast<std::int64_t>(random.below(15)))};
    p.in.bound = ms(1000);
    std::map<int, event> by_id;
    for (const auto& s : p.in.with_stamps()) by_id[s.e.id] = s.e;
    for (auto by : engines) {
      const auto w = way::random(by, random, "first");
      const auto got = run(p, w);
      ASSERT_EQ(got.passed.size() + got.duplicates.size(), by_id.size()) << "seed " << seed << ", " << w.text();
      const auto near = [&](const late_row& a, const late_row& b) {
        return by_id[a.id].key == by_id[b.id].key && a.time - p.within <= b.time && b.time <= a.time + p.within;
      };
      for (const auto& a : got.passed)
        ASSERT_EQ(std::count_if(got.passed.begin(), got.passed.end(), [&](auto& b) { return near(a, b); }), 1);
      for (const auto& d : got.duplicates)
        ASSERT_TRUE(std::any_of(got.passed.begin(), got.passed.end(), [&](auto& b) { return near(d, b); }));
    }
  }
}

TEST(deduplicate, what_fails_for_good_keeps_nobody_back) {
  std::vector<event> all;
  for (int i = 0; i < 20; ++i) all.push_back({i % 2, at(i * 10), i});
  for (const bool is_ordered : {false, true})
    for (auto by : engines) {
      stream_builder b{"duplicates"};
      const auto keyed = read(b, "events", {{all}, ms(5)}, 3).key_by(&event::key);
      const auto first = is_ordered ? keyed.ordered().deduplicate("first", ms(5)) : keyed.deduplicate("first", ms(5));
      const auto poison = [](const event& e) {
        if (e.id == 4) throw std::runtime_error("poison");
        return e.id;
      };
      collect_sink<int> passed;
      collect_sink<std::string> errors;
      first.map("seen", poison).to("passed", passed);
      b.dead_letters().map("errors", [](const dead_letter& d) { return d.error; }).to("dead", errors);
      const auto metrics = way{.by = by, .rows_per_batch = 4}.run(b.build());
      EXPECT_EQ(passed.take().size(), 19u);
      EXPECT_FALSE(errors.take().empty());
      EXPECT_EQ(metrics.node("first").state_rows, 0u);
    }
}

TEST(deduplicate, negative_times_are_refused) {
  stream_builder b{"duplicates"};
  const auto keyed = read(b, "events", {{{}}}, 1).key_by(&event::key);
  keyed.deduplicate("first", ms(-5), {.allowed_lateness = ms(-1)}).to("passed", [](const event&) {});
  keyed.ordered().deduplicate("second", ms(-6)).to("passed too", [](const event&) {});
  try {
    b.build();
    FAIL() << "it was built";
  } catch (const topology_error& e) {
    EXPECT_NE(std::string(e.what()).find("has a negative time within which it drops duplicates: -5 ms"),
              std::string::npos)
        << e.what();
    EXPECT_EQ(e.mistakes().size(), 3u);
  }
}

}  // namespace
}  // namespace freshet::joins
