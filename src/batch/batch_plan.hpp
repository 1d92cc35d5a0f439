#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "batch/block_store.hpp"
#include "runtime/chain_task.hpp"
#include "runtime/plan.hpp"

namespace freshet {

/// One output of a chain on its way to one input of another: a block for each pair of tasks, or for each producing task
/// where all readers share it.
struct batch_route {
  std::uint32_t from_chain = 0, to_chain = 0;
  stream_end from;
  reader_ref to;
  std::uint32_t producers = 1, targets = 1;
  bool shared = false;  ///< every reader gets all of it
  block_store::id first = 0;

  std::uint32_t width() const { return shared ? 1 : targets; }
  block_store::id block(std::uint32_t producer, std::uint32_t target) const {
    return first + producer * width() + (shared ? 0 : target);
  }
  std::uint32_t readers() const { return shared ? targets : 1; }
};

/// A topology compiled for batches, once for a run: stages, the routes between them, and the order in which a task
/// reads. A stage is a chain of `run_plan`.
struct batch_plan {
  struct source {
    std::uint32_t input = 0;  ///< of the head
    std::uint32_t route = 0;
  };
  run_plan chains;
  std::vector<batch_route> routes;
  std::vector<std::vector<std::uint32_t>> routes_of;   ///< by chain, in the order of chain_task::routes
  std::vector<std::vector<source>> sources;            ///< by chain, in reading order: `all` inputs first
  std::vector<std::vector<std::uint32_t>> waits_for;   ///< by chain: stages of the same batch that come before it
  std::vector<std::vector<std::uint32_t>> awaited_by;  ///< the other way round
  std::vector<bool> is_sink;                           ///< by chain: written to when all stages have succeeded
  std::size_t blocks = 0;
};

/// Compiles the routes. `first_task(chain)` is any task of it.
void compile(batch_plan& plan, const topology& graph,
             const std::function<const chain_task&(std::uint32_t chain)>& first_task);

}  // namespace freshet
