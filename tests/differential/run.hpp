#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "differential/scene.hpp"
#include "freshet/base/random.hpp"
#include "freshet/batch/batch_options.hpp"
#include "freshet/event/event_options.hpp"
#include "freshet/runtime/metrics.hpp"

// Runs a plan on an engine.
namespace freshet::differential {

struct outcome {
  record seen;
  run_metrics metrics;
  std::string described;          ///< the topology with its counters, and the settings of the run
  std::uint64_t blocks_lost = 0;  ///< or evicted, or damaged, as the settings want it
};

/// Settings at random, such that every fault that passes can pass. Those of batches may ask for blocks that get lost,
/// evicted or damaged.
event_options some_event_options(const plan&, guarantee, random_source&);
batch_options some_batch_options(const plan&, random_source&);

/// To the end of the input, or until a drain that is asked for `drain_after` the start has ended. A run that fails or
/// hangs stops the process with all that is known about it.
using drain_time = std::optional<std::chrono::microseconds>;
outcome run_events(const plan&, event_options, mischief, drain_time drain_after = {});
outcome run_batches(const plan&, batch_options, mischief, drain_time drain_after = {});

}  // namespace freshet::differential
