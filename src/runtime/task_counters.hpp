#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "freshet/base/event_time.hpp"
#include "runtime/plan.hpp"
#include "runtime/task_metrics.hpp"

namespace freshet {

/// What a task of either engine counts. Its thread writes, once a slice or a batch; any thread reads. What the numbers
/// mean: `task_metrics`.
struct task_counters {
  explicit task_counters(std::size_t members) : by_member(members) {}

  /// A call failed in the code of `node`, or in what routes to it.
  void call_failed(const chain_plan& chain, std::uint32_t node);
  void come_to(event_time reached) { watermark.store(reached.time_since_epoch().count(), std::memory_order_relaxed); }
  /// Counts what that task did as its own, calls of members apart.
  void add(const task_counters& gone);
  /// What belongs to the task as a whole.
  task_metrics read(std::uint32_t task, std::chrono::nanoseconds uptime) const;

  struct member {
    counter executed, failed;
  };
  std::vector<member> by_member;
  counter emitted, acked, given_up, pending;  ///< messages of a spout
  counter timed_out, replayed, retried, dead_lettered, skipped, late, woke_behind;
  counter state_rows, state_bytes, state_expired;
  counter busy_ns, blocked_ns, batches;
  std::atomic<std::int64_t> watermark{beginning_of_time.time_since_epoch().count()};
  shared_histogram execute_latency;
};

/// Appends what one task says: `head` for what belongs to the task, the calls of its members, and what left it on each
/// edge.
void add_task(run_metrics& into, const topology& graph, const chain_plan& chain, task_metrics head,
              const task_counters& counts, std::vector<edge_output> left);

}  // namespace freshet
