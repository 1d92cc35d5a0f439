#include "freshet/stream/split.hpp"

#include <gtest/gtest.h>

#include "stream/run_stream.hpp"

namespace freshet {
namespace {

using namespace samples;

TEST(split, sends_each_tuple_to_the_first_predicate_that_holds) {
  stream_builder b{"split"};
  auto [small, even, rest] = b.spout("numbers", vector_spout<int>{numbers_to(10)})
                                 .split(
                                     "by size", [](int n) { return n < 3; }, [](int n) { return n % 2 == 0; });
  collect_sink<int> smalls, evens;
  small.to("smalls", smalls);
  even.to("evens", evens);
  EXPECT_EQ(results(rest), (std::vector<int>{3, 5, 7, 9}));
  EXPECT_EQ(smalls.values(), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(evens.values(), (std::vector<int>{4, 6, 8}));
}

TEST(split, is_one_node_whose_outputs_have_numbers) {
  stream_builder b{"split"};
  auto parts = b.spout("numbers", vector_spout<int>{{1}}).split("s", [](int n) { return n < 3; });
  parts[0].to("a", [](int) {});
  parts[1].to("b", [](int) {});
  const auto graph = b.build();
  ASSERT_EQ(graph.nodes().size(), 4u);
  ASSERT_EQ(graph.nodes()[1].outputs.size(), 2u);
  EXPECT_EQ(graph.nodes()[1].outputs[0].name, "");
  EXPECT_EQ(graph.nodes()[1].outputs[1].name, "1");
}

TEST(split, takes_the_options_of_any_bolt) {
  stream_builder b{"split"};
  auto numbers = b.spout("numbers", vector_spout<int>{numbers_to(10)}).shuffle();
  const bolt_options named{.parallelism = 3, .on_failure = on_failure::skip};
  auto [small, large] = numbers.split("named", named, [](int n) { return n < 3; });
  auto [even, odd] = numbers.split("in place", {.parallelism = 2}, [](int n) { return n % 2 == 0; });
  collect_sink<int> smalls;
  small.to("smalls", smalls);
  large.to("larges", [](int) {});
  odd.to("odds", [](int) {});
  EXPECT_EQ(sorted(results(even)), (std::vector<int>{0, 2, 4, 6, 8}));
  EXPECT_EQ(sorted(smalls.take()), (std::vector<int>{0, 1, 2}));
  const auto graph = b.build();
  EXPECT_EQ(graph.nodes()[1].options.parallelism, 3u);
  EXPECT_EQ(graph.nodes()[1].options.on_failure, on_failure::skip);
  EXPECT_EQ(graph.nodes()[2].parallelism(), 2u);
}

TEST(split_branch, is_named_by_its_number) {
  EXPECT_EQ((split_branch<int, 7>::name()), "7");
  EXPECT_EQ((split_branch<int, 42>::name()), "42");
}

TEST(split, branches_that_nobody_reads_are_dropped) {
  stream_builder b{"split"};
  auto [odd, even] =
      b.spout("numbers", vector_spout<int>{numbers_to(4)}).split("odd", [](int n) { return n % 2 == 1; });
  EXPECT_EQ(results(odd), (std::vector<int>{1, 3}));
}

}  // namespace
}  // namespace freshet
