// What a task counts, as others read it. Counts of whole runs: the tests of the engines' metrics.
#include "runtime/task_counters.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

using namespace std::chrono_literals;

/// Node 4 with nodes 7 and 9 behind it.
chain_plan three_nodes() {
  chain_plan chain;
  chain.members = {{.node = 4}, {.node = 7}, {.node = 9, .parent = 1}};
  return chain;
}

TEST(task_counters, are_read_as_metrics_of_the_task) {
  task_counters c(1);
  c.emitted.add(9);
  c.acked.add(5);
  c.given_up.add(1);
  c.pending.set(3);
  c.timed_out.add(2);
  c.replayed.add(4);
  c.retried.add(6);
  c.dead_lettered.add(7);
  c.skipped.add(8);
  c.late.set(10);
  c.woke_behind.set(11);
  c.state_rows.set(12);
  c.state_bytes.set(13);
  c.state_expired.set(14);
  c.batches.set(15);
  c.busy_ns.add(250);
  c.blocked_ns.add(500);
  c.come_to(event_time{17ms});
  c.execute_latency.record(100, 2);
  const auto t = c.read(3, 1000ns);
  EXPECT_EQ(t.task, 3u);
  EXPECT_EQ(t.emitted, 9u);
  EXPECT_EQ(t.executed, 9u);
  EXPECT_EQ(t.acked, 5u);
  EXPECT_EQ(t.failed, 1u);
  EXPECT_EQ(t.pending, 3u);
  EXPECT_EQ(t.timed_out, 2u);
  EXPECT_EQ(t.replayed, 4u);
  EXPECT_EQ(t.retried, 6u);
  EXPECT_EQ(t.dead_lettered, 7u);
  EXPECT_EQ(t.skipped, 8u);
  EXPECT_EQ(t.late, 10u);
  EXPECT_EQ(t.woke_behind, 11u);
  EXPECT_EQ(t.state_rows, 12u);
  EXPECT_EQ(t.state_bytes, 13u);
  EXPECT_EQ(t.state_expired, 14u);
  EXPECT_EQ(t.batches, 15u);
  EXPECT_EQ(t.busy, 0.25);
  EXPECT_EQ(t.backpressured, 0.5);
  EXPECT_EQ(t.watermark, event_time{17ms});
  EXPECT_EQ(t.execute_latency.count(), 2u);
  EXPECT_EQ(c.read(3, 0ns).busy, 250) << "a run that has just begun divides by nothing";
}

TEST(task_counters, a_failed_call_counts_for_the_member_whose_code_it_was) {
  task_counters c(3);
  for (const std::uint32_t node : {9, 7, 7, 4, 5}) c.call_failed(three_nodes(), node);  // 5: what the head routes to
  EXPECT_EQ(c.by_member[0].failed.get(), 2u);
  EXPECT_EQ(c.by_member[1].failed.get(), 2u);
  EXPECT_EQ(c.by_member[2].failed.get(), 1u);
}

TEST(task_counters, those_of_a_task_that_is_gone_are_added_but_what_stands_as_it_is_now_is_not) {
  task_counters gone(2), c(2);
  for (auto* each : {&gone, &c}) {
    each->retried.add(2);
    each->skipped.add(1);
    each->busy_ns.add(100);
    each->state_rows.set(5);
    each->by_member[1].failed.add(3);
    each->execute_latency.record(50, 1);
  }
  c.add(gone);
  EXPECT_EQ(c.retried.get(), 4u);
  EXPECT_EQ(c.skipped.get(), 2u);
  EXPECT_EQ(c.busy_ns.get(), 200u);
  EXPECT_EQ(c.state_rows.get(), 5u);
  EXPECT_EQ(c.by_member[1].failed.get(), 6u);
  EXPECT_EQ(c.execute_latency.copy().count(), 2u);
}

}  // namespace
}  // namespace freshet
