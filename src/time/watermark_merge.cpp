#include "freshet/time/watermark_merge.hpp"

#include <algorithm>

#include "freshet/base/assert.hpp"
#include "freshet/base/clock.hpp"

namespace freshet {

watermark_merge::watermark_merge(std::size_t inputs)
    : inputs_(inputs), tree_(inputs, beginning_of_time), active_(inputs) {}

std::size_t watermark_merge::add() {
  inputs_.emplace_back();
  tree_.add(beginning_of_time);
  ++active_;
  return inputs_.size() - 1;
}

void watermark_merge::replace(const std::vector<said>& inputs) {
  inputs_.clear();
  tree_ = winner_tree(inputs.size(), end_of_time);
  active_ = ended_ = 0;
  for (const auto& in : inputs) {
    inputs_.push_back({in.watermark, in.idle});
    ended_ += in.watermark == end_of_time;
    if (!inputs_.back().is_active()) continue;
    ++active_;
    tree_.set(inputs_.size() - 1, in.watermark);
  }
}

std::size_t watermark_merge::slowest() const noexcept { return active_ == 0 ? inputs_.size() : tree_.winner(); }

watermark_merge::effect watermark_merge::advance(std::size_t input, event_time watermark) {
  FRESHET_ASSERT(input < inputs_.size(), "a watermark of an input that isn't there", input, inputs_.size());
  auto& in = inputs_[input];
  if (in.watermark == end_of_time) return effect::none;
  const bool was_active = in.is_active(), woke = in.idle;
  in.idle = false;
  if (watermark == end_of_time) {
    ++ended_;
    last_ = std::max(last_, in.watermark);
  }
  in.watermark = std::max(in.watermark, watermark);
  const effect e = settle(input, was_active);
  return woke && is_behind(input) ? effect::woke_behind : e;
}

watermark_merge::effect watermark_merge::mark_idle(std::size_t input) {
  FRESHET_ASSERT(input < inputs_.size(), "an input that isn't there is idle", input, inputs_.size());
  auto& in = inputs_[input];
  if (!in.is_active()) return effect::none;
  in.idle = true;
  last_ = std::max(last_, in.watermark);
  return settle(input, true);
}

watermark_merge::effect watermark_merge::settle(std::size_t input, bool was_active) {
  const bool is_active = inputs_[input].is_active();
  active_ += is_active;
  active_ -= was_active;
  tree_.set(input, is_active ? inputs_[input].watermark : end_of_time);
  const std::size_t last = slowest();
  const event_time now = has_ended() ? end_of_time : last == inputs_.size() ? last_ : inputs_[last].watermark;
  if (now <= merged_) return effect::none;
  merged_ = now;
  return effect::advanced;
}

idle_timer::time_point idle_timer::due() const noexcept {
  return timeout_ == std::chrono::nanoseconds{} ? time_point::max() : deadline(since_, timeout_);
}

}  // namespace freshet
