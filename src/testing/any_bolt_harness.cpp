#include "freshet/testing/any_bolt_harness.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/named_node.hpp"
#include "freshet/core/timer_reader.hpp"
#include "freshet/runtime/executor.hpp"

namespace freshet::testing {

any_bolt_harness::port::~port() = default;

any_bolt_harness::any_bolt_harness(harness_options options)
    : options_(options), graph_(std::make_shared<builder_state>()) {
  graph_->name = "bolt_harness";
  frame_.host = this;
  frame_.now = clock_.wall();
  frame_.rollback_state = frame_.rollback_timers = true;
}

any_bolt_harness::~any_bolt_harness() { close(); }

// --- the task ---

task_operator& any_bolt_harness::task() {
  if (!task_) make_task({});
  return *task_;
}

void any_bolt_harness::make_task(const std::vector<std::string>& saved) {
  node& n = bolt();
  if (!n.mistakes.empty()) throw topology_error(graph_->name, n.mistakes);
  task_ = n.tasks->make();
  task_->attach(0, frame_);
  n.options.max_parallelism = options_.key_groups;
  if (n.make_state) task_->state = n.make_state(n.options);
  for (std::uint32_t g = 0; g < saved.size(); ++g) {
    reader r(saved[g]);
    const bool is_read = g == options_.key_groups ? task_->state->load_shared(r) : task_->state->load(g, r);
    if (!is_read || r.left() != 0)
      throw std::runtime_error(titled(n) + ": its state (" + readable_type_name(n.state_type) +
                               ") can't be read back as it was written: what its codec reads isn't what it writes");
  }
  inputs_.clear();
  for (const auto& e : n.inputs) inputs_.push_back(e.binding->bind(*task_));
  for (std::size_t p = 0; p < ports_.size(); ++p)
    if (ports_[p]) task_->outlet_at(p).connect({&ports_[p]->router().entry()});
  task_context context;
  context.node = n.name;
  context.clock = &clock_;
  task_->open(context);
}

std::vector<std::string> any_bolt_harness::saved_state() {
  std::vector<std::string> groups;
  if (!task_->state) return groups;
  if (!task_->state->is_durable())
    throw std::invalid_argument(titled(bolt()) + " has state (" + readable_type_name(bolt().state_type) +
                                ") without a codec: no snapshot can be taken of it");
  for (std::uint32_t g = 0; g < options_.key_groups; ++g) {
    writer w;
    task_->state->save(g, w);
    groups.push_back(w.data());
  }
  if (task_->state->has_shared()) {
    writer w;
    task_->state->save_shared(w);
    groups.push_back(w.data());
  }
  return groups;
}

void any_bolt_harness::close() noexcept {
  if (!task_) return;
  try {
    task_->close();
  } catch (...) {  // whoever wants to know calls the bolt's `close` himself
  }
  inputs_.clear();
  task_.reset();
}

// --- calls ---

task_host::verdict any_bolt_harness::failed(call_frame& frame, const any_batch&, std::size_t) {
  if (!failure_) failure_ = frame.failure;
  return verdict::next;
}

std::shared_ptr<held_state> any_bolt_harness::hold(call_frame&, std::uint32_t) {
  throw std::logic_error("a bolt_harness has no spout whose tuples could be held: use a topology_driver");
}

void any_bolt_harness::call(std::size_t input, any_batch& in) {
  task();
  read(*inputs_[input], in);
}

/// A full outbox stops the reader between two tuples, as in a run.
void any_bolt_harness::read(any_reader& reader, any_batch& in) {
  for (std::size_t at = 0; at < in.size();) {
    at = reader.read(in, at).next;
    if (++calls_ % 2 == 0 || !options_.full_outbox) take_outputs();
  }
  after_call();
}

void any_bolt_harness::advance_watermark(event_time to) {
  to = std::max(to, frame_.watermark);
  for (any_batch* due = nullptr; task().timers && (due = task_->timers->take_due(to));)
    read(task_->timers->reader(), *due);
  frame_.watermark = to;
}

void any_bolt_harness::advance_clock(std::chrono::nanoseconds by) {
  clock_.advance(by);
  frame_.now = clock_.wall();
  for (any_batch* due = nullptr; task().processing_timers && (due = task_->processing_timers->take_due(frame_.now));)
    read(task_->processing_timers->reader(), *due);
}

void any_bolt_harness::tick() { guarded(&task_operator::tick); }
void any_bolt_harness::flush() { guarded(&task_operator::flush); }
void any_bolt_harness::wake() { guarded(&task_operator::wake); }

void any_bolt_harness::guarded(void (task_operator::*f)()) {
  task();
  frame_.begin_unrooted();
  try {
    const inside_calls inside(frame_.place);
    (task_.get()->*f)();
  } catch (...) { frame_.fail_from_exception(0); }
  if (std::exchange(frame_.flags.failed, false)) {
    frame_.cut_back();
    failure_ = frame_.failure;
  }
  after_call();
}

void any_bolt_harness::after_call() {
  if (failure_) throw run_error(std::exchange(failure_, {})->error);
  if (!options_.snapshots) return;
  const auto saved = saved_state();
  close();
  make_task(saved);
}

void any_bolt_harness::take_outputs() {
  for (auto& p : ports_)
    if (p) p->take();
}

void any_bolt_harness::answer(any_state_query& query) {
  const node& n = bolt();
  if (!task().state) throw std::invalid_argument(titled(n) + " keeps no state");
  if (!query.look_in(*task_->state))
    throw std::invalid_argument(titled(n) + " keeps its state not by " + readable_type_name(query.key_type));
}

}  // namespace freshet::testing
