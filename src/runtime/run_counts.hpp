#pragma once
#include <vector>

#include "freshet/core/topology.hpp"
#include "freshet/runtime/metrics.hpp"

namespace freshet {

/// Adds what another task has counted, latencies among it. What is true of a moment, and shares of time, stay.
void add_counts(task_metrics& to, const task_metrics& more);
/// Adds what went over an edge to that of the same edge, or behind all.
void add_edge(std::vector<edge_metrics>& to, edge_metrics more);
/// Adds what a run before has counted. Tasks that there are no more are counted for by the first of their node.
void add_counts(run_metrics& to, const run_metrics& before);
/// A run is over, and another follows: messages that it has not finished will come again, if at all, as new ones, and
/// have failed with it. So emitted = acked + failed holds for the sum, too.
void give_up_unfinished(run_metrics& of, const topology& graph);

}  // namespace freshet
