#include "freshet/time/watermark_merge.hpp"

#include <algorithm>

#include "freshet/base/assert.hpp"
#include "freshet/base/clock.hpp"

namespace freshet {

watermark_merge::watermark_merge(std::size_t inputs) : inputs_(inputs), active_(inputs) { rebuild(); }

std::size_t watermark_merge::add() {
  inputs_.emplace_back();
  ++active_;
  rebuild();
  return inputs_.size() - 1;
}

void watermark_merge::rebuild() {
  tree_.assign(inputs_.size(), 0);
  for (std::size_t i = inputs_.size(); i-- > 1;) tree_[i] = winner(node(2 * i), node(2 * i + 1));
}

std::size_t watermark_merge::slowest() const noexcept {
  if (active_ == 0) return inputs_.size();
  return node(1);
}

bool watermark_merge::is_ahead(std::size_t input, event_span drift) const {
  const std::size_t last = slowest();
  return last != inputs_.size() && last != input && rank(input) > shifted(inputs_[last].watermark, drift);
}

watermark_merge::effect watermark_merge::advance(std::size_t input, event_time watermark) {
  FRESHET_ASSERT(input < inputs_.size(), "a watermark of an input that isn't there", input, inputs_.size());
  auto& in = inputs_[input];
  if (in.watermark == end_of_time) return effect::none;
  const bool was_active = in.is_active(), woke = in.idle;
  in.idle = false;
  in.watermark = std::max(in.watermark, watermark);
  if (in.watermark == end_of_time) ++ended_;
  const effect e = settle(input, was_active);
  return woke && is_behind(input) ? effect::woke_behind : e;
}

watermark_merge::effect watermark_merge::mark_idle(std::size_t input) {
  FRESHET_ASSERT(input < inputs_.size(), "an input that isn't there is idle", input, inputs_.size());
  auto& in = inputs_[input];
  if (!in.is_active()) return effect::none;
  in.idle = true;
  return settle(input, true);
}

watermark_merge::effect watermark_merge::settle(std::size_t input, bool was_active) {
  active_ += inputs_[input].is_active();
  active_ -= was_active;
  for (std::size_t i = (inputs_.size() + input) / 2; i > 0; i /= 2) tree_[i] = winner(node(2 * i), node(2 * i + 1));
  const std::size_t last = slowest();
  const event_time now = has_ended() ? end_of_time : last == inputs_.size() ? merged_ : inputs_[last].watermark;
  if (now <= merged_) return effect::none;
  merged_ = now;
  return effect::advanced;
}

idle_timer::time_point idle_timer::due() const noexcept {
  return timeout_ == std::chrono::nanoseconds{} ? time_point::max() : deadline(since_, timeout_);
}

}  // namespace freshet
