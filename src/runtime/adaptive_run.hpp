#pragma once
#include <functional>
#include <memory>

#include "freshet/runtime/adaptive_options.hpp"
#include "freshet/runtime/topology_run.hpp"
#include "runtime/engine_watch.hpp"

namespace freshet {

/// Starts a run on one of the engines. `goes_on`: behind another run of the same adaptive run.
struct adaptive_engines {
  using start = std::function<topology_run(const topology& graph, bool goes_on)>;
  start batches, events;
};

/// Runs `graph` on one engine at a time, over one directory of checkpoints, as `chooser` says. Throws what the first
/// start does.
topology_run start_adaptive(const topology& graph, adaptive_engines engines, adaptive_options options,
                            std::unique_ptr<engine_chooser> chooser);

}  // namespace freshet
