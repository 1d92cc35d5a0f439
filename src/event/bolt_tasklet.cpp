#include "event/bolt_tasklet.hpp"

#include <algorithm>

namespace freshet {

bolt_tasklet::~bolt_tasklet() { close_inputs(); }

bool bolt_tasklet::work() {
  bool made = false;
  // Several a slice: an async bolt emits one reply a call and wakes itself while it has more.
  for (int n = 0; n < wakes_a_slice && !blocked() && take_wake(); ++n) {
    made = true;
    if (call_woken()) continue;
    make_waker()();  // to be tried again
    return made;
  }
  for (int n = 0; n < batches_a_slice && !blocked(); ++n) {
    if (!keep_time(watermarks_.watermark(), clock_ends(), made)) break;
    say_idle(watermarks_.is_idle());
    if (!current_ && !take_next()) break;
    if (current_.from < current_.batch->size()) {
      if (!chain_.head().ready()) break;
      if (current_.from == 0) note_transfer();
      if (!read(*chain_.inputs[inputs_[current_input_].index].reader, current_, made)) break;
    }
    finish_current();
    made = true;
  }
  if (took_) wake_producers();
  return made;
}

void bolt_tasklet::note_transfer() {
  const auto waited = (clocked_ - current_.batch->sent).count();
  transfer_latency_[inputs_[current_input_].index].record(static_cast<std::uint64_t>(std::max<std::int64_t>(0, waited)),
                                                          1);
}

/// One fence a slice, then whoever waits for room is woken.
void bolt_tasklet::wake_producers() {
  took_ = false;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (auto& in : inputs_)
    if (in.channel->room_wanted() && in.channel->producer_worker != worker_)
      run_.pool().wake(in.channel->producer_worker);
}

/// The next batch, going round the channels so that none is starved.
bool bolt_tasklet::take_next() {
  for (std::size_t n = 0; n < inputs_.size(); ++n) {
    const auto at = next_input_;
    next_input_ = next_input_ + 1 == inputs_.size() ? 0 : next_input_ + 1;
    if (inputs_[at].ended) continue;
    if (auto* b = inputs_[at].channel->take()) {
      current_ = {b, 0};
      current_input_ = at;
      took_ = true;
      return true;
    }
  }
  return false;
}

/// Obeys the marks behind the batch and sends it home.
void bolt_tasklet::finish_current() {
  auto& in = inputs_[current_input_];
  const batch_marks marks = current_.batch->marks;
  in.channel->give_back(current_.batch);
  current_ = {};
  if (marks.watermark != beginning_of_time) watermarks_.advance(current_input_, marks.watermark);
  if (marks.idle) watermarks_.mark_idle(current_input_);
  if (marks.end) {
    in.ended = true;
    ++ended_;
  }
  if (!marks.flush) return;
  pass_flush_on();
  flush_some();
}

void bolt_tasklet::close_inputs() {
  if (current_) inputs_[current_input_].channel->give_back(current_.batch);
  current_ = {};
}

void bolt_tasklet::collect(run_metrics& into, std::chrono::nanoseconds uptime) const {
  const auto mine = into.tasks.size();
  event_task::collect(into, uptime);
  std::uint64_t queued = 0;
  for (const auto& in : inputs_) queued += in.channel->queued();
  into.tasks[mine].queued = queued;
  const auto head = chain_.plan().head();
  for (std::uint32_t i = 0; i < transfer_latency_.size(); ++i) {
    into.edges.push_back(edge_of(run_.graph(), run_.graph().nodes()[head].inputs[i].from, {head, i}));
    into.edges.back().transfer_latency = transfer_latency_[i].copy();
  }
}

}  // namespace freshet
