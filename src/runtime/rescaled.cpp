#include "runtime/rescaled.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include "core/named_node.hpp"

namespace freshet {

std::uint32_t chain_to_rescale(const topology& graph, const run_plan& plan, std::string_view name,
                               std::size_t parallelism, bool keeps_epochs) {
  const node& asked = node_called(graph, name);
  const auto c = plan.chain_of[graph.find(name)];
  const chain_plan& chain = plan.chains[c];
  const node& head = graph.nodes()[chain.head()];
  const auto refuse = [&](const std::string& why) {
    throw std::invalid_argument(titled(asked) + " can't have another number of tasks while the run works: " + why);
  };
  if (asked.kind == node_kind::spout) refuse("the partitions of a spout are dealt when a run starts");
  if (chain.is_spout)
    refuse("it is chained to " + titled(head) + ", whose partitions are dealt when a run starts: give it another " +
           "grouping than forward_grouping, or stop the run");
  for (const auto& m : chain.members)
    if (const auto& n = graph.nodes()[m.node]; n.decides && keeps_epochs && parallelism != 1)
      refuse(titled(n) + " decides whether an epoch counts, so it must have one task");
  if (head.make_state && !head.state_durable)
    refuse("the state of " + titled(head) + " has no codec, so it can't be moved");
  return c;
}

topology with_tasks(const topology& graph, const chain_plan& chain, std::size_t parallelism) {
  std::vector<std::uint32_t> nodes;
  for (const auto& m : chain.members) nodes.push_back(m.node);
  return graph.with_parallelism(nodes, parallelism);
}

}  // namespace freshet
