#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "differential/scene.hpp"
#include "differential/spouts.hpp"
#include "freshet/core/topology.hpp"

namespace freshet::differential {

/// A plan as a topology.
struct built {
  topology graph;
  /// Queues of spouts, for somebody to fill.
  std::vector<std::pair<std::shared_ptr<queue_source::queue>, source>> queues;
};
built build(std::shared_ptr<scene> at);

}  // namespace freshet::differential
