#pragma once
#include "freshet/batch/batch_options.hpp"
#include "freshet/core/topology.hpp"
#include "freshet/runtime/topology_run.hpp"

namespace freshet {

/// Runs topologies in micro-batches. While a batch runs, the spouts are polled for the next one. A batch is a set of
/// stages (chains of bolts between two repartitions) with a task for each partition; what a stage gives to the next is
/// kept in blocks until the batch has committed, so that a task that fails, or a block that is lost, is computed again
/// alone. Nothing of a batch reaches a sink before all its stages have succeeded, and state is rolled back with the
/// attempt that changed it: exactly once inside the process.
///
/// Batches are numbered from 1. `on_tick` is called at most once a batch; `flush` at the end of each, and `flush_key`
/// for every key that the batch touched. Answers don't depend on workers or interval, as long as what a bolt computes
/// is a function of its input and its engine-owned `state`. Thread safe; may start several runs.
class batch_executor {
 public:
  explicit batch_executor(batch_options options = {}) : options_(std::move(options)) {}
  /// Starts a run. Throws topology_error naming everything in the options that can't be, and run_error when a task
  /// cannot be made or opened, or the system refuses a thread.
  topology_run start(const topology& graph) const;
  /// One for the runs that go on behind a first.
  batch_executor going_on() const {
    auto o = options_;
    o.checkpoints = o.checkpoints.going_on();
    return batch_executor{std::move(o)};
  }

 private:
  batch_options options_;
};

}  // namespace freshet
