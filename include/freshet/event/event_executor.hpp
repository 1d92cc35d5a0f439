#pragma once
#include "freshet/core/topology.hpp"
#include "freshet/event/event_options.hpp"
#include "freshet/runtime/topology_run.hpp"

namespace freshet {

/// Runs topologies one event at a time: a tuple is worked on as soon as it is there, and every spout message is tracked
/// to the end of its tuple tree. Thread safe; may start several runs.
class event_executor {
 public:
  explicit event_executor(event_options options = {});
  /// Starts a run. Throws topology_error naming everything that the options and the topology don't agree on, and
  /// run_error when a task cannot be made or opened, or the system refuses a thread.
  topology_run start(const topology& graph) const;
  /// One for the runs that go on behind a first.
  event_executor going_on() const;

 private:
  event_options options_;
};

}  // namespace freshet
