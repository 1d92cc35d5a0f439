#include "freshet/connect/memory/collect_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace freshet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(collect_sink, keeps_what_it_gets_in_order) {
  collect_sink<int> sink;
  EXPECT_THAT(sink.values(), IsEmpty());
  sink.write(2);
  sink.write(1);
  EXPECT_EQ(sink.size(), 2u);
  EXPECT_THAT(sink.values(), ElementsAre(2, 1));
  EXPECT_THAT(sink.values(), ElementsAre(2, 1));  // a copy: what has come stays
}

TEST(collect_sink, what_is_taken_is_gone) {
  collect_sink<int> sink;
  sink.write(1);
  EXPECT_THAT(sink.take(), ElementsAre(1));
  EXPECT_THAT(sink.take(), IsEmpty());
  sink.write(2);
  EXPECT_THAT(sink.values(), ElementsAre(2));
}

/// One goes to the topology, which copies it for each task; the other is read.
TEST(collect_sink, copies_share_the_values) {
  collect_sink<int> mine, other;
  auto given = mine;
  given.write(1);
  EXPECT_THAT(mine.values(), ElementsAre(1));
  EXPECT_THAT(other.values(), IsEmpty());
}

TEST(collect_sink, takes_from_many_threads_and_loses_nothing) {
  collect_sink<int> sink;
  std::size_t taken = 0;
  {
    std::vector<std::jthread> tasks;
    for (int task = 0; task < 4; ++task)
      tasks.emplace_back([copy = sink]() mutable {
        for (int i = 0; i < 1000; ++i) copy.write(i);
      });
    for (int i = 0; i < 100; ++i) taken += sink.take().size();
  }
  EXPECT_EQ(taken + sink.size(), 4000u);
}

}  // namespace
}  // namespace freshet
