#include "batch/batch_plan.hpp"

#include <algorithm>

namespace freshet {
namespace {

void add_routes(batch_plan& plan, const topology& graph, std::uint32_t chain, const chain_task& task) {
  for (const auto& out : task.routes) {
    batch_route r;
    r.from_chain = chain;
    r.to_chain = plan.chains.chain_of[out.to.node];
    r.from = out.from;
    r.to = out.to;
    r.producers = static_cast<std::uint32_t>(plan.chains.chains[chain].parallelism);
    r.targets = static_cast<std::uint32_t>(graph.nodes()[out.to.node].parallelism());
    r.shared = out.router->broadcast();
    r.first = static_cast<block_store::id>(plan.blocks);
    plan.blocks += std::size_t{r.producers} * r.width();
    plan.routes_of[chain].push_back(static_cast<std::uint32_t>(plan.routes.size()));
    plan.routes.push_back(r);
  }
}

/// Inputs as they were declared, but those that every task gets come first: what they bring holds for the whole batch.
/// Dead letters come from several chains, in the order of the chains.
void order_sources(batch_plan& plan, const topology& graph, std::uint32_t chain) {
  const auto& inputs = graph.nodes()[plan.chains.chains[chain].head()].inputs;
  for (bool to_all : {true, false})
    for (std::uint32_t k = 0; k < inputs.size(); ++k) {
      if ((inputs[k].grouping == grouping_kind::all) != to_all) continue;
      for (std::uint32_t r = 0; r < plan.routes.size(); ++r)
        if (plan.routes[r].to_chain == chain && plan.routes[r].to.input == k) plan.sources[chain].push_back({k, r});
    }
}

void order_stages(batch_plan& plan) {
  for (const auto& r : plan.routes) {
    // Spouts have delivered before a batch begins; what sinks have to say comes with the batch after it.
    if (plan.chains.chains[r.from_chain].is_spout || plan.is_sink[r.from_chain]) continue;
    auto& before = plan.waits_for[r.to_chain];
    if (std::find(before.begin(), before.end(), r.from_chain) != before.end()) continue;
    before.push_back(r.from_chain);
    plan.awaited_by[r.from_chain].push_back(r.to_chain);
  }
}

}  // namespace

void compile(batch_plan& plan, const topology& graph,
             const std::function<const chain_task&(std::uint32_t chain)>& first_task) {
  const auto count = static_cast<std::uint32_t>(plan.chains.chains.size());
  plan.routes_of.resize(count);
  plan.sources.resize(count);
  plan.waits_for.resize(count);
  plan.awaited_by.resize(count);
  for (const auto& chain : plan.chains.chains)
    plan.is_sink.push_back(graph.nodes()[chain.head()].kind == node_kind::sink);
  for (std::uint32_t c = 0; c < count; ++c) add_routes(plan, graph, c, first_task(c));
  for (std::uint32_t c = 0; c < count; ++c) order_sources(plan, graph, c);
  order_stages(plan);
}

}  // namespace freshet
