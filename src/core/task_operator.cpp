#include "freshet/core/task_operator.hpp"

#include "freshet/core/fault_injector.hpp"
#include "freshet/core/spout_task.hpp"
#include "freshet/core/topology.hpp"

// The one place where the vtables of core's interfaces live.
namespace freshet {

any_consumer::~any_consumer() = default;
any_outlet::~any_outlet() = default;
fault_injector::~fault_injector() = default;
any_reader::~any_reader() = default;
any_timer_reader::~any_timer_reader() = default;
event_clock::~event_clock() = default;
any_state::~any_state() = default;
state_store::~state_store() = default;
state_backend::~state_backend() = default;
task_operator::~task_operator() = default;
edge_binding::~edge_binding() = default;
edge_counts::~edge_counts() = default;
waker::target::~target() = default;

bool task_operator::pass_faults() {
  if (!frame_->faults) return true;
  const std::string_view name = frame_->node_names ? frame_->node_names[node_] : std::string_view{};
  try {
    frame_->faults->before_call(name, frame_->task, calls_++);
  } catch (...) { frame_->fail_from_exception(node_); }
  return !frame_->flags.failed;
}

}  // namespace freshet
