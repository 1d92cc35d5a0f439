#include "freshet/stream/selecting_aggregates.hpp"

#include <tuple>

#include "stream/aggregate_laws.hpp"

namespace freshet {
namespace {

namespace agg = aggregates;

struct event {
  int at = 0;
  int id = 0;
  bool operator==(const event&) const = default;
};
template <class A, class T>
auto answer(const A& a, const std::vector<T>& values) {
  return result_of(a, added(a, values));
}
std::vector<event> random_events(std::uint64_t seed) {
  random_source random(seed);
  std::vector<event> all(random.below(60) + 1);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = {static_cast<int>(random.below(20)), static_cast<int>(i)};
  return all;
}

TEST(selecting_aggregates, first_and_last_by_time) {
  const std::vector<event> events{{5, 0}, {3, 1}, {9, 2}, {3, 3}, {9, 4}};
  EXPECT_EQ(answer(agg::first{&event::at}, events), (event{3, 1}));
  EXPECT_EQ(answer(agg::last{&event::at}, events), (event{9, 4}));
}

TEST(selecting_aggregates, top_k_by_its_definition) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    auto events = random_events(seed);
    const auto top = answer(agg::top_k{5, &event::at}, events);
    std::stable_sort(events.begin(), events.end(), [](const event& a, const event& b) { return a.at > b.at; });
    events.resize(std::min<std::size_t>(events.size(), 5));
    ASSERT_EQ(top, events);
  }
  EXPECT_EQ(answer(agg::top_k<int>{2}, std::vector{3, 1, 2}), (std::vector{3, 2}));
  EXPECT_TRUE(answer(agg::top_k<int>{0}, std::vector{3, 1, 2}).empty());
}

TEST(selecting_aggregates, a_rank_without_ties_does_not_depend_on_order) {
  const auto by = [](const event& e) { return std::tuple(e.at, -e.id); };
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto events = random_events(seed);
    const auto top = answer(agg::top_k{5, by}, events);
    const auto first = answer(agg::first{by}, events);
    random_source random(seed);
    std::shuffle(events.begin(), events.end(), random);
    ASSERT_EQ(answer(agg::top_k{5, by}, events), top);
    ASSERT_EQ(answer(agg::first{by}, events), first);
  }
}

/// Has no order of its own.
struct plain_event {
  int at = 0;
  std::string id;
  bool operator==(const plain_event&) const = default;
};

TEST(selecting_aggregates, ties_by_value_do_not_depend_on_order) {
  const auto by = [](const plain_event& e) { return e.at / 8; };
  const agg::top_k<plain_event, decltype(by), agg::least_first> top5{5, by};
  const agg::top_k<int, std::identity, agg::least_first> equal{3, {}};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<plain_event> events;
    for (const auto& e : random_events(seed)) events.push_back({e.at, std::to_string(e.id)});
    const auto top = answer(top5, events);
    random_source random(seed);
    std::shuffle(events.begin(), events.end(), random);
    ASSERT_EQ(answer(top5, events), top);
    ASSERT_EQ(answer(equal, std::vector{1, 1, 1, 1}), (std::vector{1, 1, 1}));
  }
}

struct ordered_event {
  int at = 0;
  int id = 0;
  auto operator<=>(const ordered_event&) const = default;
};

TEST(selecting_aggregates, ties_by_value_are_in_the_order_of_the_values) {
  const auto by = [](const ordered_event& e) { return e.at; };
  const agg::top_k<ordered_event, decltype(by), agg::least_first> top3{3, by};
  EXPECT_EQ(answer(top3, std::vector<ordered_event>{{1, 9}, {2, 300}, {2, 7}, {2, 8}, {0, 1}, {2, 7}}),
            (std::vector<ordered_event>{{2, 7}, {2, 7}, {2, 8}}));
}

TEST(selecting_aggregates, collects_in_order) {
  EXPECT_EQ(answer(agg::collect<int>{}, std::vector{3, 1, 3}), (std::vector{3, 1, 3}));
  EXPECT_EQ(answer(agg::collect{&event::id}, std::vector<event>{{1, 7}, {0, 8}}), (std::vector{7, 8}));
}

TEST(selecting_aggregates, merging_is_adding_all) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto events = random_events(seed);
    expect_merges(agg::first{&event::at}, events);
    expect_merges(agg::last{&event::at}, events);
    expect_merges(agg::top_k{3, &event::at}, events);
    expect_merges(agg::collect<event>{}, events);
  }
}

}  // namespace
}  // namespace freshet
