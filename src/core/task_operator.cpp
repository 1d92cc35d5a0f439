#include "freshet/core/task_operator.hpp"

#include "freshet/core/fault_injector.hpp"
#include "freshet/core/spout_task.hpp"
#include "freshet/core/topology.hpp"

// The one place where the vtables of core's interfaces live.
namespace freshet {

any_consumer::~any_consumer() = default;
any_outlet::any_outlet() = default;
any_outlet::~any_outlet() = default;
fault_injector::~fault_injector() = default;
any_reader::~any_reader() = default;
any_timer_reader::~any_timer_reader() = default;
event_clock::~event_clock() = default;
any_state::~any_state() = default;
state_store::~state_store() = default;
std::shared_ptr<const store_snapshot> state_store::snapshot() {
  throw state_store_error("this store makes no snapshots");
}
store_snapshot::~store_snapshot() = default;
state_backend::~state_backend() = default;
std::unique_ptr<state_store> state_backend::open_snapshot(const std::string& task, const std::vector<store_file>&) {
  throw state_store_error("the states of " + task + " are files of a store of another kind");
}
task_operator::task_operator() = default;
task_operator::~task_operator() {
  delete timers;
  delete processing_timers;
}
spout_operator::~spout_operator() = default;
spout_task_round::spout_task_round() = default;
spout_task_round::~spout_task_round() = default;
edge_binding::~edge_binding() = default;
edge_counts::~edge_counts() = default;
waker::target::~target() = default;

void any_outlet::connect(const std::vector<any_consumer*>& all) {
  all_ = all;
  lead_to(all_.data(), all_.size());
}

std::unique_ptr<any_reader> edge_binding::bind(task_operator& task) const {
  return std::unique_ptr<any_reader>(new_reader(task));
}

std::unique_ptr<any_router> edge_binding::route(const freshet::route& where, call_frame& frame) const {
  return std::unique_ptr<any_router>(new_router(where, frame));
}

bool task_operator::pass_faults() {
  if (!frame_->faults) return true;
  const std::string_view name = frame_->node_names ? frame_->node_names[node_] : std::string_view{};
  try {
    frame_->faults->before_call(name, frame_->task, calls_++);
    return true;
  } catch (...) {
    frame_->fail_from_exception(node_);
    return false;
  }
}

}  // namespace freshet
