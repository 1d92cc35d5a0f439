#pragma once
#include <string>
#include <vector>

#include "freshet/batch/batch_options.hpp"
#include "freshet/core/topology.hpp"
#include "freshet/event/event_options.hpp"
#include "freshet/runtime/adaptive_options.hpp"

namespace freshet {

/// What can't be, in sentences: of the change between the engines, and of each of them, each sentence once.
std::vector<std::string> mistakes_of(const event_options& events, const batch_options& batches,
                                     const adaptive_options& options, const topology& graph);

}  // namespace freshet
