#include "freshet/core/held_tuple.hpp"

namespace freshet {

held_tuple& held_tuple::operator=(held_tuple&& other) noexcept {
  if (this == &other) return *this;
  if (state_) drop();
  state_ = std::move(other.state_);
  return *this;
}

void held_tuple::fail(error why) noexcept {
  if (auto s = std::exchange(state_, nullptr)) s->fail(std::move(why));
}
void held_tuple::fail(std::string why) noexcept { fail(error{errc::user_function, std::move(why)}); }
void held_tuple::drop() noexcept { fail("held tuple was dropped without ack"); }

void held_tuple::ack() noexcept {
  auto s = std::exchange(state_, nullptr);
  if (!s) return;
  // Inside a call of the bolt that holds it the ack waits: if the call fails, so does the held tuple, because what the
  // call emitted for it is cut back.
  if (s->place && s->place->thread.load(std::memory_order_relaxed) == this_thread_mark()) {
    call_frame& frame = *s->place->frame;
    frame.flags.deferred = true;
    frame.acks.push_back(std::move(s));
  } else {
    s->ack();
  }
}

held_scope::held_scope(call_frame& frame, const held_tuple& held) : held_scope(frame, &held, 1) {}
held_scope::held_scope(call_frame& frame, const std::vector<held_tuple>& held)
    : held_scope(frame, held.data(), held.size()) {}
held_scope::held_scope(call_frame& frame, const held_tuple* held, std::size_t count)
    : frame_(frame),
      anchor_(frame.anchor),
      anchors_(frame.anchors),
      time_(frame.time),
      stamp_(frame.stamp),
      origin_(frame.origin),
      children_(frame.children) {
  event_time time = beginning_of_time, stamp = beginning_of_time;
  tuple_origin origin;
  bool any = false, any_live = false;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& s = held[i].state();
    if (!s) continue;
    any = true;
    // Only the task's own thread ends a token that the bolt still has: live here is live until the call ends.
    if (!s->live()) continue;
    any_live = true;
    if (s->anchor.is_several()) roots_.insert(roots_.end(), s->anchors.begin(), s->anchors.end());
    else if (s->anchor) roots_.push_back(s->anchor);
    time = std::max(time, s->time);
    stamp = std::max(stamp, s->stamp);
    origin = std::max(origin, s->origin);
  }
  live_ = any_live || !any;
  frame.anchor = roots_.empty() ? root{} : roots_.size() == 1 ? roots_[0] : root::several(0);
  frame.anchors = roots_.size() > 1 ? &roots_ : nullptr;
  frame.time = time;
  frame.stamp = stamp;
  frame.origin = origin;
  frame.children = 0;
}

held_scope::~held_scope() {
  const auto deliveries = frame_.children;
  frame_.anchor = anchor_;
  frame_.anchors = anchors_;
  frame_.time = time_;
  frame_.stamp = stamp_;
  frame_.origin = origin_;
  frame_.children = children_;
  if (deliveries == 0) return;
  for (root r : roots_) {
    frame_.host->settle(r.slot(), deliveries);
    frame_.counted_on_held.push_back({r.slot(), deliveries});
  }
  frame_.flags.deferred = true;
}

}  // namespace freshet
