#include "freshet/stream/distinct_aggregates.hpp"

#include "stream/aggregate_laws.hpp"

namespace freshet {
namespace {

namespace agg = aggregates;

struct visit {
  std::string page;
  int ms = 0;
};
std::vector<visit> random_visits(std::size_t n, std::uint64_t pages) {
  random_source random(n);
  std::vector<visit> all(n);
  for (auto& v : all) v = {"/" + std::to_string(random.below(pages)), static_cast<int>(random.below(1000))};
  return all;
}

TEST(distinct_aggregates, distinct_is_exact) {
  const agg::distinct a{&visit::page};
  const auto visits = random_visits(500, 80);
  std::vector<std::string> pages;
  for (const auto& v : visits) pages.push_back(v.page);
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  EXPECT_EQ(result_of(a, added(a, visits)), pages.size());
  const agg::distinct<std::optional<std::pair<int, std::string>>> composite;
  EXPECT_EQ(result_of(composite, added(composite, std::vector{std::optional(std::pair(1, std::string("a"))),
                                                              std::optional(std::pair(1, std::string("a"))),
                                                              std::optional<std::pair<int, std::string>>()})),
            2u);
  expect_merges(a, visits);
}

TEST(distinct_aggregates, approximate_distinct_is_exact_while_few) {
  const agg::approximate_distinct a{&visit::page};
  const auto visits = random_visits(500, 80);
  EXPECT_EQ(result_of(a, added(a, visits)),
            result_of(agg::distinct{&visit::page}, added(agg::distinct{&visit::page}, visits)));
  expect_merges(a, visits);
  expect_merges(a, random_visits(3000, 100000));
}

TEST(distinct_aggregates, quantiles_in_the_order_asked_for) {
  const agg::quantiles a{&visit::ms, {0.99, 0.5, 0.0, 1.0}};
  std::vector<visit> visits;
  for (int i = 0; i <= 1000; ++i) visits.push_back({"", i});
  const auto q = result_of(a, added(a, visits));
  ASSERT_EQ(q.size(), 4u);
  EXPECT_NEAR(q[0], 990, 9.9);
  EXPECT_NEAR(q[1], 500, 5);
  EXPECT_EQ(q[2], 0);
  EXPECT_EQ(q[3], 1000);
  expect_merges(a, visits);
}

}  // namespace
}  // namespace freshet
