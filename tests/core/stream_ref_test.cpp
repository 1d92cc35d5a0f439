#include "freshet/core/stream_ref.hpp"

#include <gtest/gtest.h>

#include "core/bolt_bench.hpp"

namespace freshet {
namespace {

TEST(merge, is_one_stream_with_all_ends) {
  topology_builder b{"merge"};
  const auto one = b.spout("one", vector_spout<int>{{}});
  const auto two = b.spout("two", vector_spout<int>{{}});
  const auto three = b.bolt("three", [](const int& n) { return n; }).input(two);
  const auto all = merge(one, two, three);
  static_assert(std::is_same_v<decltype(all), const stream_ref<int>>);
  EXPECT_EQ(all.ends(), (std::vector<stream_end>{{0, 0}, {1, 0}, {2, 0}}));
  (void)b.bolt("reads", [](const int&) {}).input(all);
  const auto graph = b.build();
  EXPECT_EQ(graph.nodes()[3].inputs.size(), 3u);
  EXPECT_EQ(graph.nodes()[3].inputs[0].binding, graph.nodes()[3].inputs[2].binding);
}

TEST(merge, of_two_builders_is_a_mistake) {
  topology_builder b{"here"}, other{"there"};
  const auto mine = b.spout("mine", vector_spout<int>{{}});
  const auto theirs = other.spout("theirs", vector_spout<int>{{}});
  (void)b.bolt("reads", [](const int&) {}).input(merge(mine, theirs));
  try {
    (void)b.build();
    FAIL();
  } catch (const topology_error& e) {
    EXPECT_EQ(e.mistakes(), std::vector<std::string>{"a merge reads a stream of another builder"});
  }
}

TEST(stream_ref, outlives_its_builder) {
  auto ref = [] {
    topology_builder b{"gone"};
    return stream_ref<int>(b.spout("spout", vector_spout<int>{{}}));
  }();
  topology_builder again{ref.builder_state()};
  (void)again.sink("sink", [](int) {}).input(ref);
  EXPECT_EQ(again.build().nodes().size(), 2u);
}

}  // namespace
}  // namespace freshet
