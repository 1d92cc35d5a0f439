#include "freshet/stream/transform.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <ranges>

#include "stream/run_stream.hpp"

namespace freshet {
namespace {

using namespace samples;

std::size_t length_of(const std::string& s) { return s.size(); }

TEST(map, takes_lambdas_functions_and_members) {
  stream_builder b{"map"};
  const auto orders = b.spout("orders", vector_spout<order>{{{1, "ann", 2.5}, {2, "bobby", 4}}});
  const auto users = orders.map("user", &order::user);
  collect_sink<std::size_t> lengths;
  users.map("length", length_of).to("lengths", lengths);
  collect_sink<double> twice;
  orders.map("twice", [](const auto& o) { return o.price * 2; }).to("twice-sink", twice);
  EXPECT_EQ(results(users), (std::vector<std::string>{"ann", "bobby"}));
  EXPECT_EQ(lengths.values(), (std::vector<std::size_t>{3, 5}));
  EXPECT_EQ(twice.values(), (std::vector<double>{5, 8}));
}

TEST(map, keeps_a_returned_optional_as_a_value) {
  stream_builder b{"map"};
  const auto halves = b.spout("numbers", vector_spout<int>{{1, 2}}).map("half", [](int n) {
    return n % 2 ? std::nullopt : std::optional<int>(n / 2);
  });
  EXPECT_EQ(results(halves), (std::vector<std::optional<int>>{std::nullopt, 1}));
}

TEST(map, has_a_function_of_its_own_in_each_task) {
  stream_builder b{"map"};
  const auto counted = b.spout("numbers", vector_spout<int>{numbers_to(10)})
                           .shuffle()
                           .map("count", [n = 0](int) mutable { return ++n; }, {.parallelism = 2});
  EXPECT_EQ(sorted(results(counted)), (std::vector<int>{1, 1, 2, 2, 3, 3, 4, 4, 5, 5}));
}

TEST(filter, keeps_what_holds) {
  stream_builder b{"filter"};
  const auto even =
      b.spout("numbers", vector_spout<int>{numbers_to(7)}).filter("even", [](int n) { return n % 2 == 0; });
  EXPECT_EQ(results(even), (std::vector<int>{0, 2, 4, 6}));
}

TEST(peek, sees_everything_and_passes_it_on) {
  stream_builder b{"peek"};
  auto seen = std::make_shared<int>(0);
  const auto same = b.spout("numbers", vector_spout<int>{numbers_to(5)}).peek("look", [seen](int n) { *seen += n; });
  EXPECT_EQ(results(same), numbers_to(5));
  EXPECT_EQ(*seen, 10);
}

TEST(flat_map, takes_containers_optionals_arrays_and_views) {
  stream_builder b{"flat_map"};
  const auto numbers = b.spout("numbers", vector_spout<int>{{1, 2, 3}});
  collect_sink<int> odd, pairs, counted;
  numbers.flat_map("odd", [](int n) { return n % 2 ? std::optional<int>(n) : std::nullopt; }).to("odd-sink", odd);
  numbers.flat_map("pairs", [](int n) { return std::array{n, -n}; }).to("pairs-sink", pairs);
  numbers.flat_map("counted", [](int n) { return std::views::iota(0, n); }).to("counted-sink", counted);
  const auto repeated =
      numbers.flat_map("repeat", [](int n) { return std::vector<int>(static_cast<std::size_t>(n), n); });
  EXPECT_EQ(results(repeated), (std::vector<int>{1, 2, 2, 3, 3, 3}));
  EXPECT_EQ(odd.values(), (std::vector<int>{1, 3}));
  EXPECT_EQ(pairs.values(), (std::vector<int>{1, -1, 2, -2, 3, -3}));
  EXPECT_EQ(counted.values(), (std::vector<int>{0, 0, 1, 0, 1, 2}));
}

TEST(flat_map, stores_views_as_the_named_type) {
  stream_builder b{"flat_map"};
  const auto halves = b.spout("lines", vector_spout<std::string>{{"abcd", "xy"}})
                          .flat_map<std::string>("halves", [](const std::string& s) {
                            const std::string_view all = s;
                            return std::vector{all.substr(0, s.size() / 2), all.substr(s.size() / 2)};
                          });
  EXPECT_EQ(results(halves), (std::vector<std::string>{"ab", "cd", "x", "y"}));
}

TEST(flat_map, lets_the_function_emit) {
  stream_builder b{"flat_map"};
  const auto numbers = b.spout("numbers", vector_spout<int>{{2, 1}});
  collect_sink<int> named;
  numbers.flat_map<int>("named", [](int n, auto& out) { out.emit(n * 10); }).to("named-sink", named);
  const auto down = numbers.flat_map("down", [](const int& n, emitter<int>& out) {
    for (int i = n; i > 0; --i) out.emit(i);
  });
  EXPECT_EQ(results(down), (std::vector<int>{2, 1, 1}));
  EXPECT_EQ(named.values(), (std::vector<int>{20, 10}));
}

/// Counts its copies; moves are free.
struct tracked {
  std::shared_ptr<int> copies = std::make_shared<int>(0);
  tracked() = default;
  tracked(const tracked& o) : copies(o.copies) { ++*copies; }
  tracked(tracked&&) = default;
  tracked& operator=(const tracked&) = default;
  tracked& operator=(tracked&&) = default;
};

TEST(transform, moves_along_a_chain_what_nobody_else_reads) {
  stream_builder b{"moves"};
  auto copies = std::make_shared<std::vector<int>>();
  b.spout("numbers", vector_spout<int>{{1, 2, 3}})
      .map("make", [](int) { return tracked{}; })
      .filter("all", [](const tracked&) { return true; })
      .peek("look", [](const tracked&) {})
      .map("same", [](tracked t) { return t; })
      .map("count", [](const tracked& t) { return *t.copies; })
      .to("copies", [copies](int n) { copies->push_back(n); });
  run(b);
  EXPECT_EQ(*copies, (std::vector<int>{0, 0, 0}));
}

TEST(passed_value, is_moved_only_where_it_is_ours) {
  tracked mine;
  auto taken = passed_value<tracked>(std::move(mine)).take();
  EXPECT_EQ(*taken.copies, 0);
  const auto& theirs = taken;
  auto copied = passed_value<tracked>(theirs).take();
  EXPECT_EQ(*copied.copies, 1);
  EXPECT_EQ(copied.copies, taken.copies);
}

}  // namespace
}  // namespace freshet
