#include "freshet/event/event_executor.hpp"

#include <memory>

#include "event/event_check.hpp"
#include "event/event_run.hpp"

namespace freshet {

event_executor::event_executor(event_options options) : options_(std::move(options)) {}

event_executor event_executor::going_on() const {
  auto o = options_;
  o.checkpoints = o.checkpoints.going_on();
  return event_executor{std::move(o)};
}

topology_run event_executor::start(const topology& graph) const {
  if (auto wrong = mistakes_of(options_, graph); !wrong.empty()) throw topology_error(graph.name(), std::move(wrong));
  auto run = std::make_shared<event_run>(graph, options_);
  run->start();
  return topology_run{std::move(run)};
}

}  // namespace freshet
