#include "freshet/adaptive/adaptive_executor.hpp"

#include <memory>

#include "adaptive/adaptive_check.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/event/event_executor.hpp"
#include "runtime/adaptive_run.hpp"

namespace freshet {

namespace {
template <class Executor, class Options>
adaptive_engines::start starts(const Options& options) {
  return [first = Executor{options}, then = Executor{options}.going_on()](const topology& graph, bool goes_on) {
    return (goes_on ? then : first).start(graph);
  };
}
}  // namespace

topology_run adaptive_executor::start(const topology& graph) const {
  if (auto wrong = mistakes_of(events_, batches_, options_, graph); !wrong.empty())
    throw topology_error(graph.name(), std::move(wrong));
  return start_adaptive(graph, {starts<batch_executor>(batches_), starts<event_executor>(events_)}, options_,
                        std::make_unique<engine_watch>(graph, options_, batches_.rows_per_batch));
}

}  // namespace freshet
