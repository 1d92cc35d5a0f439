#include "event/holds.hpp"

#include <algorithm>
#include <string>

namespace freshet {

/// live -> consumed (ack, fail or time-out) or revoked; one way is taken, once. It is counted from before it is handed
/// out, because another thread may consume it before the call ends that took it.
class hold_desk::token final : public held_state {
 public:
  token(std::shared_ptr<hold_desk> desk, call_frame& f, std::uint32_t of, std::uint64_t nth, repetition how)
      : held_state(f), node(of), number(nth), again(std::move(how)), desk_(std::move(desk)) {}

  void ack() noexcept override {
    if (end()) done();
  }
  void fail(error why) noexcept override { give_up(std::move(why), &token::end); }
  void revoke() noexcept override {
    if (become(stage::revoked)) done();
    else desk_->forget(*this);
  }
  bool expire(error why) noexcept { return give_up(std::move(why), &token::end_by_itself); }
  bool live() const noexcept override { return !ended(); }
  bool ended() const { return stage_.load(std::memory_order_acquire) != stage::live; }

  const std::uint32_t node;
  const std::uint64_t number;  ///< among those of the desk
  repetition again;            ///< belongs to whoever ends the token

 private:
  enum class stage : std::uint8_t { live, consumed, revoked };
  bool become(stage next) noexcept {
    auto is = stage::live;
    return stage_.compare_exchange_strong(is, next, std::memory_order_acq_rel);
  }
  bool end() noexcept {
    if (become(stage::consumed)) return true;
    // A revoked one is dropped by the bolt as a matter of course: that is no answer.
    if (stage_.load(std::memory_order_relaxed) == stage::consumed)
      desk_->late_answers_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  bool end_by_itself() noexcept { return become(stage::consumed); }
  void done() noexcept {
    again.tuple.reset();
    desk_->settle(anchor, anchors, -1);
    desk_->consumed();
  }
  bool give_up(error why, bool (token::*ends)() noexcept) noexcept {
    {
      // Its end and its failure are one step for whoever asks `settled` and then `has_failed`.
      std::lock_guard lock(desk_->mutex_);
      if (!(this->*ends)()) return false;
      desk_->failed(*this, std::move(why));
    }
    desk_->consumed();
    return true;
  }
  const std::shared_ptr<hold_desk> desk_;
  std::atomic<stage> stage_{stage::live};
};

std::shared_ptr<held_state> hold_desk::hold(call_frame& frame, std::uint32_t node, time_point deadline,
                                            repetition again) {
  auto t = std::make_shared<token>(shared_from_this(), frame, node, taken() + 1, std::move(again));
  outstanding_.fetch_add(1, std::memory_order_acq_rel);
  settle(t->anchor, t->anchors, 1);
  try {
    by_deadline_.push(deadline, t, outstanding());
    frame.holds.push_back(t);
  } catch (...) {  // no memory: nobody has it who could end it
    t->revoke();
    throw;
  }
  frame.flags.deferred = true;
  return t;
}

void hold_desk::settle(root anchor, const root_list& anchors, std::int32_t delta) noexcept {
  if (!book_) return;
  if (anchor.is_several())
    for (root r : anchors) book_->settle(r.slot(), delta);
  else if (anchor) book_->settle(anchor.slot(), delta);
}

void hold_desk::settle_failed(const failed_hold& f) noexcept { settle(f.anchor, f.anchors, -1); }

void hold_desk::failed(token& t, error why) noexcept {
  if (book_ && t.anchor && !keeps_failures_) {
    if (t.anchor.is_several())
      for (root r : t.anchors) book_->post(r, t.node, task_, why);
    else book_->post(t.anchor, t.node, task_, std::move(why));
    return settle(t.anchor, t.anchors, -1);
  }
  failed_.push_back({t.node, t.number, std::move(why), std::move(t.again), t.anchor, t.anchors});
}

void hold_desk::forget(const token& t) noexcept {
  std::lock_guard lock(mutex_);
  const auto at = std::find_if(failed_.begin(), failed_.end(), [&](auto& f) { return f.number == t.number; });
  if (at == failed_.end()) return;
  settle_failed(*at);
  failed_.erase(at);
}

bool hold_desk::has_failed() const {
  std::lock_guard lock(mutex_);
  return !failed_.empty();
}

void hold_desk::consumed() noexcept {
  outstanding_.fetch_sub(1, std::memory_order_acq_rel);
  wake_();
}

std::vector<hold_desk::failed_hold> hold_desk::take_failed() {
  std::lock_guard lock(mutex_);
  return std::exchange(failed_, {});
}

std::size_t hold_desk::expire(time_point now, std::chrono::nanoseconds timeout) {
  std::size_t n = 0;
  while (const auto t = by_deadline_.pop_due(now)) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    n += t->expire({errc::timeout, "held longer than message_timeout (" + std::to_string(ms) + " ms)"});
  }
  return n;
}

void hold_desk::abandon() { by_deadline_.clear(); }

hold_desk::time_point hold_desk::next_deadline() { return by_deadline_.next(); }

bool hold_desk::settled(std::uint32_t node, std::uint64_t taken) const {
  return !by_deadline_.lives([node](const token& t) { return t.node == node; }, taken);
}

std::uint64_t hold_desk::taken() const { return by_deadline_.pushed(); }

}  // namespace freshet
