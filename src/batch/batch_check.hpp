#pragma once
#include <string>
#include <vector>

#include "freshet/batch/batch_options.hpp"
#include "freshet/core/topology.hpp"

namespace freshet {

/// Everything that a batch_executor with these options would refuse about the topology, in sentences; empty: nothing.
std::vector<std::string> mistakes_of(const batch_options& o, const topology& graph);

}  // namespace freshet
