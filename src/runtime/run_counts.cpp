#include "runtime/run_counts.hpp"

#include <algorithm>
#include <utility>

namespace freshet {

namespace {

/// Null: none of the node.
task_metrics* counts_for(const task_metrics& gone, std::vector<task_metrics>& tasks) {
  task_metrics* first = nullptr;
  for (auto& t : tasks) {
    if (t.node != gone.node) continue;
    if (t.task == gone.task) return &t;
    if (!first) first = &t;
  }
  return first;
}

void add_counts(block_metrics& to, const block_metrics& more) {
  to.evicted += more.evicted;
  to.spilled += more.spilled;
  to.spilled_bytes += more.spilled_bytes;
  to.read_back += more.read_back;
  to.not_spilled += more.not_spilled;
  to.spilled_lost += more.spilled_lost;
}

}  // namespace

void add_counts(task_metrics& to, const task_metrics& more) {
  to.emitted += more.emitted;
  to.transferred += more.transferred;
  to.executed += more.executed;
  to.acked += more.acked;
  to.failed += more.failed;
  to.timed_out += more.timed_out;
  to.late_answers += more.late_answers;
  to.replayed += more.replayed;
  to.retried += more.retried;
  to.dead_lettered += more.dead_lettered;
  to.skipped += more.skipped;
  to.lost += more.lost;
  to.late += more.late;
  to.woke_behind += more.woke_behind;
  to.state_expired += more.state_expired;
  to.execute_latency.merge(more.execute_latency);
  to.complete_latency.merge(more.complete_latency);
}

void add_edge(std::vector<edge_metrics>& to, edge_metrics more) {
  const auto at = std::find_if(to.begin(), to.end(), [&](auto& e) {
    return e.from_node == more.from_node && e.to_node == more.to_node && e.input == more.input;
  });
  if (at == to.end()) return to.push_back(std::move(more));
  at->transferred += more.transferred;
  at->transfer_latency.merge(more.transfer_latency);
}

void add_counts(run_metrics& to, const run_metrics& before) {
  to.uptime += before.uptime;
  for (const auto& t : before.tasks)
    if (auto* heir = counts_for(t, to.tasks)) add_counts(*heir, t);
  for (const auto& e : before.edges) add_edge(to.edges, e);
  to.batches_done += before.batches_done;
  to.recomputed_partitions += before.recomputed_partitions;
  add_counts(to.blocks, before.blocks);
}

void give_up_unfinished(run_metrics& of, const topology& graph) {
  for (auto& t : of.tasks)
    if (graph.nodes()[graph.find(t.node)].kind == node_kind::spout)
      t.failed += t.emitted - std::min(t.emitted, t.acked + t.failed);
}

}  // namespace freshet
