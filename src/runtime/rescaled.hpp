#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "freshet/core/topology.hpp"
#include "runtime/plan.hpp"

namespace freshet {

/// The chain that has another number of tasks when `node` has: it moves as one. Throws std::invalid_argument where it
/// can't have `parallelism` while the run works. `keeps_epochs`: with checkpoints, so a sink that decides has one task.
std::uint32_t chain_to_rescale(const topology& graph, const run_plan& plan, std::string_view node,
                               std::size_t parallelism, bool keeps_epochs);
/// The topology with so many tasks of a chain. Throws topology_error where it can't have so many.
topology with_tasks(const topology& graph, const chain_plan& chain, std::size_t parallelism);

}  // namespace freshet
