#pragma once
#include <string_view>

#include "freshet/core/topology.hpp"

namespace freshet {

/// The node of that name. Throws std::invalid_argument that lists the names there are.
const node& node_called(const topology& graph, std::string_view name);
/// bolt "count"
std::string titled(const node& n);

}  // namespace freshet
