#include "freshet/stream/all_of.hpp"

#include "freshet/stream/distinct_aggregates.hpp"
#include "freshet/stream/numeric_aggregates.hpp"
#include "freshet/stream/selecting_aggregates.hpp"
#include "stream/aggregate_laws.hpp"

namespace freshet {
namespace {

namespace agg = aggregates;

struct order {
  std::string user;
  int amount = 0;
};
const std::vector<order> orders{{"a", 3}, {"b", -7}, {"a", 5}};

/// Of a user's, without merge.
struct spread_of_amounts {
  void add(std::pair<int, int>& ends, const order& o) const {
    ends.first = std::min(ends.first, o.amount);
    ends.second = std::max(ends.second, o.amount);
  }
  int result(const std::pair<int, int>& ends) const { return ends.second - ends.first; }
};

TEST(all_of, gives_all_results) {
  const agg::all_of several{agg::count<order>{}, agg::sum{&order::amount}, agg::max{&order::user},
                            agg::distinct{&order::user}};
  EXPECT_EQ(result_of(several, added(several, orders)), std::tuple(3u, 1, "b", 2u));
  static_assert(starts_neutral<decltype(several)> && !starts_by_init<decltype(several)>);
  static_assert(wiring::check_aggregate<agg::all_of<agg::count<order>>, order>::ok);
  expect_merges(several, orders);
}

TEST(all_of, starts_as_its_parts_do) {
  const agg::all_of several{agg::count<order>{}, agg::quantiles{&order::amount, {0.0, 1.0}, 0.02}};
  static_assert(!starts_neutral<decltype(several)> && starts_by_init<decltype(several)>);
  EXPECT_EQ(std::get<1>(started(several)).relative_error(), 0.02);
  EXPECT_EQ(result_of(several, added(several, orders)), std::tuple(3u, std::vector<double>{-7, 5}));
  expect_merges(several, orders);
}

TEST(all_of, merges_only_where_all_do) {
  const agg::all_of several{spread_of_amounts{}, agg::count<order>{}};
  static_assert(!mergeable_aggregate<decltype(several)>);
  EXPECT_EQ(result_of(several, added(several, orders)), std::tuple(12, 3u));
}

TEST(all_of, holds_another) {
  const agg::all_of inner{agg::count<order>{}};
  const agg::all_of<agg::all_of<agg::count<order>>, agg::sum<order, int order::*>> outer{inner,
                                                                                         agg::sum{&order::amount}};
  EXPECT_EQ(result_of(outer, added(outer, orders)), std::tuple(std::tuple(3u), 1));
}

}  // namespace
}  // namespace freshet
