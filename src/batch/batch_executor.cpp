#include "freshet/batch/batch_executor.hpp"

#include <memory>

#include "batch/batch_check.hpp"
#include "batch/batch_run.hpp"

namespace freshet {

topology_run batch_executor::start(const topology& graph) const {
  if (auto wrong = mistakes_of(options_, graph); !wrong.empty()) throw topology_error(graph.name(), std::move(wrong));
  auto run = std::make_shared<batch_run>(graph, options_);
  run->start();
  return topology_run{std::move(run)};
}

}  // namespace freshet
