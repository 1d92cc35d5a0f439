#include "event/bolt_tasklet.hpp"

#include <algorithm>

#include "freshet/base/assert.hpp"

namespace freshet {

bolt_tasklet::~bolt_tasklet() { close_inputs(); }

bool bolt_tasklet::work() {
  bool made = false;
  // Several a slice: an async bolt emits one reply a call and wakes itself while it has more.
  for (int n = 0; n < wakes_a_slice && !blocked() && !head_awaits_commit() && take_wake(); ++n) {
    made = true;
    if (call_woken()) continue;
    make_waker()();  // to be tried again
    return made;
  }
  for (int n = 0; n < batches_a_slice && !blocked() && !head_awaits_commit(); ++n) {
    if (!keep_time(watermarks_.watermark(), clock_ends(), made)) break;
    say_idle(watermarks_.is_idle());
    if (!current_ && !take_next()) break;
    if (current_.from < current_.batch->size()) {
      if (!chain_.head().ready()) break;
      if (has_due_repeat()) {  // in the next slice: others would take the room that it waits for, for ever
        made = true;
        break;
      }
      if (current_.from == 0) note_transfer();
      if (!read(*chain_.inputs[inputs_[current_input_].index], current_, made)) break;
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
    if (inputs_[at].ended || inputs_[at].at_barrier) continue;
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
  if (marks.barrier != 0) {
    barrier_ = marks.barrier;
    in.at_barrier = true;
    ++at_barrier_;
  }
  if (marks.end) {
    if (std::exchange(in.at_barrier, false)) --at_barrier_;  // its producer passes the barriers to come by itself
    in.ended = true;
    ++ended_;
  }
  if (!marks.flush) return;
  pass_flush_on();
  flush_some();
}

// --- epochs ---

void bolt_tasklet::go_on(const run_checkpoints& kept) {
  event_task::go_on(kept);
  if (!kept.from()) return;
  for (const auto& w : kept.from()->watermarks) {
    if (w.node != run_.graph().nodes()[chain_.plan().head()].name) continue;
    if (w.input == checkpoint_watermark::all_inputs) set_time(w.watermark);
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i].index == w.input) watermarks_.advance(i, w.watermark);
  }
}

void bolt_tasklet::note_epoch(task_epoch& said) {
  for (auto& in : inputs_) in.at_barrier = false;
  at_barrier_ = 0;
  if (!run_.graph().uses_event_time()) return;
  const node& head = run_.graph().nodes()[chain_.plan().head()];
  std::vector<event_time> least(head.inputs.size(), end_of_time);
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    least[inputs_[i].index] = std::min(least[inputs_[i].index], watermarks_.watermark_of(i));
  for (std::uint32_t i = 0; i < least.size(); ++i) said.watermarks.push_back({head.name, i, least[i]});
  said.watermarks.push_back({head.name, checkpoint_watermark::all_inputs, chain_.frame.watermark});
}

// --- another number of tasks ---

std::optional<std::size_t> bolt_tasklet::place_of(const channel& c) const {
  const auto at = std::find_if(inputs_.begin(), inputs_.end(), [&](auto& in) { return in.channel == &c; });
  return at == inputs_.end() ? std::nullopt : std::optional(static_cast<std::size_t>(at - inputs_.begin()));
}

channel_end bolt_tasklet::end_of(const channel& c) const {
  const auto at = place_of(c);
  FRESHET_ASSERT(at, "a channel is read by another task", name_);
  return {inputs_[*at].channel, inputs_[*at].index, watermarks_.said_by(*at), inputs_[*at].ended};
}

void bolt_tasklet::read_from(const std::vector<channel_end>& ends) {
  std::vector<input> inputs;
  std::vector<watermark_merge::said> said;
  ended_ = 0;
  auto current = current_input_;
  for (auto end : ends) {
    if (const auto at = place_of(*end.channel)) {
      if (*at == current_input_) current = inputs.size();
      end = end_of(*end.channel);
    }
    inputs.push_back({end.channel, end.input, end.ended});
    said.push_back(end.said);
    ended_ += end.ended;
  }
  inputs_ = std::move(inputs);
  watermarks_.replace(said);
  current_input_ = current;
  next_input_ = 0;
}

void bolt_tasklet::count_for(const event_task& was) {
  event_task::count_for(was);
  const auto& other = static_cast<const bolt_tasklet&>(was);
  for (std::size_t i = 0; i < transfer_latency_.size(); ++i)
    transfer_latency_[i].merge(other.transfer_latency_[i].copy());
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
