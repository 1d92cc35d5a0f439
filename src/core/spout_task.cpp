#include "freshet/core/spout_task.hpp"

#include <algorithm>

namespace freshet {

spout_host::~spout_host() = default;

spout_task_round::turn::turn(spout_task_round& task, spout_round& round) : task_(task), inside_(task.frame_->place) {
  task.round_ = &round;
  task.frame_->inherit_nothing();
  task.frame_->flags.outbox_full = false;
  task.known_at_ = 0;
  task.take_round();
}

spout_task_round::turn::~turn() {
  task_.give_round();
  task_.round_ = nullptr;
}

void spout_task_round::take_round() {
  const spout_round& r = *round_;
  raw_ = r.raw;
  // What a clock has to see takes the careful way.
  plain_left_ = r.keeps_positions || frame_->clock ? 0 : r.capacity - r.messages;
  if (raw_) plain_left_ = std::min(plain_left_, static_cast<std::uint32_t>(raw_->capacity() - raw_->size()));
  plain_from_ = plain_left_;
  next_root_ = r.slot ? root{r.slot, r.messages} : root{};
  root_step_ = r.slot ? 1 : 0;
}

void spout_task_round::give_round() {
  round_->messages = messages();
  round_->live += std::exchange(live_, 0);
  executed += plain_from_ - plain_left_;
  plain_left_ = plain_from_ = 0;
}

root spout_task_round::root_of(const position* at) {
  spout_round& r = *round_;
  if (!r.keeps_positions) return root_of_unkept(at);
  // Field by field: the spout has only just written them, and a copy of two at once would wait for both writes.
  const auto partition = at ? at->partition : 0;
  const auto offset = at ? at->offset : 0, next = at ? at->next : 0;
  if (at && r.messages) {
    const position& last = r.positions.back();
    if (last.offset == offset && last.next == next && last.partition == partition) {
      if (frame_->clock) note_source(at, true);
      return r.slot ? root{r.slot, r.messages - 1} : root{};
    }
  }
  if (r.messages == r.capacity) make_room();
  is_past_ = at && past_.hold({partition, offset, next});
  r.positions.push_back({partition, offset, next});
  if (frame_->clock) note_source(at, false);
  ++executed;
  const auto index = r.messages++;
  return r.slot ? root{r.slot, index} : root{};
}

/// Where nobody keeps positions each one is a message of its own.
root spout_task_round::root_of_unkept(const position* at) {
  give_round();
  spout_round& r = *round_;
  if (r.messages == r.capacity) make_room();
  if (frame_->clock) note_source(at, false);
  ++executed;
  const auto index = r.messages++;
  take_round();
  return r.slot ? root{r.slot, index} : root{};
}

/// No call of its own: tuples keep their ordinals whether such messages are among them or not.
void spout_task_round::reject(const position* at, error why, std::string bytes) {
  call_frame& frame = *frame_;
  frame.inherit_nothing();
  frame.anchor = root_of(at);
  frame.children = 0;
  if (is_past_) return;  // the run before has dealt with it
  round_->host->message_rejected(*round_, at, frame, std::move(why), std::move(bytes));
  live_ += frame.children;
}

void spout_task_round::end(partition_id partition) {
  if (!frame_->clock) return;
  if (raw_ || round_->through) round_->ended.push_back(partition);
  else frame_->clock->end_partition(partition);
}

void spout_task_round::make_room() {
  give_round();
  round_->host->round_full(*round_);
  take_round();
}

/// What the clock has to know of a message that goes to the chain at once.
void spout_task_round::note_source(const position* at, bool continues) {
  call_frame& frame = *frame_;
  spout_round& r = *round_;
  const position p = at ? *at : position{};
  frame.source = {p.partition, continues, is_past_};
  if (frame.keeps_origins)
    frame.origin =
        at ? tuple_origin{node_ + 1, p.partition, p.offset} : tuple_origin{node_ + 1, frame.task, unnamed_++};
  frame.own_stamp = &stamp_;
  r.nth = continues ? r.nth + 1 : 0;
  if (!r.keeps_positions || r.known_stamps.empty()) {
    stamp_ = not_stamped;
    if (r.keeps_positions && !continues) r.stamps.push_back(not_stamped);
  } else {
    while (!continues && known_at_ + 1 < r.known_stamps.size() && r.known_stamps[known_at_].next < p.next) ++known_at_;
    const auto& known = r.known_stamps[known_at_];
    stamp_ = r.nth < known.seen ? known.stamp : not_stamped;
    if (!continues) r.stamps.push_back(known.stamp);
  }
  r.is_new = stamp_ == not_stamped;
}

void spout_task_round::keep_stamp() {
  if (raw_ && !round_->through) return;  // the chain reads it later
  frame_->keep_stamp();
  if (!round_->stamps.empty()) round_->stamps.back() = stamp_;
}

void spout_task_round::after_unusual_message() {
  call_frame& frame = *frame_;
  if (frame.flags.failed) {
    frame.cut_back();
    give_round();
    round_->host->message_failed(*round_, frame.anchor.index(), frame);
    take_round();
    frame.flags.failed = false;
  }
  if (frame.flags.deferred) frame.apply_deferred();
}

void spout_task_round::begin_past_call() {
  frame_->flags.failed = true;
  frame_->failure.node = ~std::uint32_t{0};  // none that leads to the clock: those are called
}

/// A bolt that throws this time keeps the clock from seeing the message, which only lowers the stamps that follow.
void spout_task_round::end_past_call() {
  frame_->cut_back();
  frame_->give_up_stamp();
  frame_->flags.failed = false;
}

void spout_task_round::read_past(const std::vector<position_range>& finished) { past_.add(finished); }

std::vector<position_range> spout_task_round::past_behind(partition_id partition, std::uint64_t offset) const {
  return past_.behind(partition, offset);
}

}  // namespace freshet
