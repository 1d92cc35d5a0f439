#include <gtest/gtest.h>

#include "report.hpp"

namespace demo {
namespace {

outcome of(word_counts counts) { return {.engine = "engine", .counts = std::move(counts)}; }

/// What the demo's exit status stands on.
TEST(demo_report, answers_are_the_same_word_for_word_or_they_differ) {
  const word_counts loop{{"be", 2}, {"or", 1}};
  EXPECT_TRUE(print_comparison(loop, of(loop), of(loop)));
  const word_counts fewer{{"be", 1}, {"or", 1}}, less{{"be", 2}}, more{{"be", 2}, {"or", 1}, {"not", 1}};
  for (const auto& wrong : {fewer, less, more}) {
    EXPECT_FALSE(print_comparison(loop, of(wrong), of(loop)));
    EXPECT_FALSE(print_comparison(loop, of(loop), of(wrong)));
    EXPECT_FALSE(print_comparison(loop, of(wrong), of(wrong)));
  }
}

}  // namespace
}  // namespace demo
