#include "freshet/batch/batch_executor.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"

namespace {
using namespace freshet;
using namespace std::chrono_literals;

std::vector<int> numbers(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

struct sum_by_last_digit {
  using state = long;
  long process(int value, state& sum) { return sum += value; }
};

TEST(batch_executor, runs_a_keyed_bolt_back_to_back) {
  topology_builder builder{"sums"};
  collect_sink<long> sink;
  auto source = builder.spout("numbers", vector_spout{numbers(100'000)});
  auto sums = builder.bolt("sums", sum_by_last_digit{}, {.parallelism = 3}).input(source, key_grouping{[](int v) {
                                                                                    return v % 10;
                                                                                  }});
  builder.sink("out", sink).input(sums, global_grouping{});
  auto run = batch_executor{{.trigger = batch_trigger::back_to_back, .workers = 2}}.start(builder.build());
  run.wait();
  const auto values = sink.values();
  ASSERT_EQ(values.size(), 100'000u);
  EXPECT_EQ(*std::max_element(values.begin(), values.end()), 9L * 10'000 + 10L * (9'999L * 10'000 / 2));
}

}  // namespace
