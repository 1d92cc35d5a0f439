#include "freshet/testing/fault_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/event/event_executor.hpp"

namespace {
using namespace freshet;
using freshet::testing::fault_plan;
using freshet::testing::injected_fault;

bool throws(fault_plan& plan, const char* node, std::uint32_t task, std::uint64_t call) {
  try {
    plan.before_call(node, task, call);
  } catch (const injected_fault&) { return true; }
  return false;
}

TEST(fault_plan, throws_from_a_call_on_so_many_times) {
  fault_plan plan;
  plan.throw_at("a", 1, 3, 2);
  EXPECT_FALSE(throws(plan, "a", 1, 2));
  EXPECT_FALSE(throws(plan, "a", 0, 3));
  EXPECT_FALSE(throws(plan, "b", 1, 3));
  EXPECT_TRUE(throws(plan, "a", 1, 3));
  EXPECT_FALSE(throws(plan, "a", 1, 0));  // a fresh copy counts anew
  EXPECT_TRUE(throws(plan, "a", 1, 3));
  EXPECT_FALSE(throws(plan, "a", 1, 3));
  EXPECT_EQ(plan.done().thrown, 2u);
}

TEST(fault_plan, throws_at_random_by_its_seed) {
  const auto pattern = [](std::uint64_t seed) {
    fault_plan plan(seed);
    plan.throw_at_random("a", 0.1);
    std::vector<bool> all;
    for (std::uint64_t i = 0; i < 10'000; ++i) all.push_back(throws(plan, "a", 0, i));
    return all;
  };
  const auto once = pattern(7);
  EXPECT_EQ(once, pattern(7));
  EXPECT_NE(once, pattern(8));
  EXPECT_NEAR(static_cast<double>(std::count(once.begin(), once.end(), true)), 1000, 150);
}

TEST(fault_plan, limits_random_throws) {
  fault_plan plan;
  plan.throw_at_random("a", 0.5, 3);
  for (std::uint64_t i = 0; i < 1000; ++i) throws(plan, "a", 0, i);
  EXPECT_EQ(plan.done().thrown, 3u);
}

TEST(fault_plan, delays) {
  fault_plan plan;
  plan.delay("a", std::chrono::microseconds(1), 2);
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_FALSE(throws(plan, "a", 0, i));
  EXPECT_EQ(plan.done().delayed, 2u);
}

TEST(fault_plan, names_blocks) {
  fault_plan plan;
  plan.lose_block("a", 0, 1, 2)
      .flip_block("a", 0, 0, 2)
      .evict_block("b", fault_plan::any_task, 0, fault_plan::any_batch);
  using fault = fault_injector::block_fault;
  EXPECT_EQ(plan.block_stored("a", 0, 1, 1), fault::none);
  EXPECT_EQ(plan.block_stored("a", 0, 1, 2), fault::lose);
  EXPECT_EQ(plan.block_stored("a", 0, 0, 2), fault::flip);
  EXPECT_EQ(plan.block_stored("b", 5, 0, 9), fault::evict);
  EXPECT_EQ(plan.done().lost, 1u);
  EXPECT_EQ(plan.done().flipped, 1u);
  EXPECT_EQ(plan.done().evicted, 1u);
}

struct doubled {
  int process(int v) { return 2 * v; }
};

template <class Executor>
std::vector<int> run_with(const Executor& executor) {
  std::vector<int> in(100);
  std::iota(in.begin(), in.end(), 0);
  topology_builder builder{"plan"};
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{in});
  auto twice = builder.bolt("double", doubled{}).input(source, shuffle_grouping{});
  builder.sink("out", sink).input(twice);
  executor.start(builder.build()).wait();
  auto out = sink.take();
  std::sort(out.begin(), out.end());
  return out;
}

TEST(fault_plan, serves_both_executors) {
  std::vector<int> expected(100);
  for (int i = 0; i < 100; ++i) expected[static_cast<std::size_t>(i)] = 2 * i;
  auto faults = std::make_shared<fault_plan>();
  faults->throw_at("double", 0, 40, 2);
  EXPECT_EQ(run_with(batch_executor{{.faults = faults}}), expected);
  EXPECT_EQ(faults->done().thrown, 2u);
  faults->throw_at("double", 0, 40, 2);
  event_options live;
  live.retry.first = std::chrono::microseconds(10);
  live.faults = faults;
  EXPECT_EQ(run_with(event_executor{live}), expected);
  EXPECT_EQ(faults->done().thrown, 4u);
}

}  // namespace
