#include "runtime/task_counters.hpp"

#include <algorithm>
#include <utility>

namespace freshet {

namespace {
/// Tuples that a member has emitted: for each of its outputs, what the first that reads it got.
std::uint64_t emitted_by(std::size_t m, const topology& graph, const chain_plan& chain, const task_counters& counts,
                         const std::vector<edge_output>& left) {
  const auto node = chain.members[m].node;
  std::uint64_t sum = 0;
  for (std::uint32_t port = 0; port < graph.nodes()[node].outputs.size(); ++port) {
    const auto readers = readers_of(graph, {node, port});
    if (readers.empty()) continue;
    const auto to = readers.front();
    const auto chained = std::find_if(chain.members.begin() + 1, chain.members.end(),
                                      [&](const auto& other) { return other.node == to.node; });
    if (chained != chain.members.end()) {
      sum += counts.by_member[static_cast<std::size_t>(chained - chain.members.begin())].executed.get();
      continue;
    }
    for (const auto& [e, emitted] : left)
      if (e.from_node == node && e.to_node == to.node && e.input == to.input) sum += emitted;
  }
  return sum;
}
}  // namespace

void task_counters::call_failed(const chain_plan& chain, std::uint32_t node) {
  std::size_t m = chain.members.size() - 1;
  while (m > 0 && chain.members[m].node != node) --m;
  by_member[m].failed.add(1);
}

void task_counters::add(const task_counters& gone) {
  for (auto c : {&task_counters::emitted, &task_counters::acked, &task_counters::given_up, &task_counters::timed_out,
                 &task_counters::replayed, &task_counters::retried, &task_counters::dead_lettered,
                 &task_counters::skipped, &task_counters::busy_ns, &task_counters::blocked_ns})
    (this->*c).add((gone.*c).get());
  for (std::size_t m = 0; m < by_member.size(); ++m) by_member[m].failed.add(gone.by_member[m].failed.get());
  execute_latency.merge(gone.execute_latency.copy());
}

task_metrics task_counters::read(std::uint32_t task, std::chrono::nanoseconds uptime) const {
  task_metrics t;
  t.task = task;
  t.emitted = t.executed = emitted.get();
  t.acked = acked.get();
  t.failed = given_up.get();
  t.timed_out = timed_out.get();
  t.late = late.get();
  t.woke_behind = woke_behind.get();
  t.watermark = event_time{event_time::duration{watermark.load(std::memory_order_relaxed)}};
  t.replayed = replayed.get();
  t.retried = retried.get();
  t.dead_lettered = dead_lettered.get();
  t.skipped = skipped.get();
  t.pending = pending.get();
  t.state_rows = state_rows.get();
  t.state_bytes = state_bytes.get();
  t.state_expired = state_expired.get();
  t.batches = batches.get();
  const auto up = static_cast<double>(std::max<std::int64_t>(1, uptime.count()));
  t.busy = static_cast<double>(busy_ns.get()) / up;
  t.backpressured = static_cast<double>(blocked_ns.get()) / up;
  t.execute_latency = execute_latency.copy();
  return t;
}

void add_task(run_metrics& into, const topology& graph, const chain_plan& chain, task_metrics head,
              const task_counters& counts, std::vector<edge_output> left) {
  const auto task = head.task;
  head.idle = std::clamp(1 - head.busy - head.backpressured, 0.0, 1.0);
  for (std::size_t m = 0; m < counts.by_member.size(); ++m) {
    task_metrics t = m == 0 ? std::move(head) : task_metrics{};
    const auto node = chain.members[m].node;
    t.node = graph.nodes()[node].name;
    t.task = task;
    if (m != 0 || !chain.is_spout) {
      t.executed = counts.by_member[m].executed.get();
      t.failed = counts.by_member[m].failed.get();
      t.emitted = emitted_by(m, graph, chain, counts, left);
    }
    for (const auto& one : left)
      if (one.edge.from_node == node) t.transferred += one.edge.transferred;
    into.tasks.push_back(std::move(t));
  }
  for (auto& one : left) into.edges.push_back(std::move(one.edge));
}

}  // namespace freshet
