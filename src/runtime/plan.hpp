#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "freshet/core/topology.hpp"

namespace freshet {

/// One node inside a chain.
struct chain_member {
  std::uint32_t node = 0;
  std::uint32_t parent = 0;  ///< index of the member whose output it reads; the head is its own parent
  bool local_sink = false;   ///< a sink fed from an outbox after the head call: failed calls never reach it
};

/// Nodes that run in one task: the head, and bolts and sinks joined to it by forward edges. The unit of failure is one
/// call of the head.
struct chain_plan {
  std::vector<chain_member> members;  ///< the head first, parents before children
  std::size_t parallelism = 1;
  bool is_spout = false;
  bool blocking = false;
  bool below_dead_letters = false;  ///< what fails here cannot become a dead letter again
  std::uint32_t head() const { return members[0].node; }
};

/// What both engines run: a topology cut into chains. Chains come in topological order.
struct run_plan {
  std::vector<chain_plan> chains;
  std::vector<std::uint32_t> chain_of;  ///< by node
  bool uses_dead_letters = false;       ///< somebody reads them
};

/// Reads of one output by nodes outside the chain, or by local sinks: one router each.
struct reader_ref {
  std::uint32_t node = 0, input = 0;
};

/// `local_sinks`: a sink behind a forward edge runs in its producer's task. The batch engine keeps sinks apart, because
/// they write when all stages of a batch have succeeded.
run_plan make_plan(const topology& graph, bool local_sinks = true);
/// All inputs that read port `port` of `node`.
std::vector<reader_ref> readers_of(const topology& graph, stream_end end);

}  // namespace freshet
