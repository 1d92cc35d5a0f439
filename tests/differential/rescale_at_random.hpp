#pragma once
#include "freshet/base/random.hpp"
#include "freshet/runtime/topology_run.hpp"

namespace freshet::differential {

/// Gives some nodes other numbers of tasks while the run works, as far as they can have them. Returns when the run is
/// ending, or has been changed some times.
void rescale_at_random(topology_run& run, random_source& random);

}  // namespace freshet::differential
