#include "freshet/stream/keyed_stream.hpp"

#include <gtest/gtest.h>

#include <map>

#include "stream/run_stream.hpp"

namespace freshet {
namespace {

using namespace samples;

std::vector<order> some_orders() {
  return {{1, "ann", 10}, {2, "bob", 99}, {3, "ann", 30}, {4, "ann", 5}, {5, "bob", 1}};
}
struct mean {
  struct accumulator {
    double sum = 0;
    std::uint64_t n = 0;
  };
  void add(accumulator& a, const order& o) const {
    a.sum += o.price;
    ++a.n;
  }
  void merge(accumulator& into, const accumulator& from) const {
    into.sum += from.sum;
    into.n += from.n;
  }
  double result(const accumulator& a) const { return a.sum / static_cast<double>(a.n); }
};
/// Starts at what it was made with; no merge, no result.
struct budget {
  double start = 0;
  double init() const { return start; }
  void add(double& left, const order& o) const { left -= o.price; }
};
/// The same, and can be merged: parts start at init() too.
struct mergeable_budget : budget {
  void add(double& left, const order& o) const { budget::add(left, o); }
  void merge(double& into, const double& from) const { into += from - start; }
};

/// All values of each key, in the order they came.
template <class K, class V>
std::map<K, std::vector<V>> by_key(const std::vector<keyed<K, V>>& all) {
  std::map<K, std::vector<V>> values;
  for (const auto& [key, value] : all) values[key].push_back(value);
  return values;
}

class aggregates : public testing::TestWithParam<bool> {
 protected:
  stream_builder builder{"aggregates"};
  keyed_stream<order, std::string order::*> orders =
      builder.spout("orders", vector_spout<order>{some_orders()}).key_by(&order::user);
  bolt_options options{.parallelism = 3};
  /// What `add` makes of the orders, combined or not.
  template <class F>
  auto of_orders(F add) {
    return by_key(results(GetParam() ? add(orders.combine()) : add(orders)));
  }
};
INSTANTIATE_TEST_SUITE_P(, aggregates, testing::Bool(), [](const auto& p) { return p.param ? "combined" : "each"; });

TEST_P(aggregates, count_counts_each_key) {
  const auto counts = of_orders([&](const auto& in) { return in.count("count", options); });
  EXPECT_EQ(counts.at("ann"), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(counts.at("bob"), (std::vector<std::uint64_t>{1, 2}));
}

TEST_P(aggregates, reduce_starts_with_the_first_value) {
  const auto dearer = [](const order& a, const order& b) { return a.price < b.price ? b : a; };
  const auto all = of_orders([&](const auto& in) { return in.reduce("max", dearer, options); });
  EXPECT_EQ(all.at("ann").back(), (order{3, "ann", 30}));
  EXPECT_EQ(all.at("ann").front(), (order{1, "ann", 10}));
  EXPECT_EQ(all.at("bob").back(), (order{2, "bob", 99}));
}

TEST_P(aggregates, aggregate_gives_the_result_of_the_accumulator) {
  const auto means = of_orders([&](const auto& in) { return in.aggregate("mean", mean{}, options); });
  EXPECT_EQ(means.at("ann"), (std::vector<double>{10, 20, 15}));
  EXPECT_EQ(means.at("bob"), (std::vector<double>{99, 50}));
}

TEST_P(aggregates, aggregate_starts_with_init) {
  const auto left = of_orders([&](const auto& in) { return in.aggregate("left", mergeable_budget{{100}}, options); });
  EXPECT_EQ(left.at("ann"), (std::vector<double>{90, 60, 55}));
  EXPECT_EQ(left.at("bob"), (std::vector<double>{1, 0}));
}

TEST(keyed_stream, an_aggregate_needs_neither_merge_nor_result) {
  stream_builder b{"budget"};
  const auto left = b.spout("orders", vector_spout<order>{some_orders()})
                        .key_by(&order::user)
                        .aggregate("left", budget{100}, {.parallelism = 2});
  EXPECT_EQ(by_key(results(left)).at("bob"), (std::vector<double>{1, 0}));
}

TEST(keyed_stream, combine_is_two_nodes_the_first_beside_its_producer) {
  stream_builder b{"nodes"};
  (void)b.spout("orders", vector_spout<order>{some_orders()}, {.parallelism = 2})
      .key_by(&order::user)
      .combine()
      .count("count", {.parallelism = 3});
  const auto graph = b.build();
  ASSERT_EQ(graph.nodes().size(), 3u);
  EXPECT_EQ(graph.nodes()[1].name, "count.combine");
  EXPECT_EQ(graph.nodes()[1].parallelism(), 2u);
  EXPECT_EQ(graph.nodes()[1].inputs[0].grouping, grouping_kind::forward);
  EXPECT_FALSE(graph.nodes()[1].make_state);
  EXPECT_EQ(graph.nodes()[2].name, "count");
  EXPECT_EQ(graph.nodes()[2].parallelism(), 3u);
  EXPECT_EQ(graph.nodes()[2].inputs[0].grouping, grouping_kind::key);
}

struct running_total {
  using state = double;
  void process(const order& o, state& sum, emitter<std::pair<std::string, double>>& out) {
    out.emit({o.user, sum += o.price});
  }
};

TEST(keyed_stream, process_has_state_by_key) {
  stream_builder b{"process"};
  const auto totals = b.spout("orders", vector_spout<order>{some_orders()})
                          .key_by([](const order& o) { return std::string_view(o.user); })
                          .process("total", running_total{}, {.parallelism = 4});
  std::map<std::string, double> last;
  for (const auto& [user, total] : results(totals)) last[user] = total;
  EXPECT_EQ(last, (std::map<std::string, double>{{"ann", 45}, {"bob", 100}}));
}

TEST(keyed_stream, keys_by_several_fields) {
  stream_builder b{"tuple"};
  const auto counts = b.spout("orders", vector_spout<order>{some_orders()})
                          .key_by([](const order& o) { return std::tuple(o.user, o.price > 9); })
                          .count("count");
  EXPECT_EQ(by_key(results(counts)).at({"ann", true}).back(), 2u);
}

/// In exactly_once a call that throws is made again on the state as it was.
TEST(keyed_stream, counts_exactly_with_failures_behind_it) {
  stream_builder b{"exact"};
  std::vector<int> values;
  for (int i = 0; i < 2000; ++i) values.push_back(i % 10);
  auto n = std::make_shared<std::atomic<int>>(0);
  const auto counts = b.spout("n", vector_spout<int>{values})
                          .key_by(std::identity{})
                          .count("count", {.parallelism = 2})
                          .map("fails at times", [n](const keyed<int, std::uint64_t>& k) {
                            if (n->fetch_add(1) % 7 == 3) throw std::runtime_error("now and then");
                            return k;
                          });
  for (const auto& [key, all] : by_key(results(counts, impatient(guarantee::exactly_once)))) {
    ASSERT_EQ(all.size(), 200u) << key;
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], i + 1);
  }
}

}  // namespace
}  // namespace freshet
