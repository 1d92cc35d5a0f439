#include "runtime/plan.hpp"

#include <algorithm>
#include <functional>

namespace freshet {
namespace {

std::vector<std::uint32_t> topological_order(const topology& graph) {
  const auto& nodes = graph.nodes();
  std::vector<std::uint32_t> order;
  std::vector<bool> seen(nodes.size(), false);
  std::function<void(std::uint32_t)> visit = [&](std::uint32_t i) {
    if (seen[i]) return;
    seen[i] = true;
    for (const auto& e : nodes[i].inputs)
      if (e.from.node != stream_end::dead_letters) visit(e.from.node);
    order.push_back(i);
  };
  // Readers of dead letters last: every chain may feed them.
  for (std::uint32_t i = 0; i < nodes.size(); ++i) visit(i);
  return order;
}

std::vector<bool> below_dead_letters(const topology& graph, const std::vector<std::uint32_t>& order) {
  std::vector<bool> below(graph.nodes().size(), false);
  for (auto i : order)
    for (const auto& e : graph.nodes()[i].inputs)
      if (e.from.node == stream_end::dead_letters || below[e.from.node]) below[i] = true;
  return below;
}

}  // namespace

run_plan make_plan(const topology& graph, bool local_sinks) {
  const auto& nodes = graph.nodes();
  const auto order = topological_order(graph);
  const auto below = below_dead_letters(graph, order);
  run_plan plan;
  plan.chain_of.assign(nodes.size(), 0);
  std::vector<std::uint32_t> member_of(nodes.size(), 0);
  for (auto i : order) {
    const node& n = nodes[i];
    if (is_chained(nodes, n) && (local_sinks || n.kind != node_kind::sink)) {
      const auto producer = n.inputs[0].from.node;
      auto& chain = plan.chains[plan.chain_of[producer]];
      plan.chain_of[i] = plan.chain_of[producer];
      member_of[i] = static_cast<std::uint32_t>(chain.members.size());
      chain.members.push_back({i, member_of[producer], n.kind == node_kind::sink});
      chain.below_dead_letters |= below[i];
      continue;
    }
    plan.chain_of[i] = static_cast<std::uint32_t>(plan.chains.size());
    chain_plan chain;
    chain.members.push_back({i, 0, false});
    chain.parallelism = n.parallelism();
    chain.is_spout = n.kind == node_kind::spout;
    chain.blocking = n.options.blocking;
    chain.below_dead_letters = below[i];
    plan.chains.push_back(std::move(chain));
  }
  // Chains that read dead letters come after all that may write them.
  std::vector<std::uint32_t> rank(plan.chains.size());
  for (std::uint32_t c = 0; c < rank.size(); ++c) rank[c] = c;
  std::stable_partition(rank.begin(), rank.end(), [&](auto c) { return !plan.chains[c].below_dead_letters; });
  run_plan sorted;
  sorted.chain_of.resize(nodes.size());
  for (auto c : rank) {
    for (const auto& m : plan.chains[c].members)
      sorted.chain_of[m.node] = static_cast<std::uint32_t>(sorted.chains.size());
    sorted.chains.push_back(std::move(plan.chains[c]));
  }
  for (const auto& n : nodes)
    for (const auto& e : n.inputs) sorted.uses_dead_letters |= e.from.node == stream_end::dead_letters;
  return sorted;
}

std::vector<reader_ref> readers_of(const topology& graph, stream_end end) {
  std::vector<reader_ref> found;
  for (std::uint32_t i = 0; i < graph.nodes().size(); ++i) {
    const auto& inputs = graph.nodes()[i].inputs;
    for (std::uint32_t k = 0; k < inputs.size(); ++k)
      if (inputs[k].from == end) found.push_back({i, k});
  }
  return found;
}

}  // namespace freshet
