#include "freshet/core/topology.hpp"

namespace freshet {

std::string topology::describe(describe_format, const edge_counts*) const { return name() + "\n"; }

}  // namespace freshet
