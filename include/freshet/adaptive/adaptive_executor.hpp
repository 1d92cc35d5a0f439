#pragma once
#include <utility>

#include "freshet/batch/batch_options.hpp"
#include "freshet/core/topology.hpp"
#include "freshet/event/event_options.hpp"
#include "freshet/runtime/adaptive_options.hpp"
#include "freshet/runtime/topology_run.hpp"

namespace freshet {

/// Runs a topology on both engines in turn: in batches while there is a backlog, one event at a time when it is gone,
/// and in batches again where events fall behind. A switch stops the run of the one, which ends with an epoch, and the
/// other goes on from there: nothing is lost or doubled. It takes as long as a stop and a start with the states do,
/// which are in memory twice until the other is at work, so that queries find them.
///     const checkpointing kept{.directory = "/var/lib/sales"};
///     adaptive_executor{event_options{.checkpoints = kept}, batch_options{.checkpoints = kept}}.start(graph).wait();
///
/// The handle is of the whole: it may be asked for anything at any time, also during a switch. A stop wins over a
/// switch; a drain, a pause and a savepoint meant for a run that is just left are those of the next. A query is
/// answered from the state there is. Counters go on over all runs, see `run_metrics`; which engine is at work, how
/// often and why it came to that, stands in `engine` of its status and its metrics. It is over when the input ends on
/// either engine, and has failed when a run fails or can't be started (a restarting_executor goes around it).
///
/// A rescale is done by the run of the event engine while that works. In batches the run is left at an epoch and one of
/// the same engine goes on with the other tasks, as at a switch, which the log tells; one that is paused may poll its
/// spouts for a moment before it is told. All later runs have those tasks. What can't be is refused as in the event
/// engine.
///
/// A checkpoint to resume from, and states to be dropped, are of the first run: the others go on. Spouts must be
/// readable again, as each run has new ones, and should not wait in `poll`: that looks like work. Thread safe; may
/// start several runs, one at a time in a directory.
class adaptive_executor {
 public:
  adaptive_executor(event_options events, batch_options batches, adaptive_options options = {})
      : events_(std::move(events)), batches_(std::move(batches)), options_(std::move(options)) {}
  /// Starts a run. Throws topology_error naming everything that can't be, for either engine or for the change between
  /// them, and run_error where the first run can't be started.
  topology_run start(const topology& graph) const;
  /// One for the runs that go on behind a first.
  adaptive_executor going_on() const {
    auto next = *this;
    next.events_.checkpoints = events_.checkpoints.going_on();
    next.batches_.checkpoints = batches_.checkpoints.going_on();
    return next;
  }

 private:
  event_options events_;
  batch_options batches_;
  adaptive_options options_;
};

}  // namespace freshet
