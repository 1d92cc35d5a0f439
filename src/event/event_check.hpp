#pragma once
#include <string>
#include <vector>

#include "freshet/core/topology.hpp"
#include "freshet/event/event_options.hpp"

namespace freshet {

/// What the options can't mean, and what this topology can't do under them, as sentences.
std::vector<std::string> mistakes_of(const event_options& options, const topology& graph);

}  // namespace freshet
