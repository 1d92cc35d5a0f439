#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "freshet/time/window.hpp"

namespace freshet {

/// Hopping windows and their slices by number: window n begins at offset + n * slide, slice n at offset + n *
/// slice_size. Numbers stay apart where the windows themselves are cut off at an end of time. Only windows that slide
/// by a millisecond can have no number there: those before all time are left out. Pure functions, in constant time.
class window_numbers {
 public:
  /// REQUIRES: no mistakes in `w`.
  explicit constexpr window_numbers(const hopping& w) noexcept
      : size_(w.size.count()), slide_(w.slide.count()), offset_(w.offset.count() % slide_) {
    if (offset_ < 0) offset_ += slide_;
    const auto slice = slice_size(w).count();
    per_window_ = size_ / slice;
    per_slide_ = slide_ / slice;
    slice_ = slice;
  }
  /// The last window that begins at or before `t`.
  constexpr std::int64_t last(event_time t) const noexcept { return number(t, slide_, offset_); }
  /// The first window that ends after `t`. Both are the windows of `t`, as are all between.
  constexpr std::int64_t first(event_time t) const noexcept {
    const std::int64_t past = detail::past_of(t, event_span{slide_}, event_span{offset_}).count();
    const auto n = wide{last(t)} - size_ / slide_ + (past < size_ % slide_ ? 0 : 1);
    return std::max(within(n), first_number);
  }
  /// The first of the windows of `t` that ends after `passed`; none where all have ended by then.
  constexpr std::optional<std::int64_t> first_after(event_time t, event_time passed) const noexcept {
    const auto n = passed < t ? first(t) : std::max(first(t), first(passed));
    if (n > last(t) || passed == end_of_time) return std::nullopt;
    return n;
  }
  constexpr window at(std::int64_t n) const noexcept {
    const wide start = wide{n} * slide_ + offset_;
    return {event_time{event_span{within(start)}}, event_time{event_span{within(start + size_)}}};
  }

  constexpr std::int64_t slice(event_time t) const noexcept { return number(t, slice_, offset_ % slice_); }
  /// The slices of window n: from `first_slice(n)` up to `end_slice(n)`, that one not. Times have no others.
  constexpr std::int64_t first_slice(std::int64_t n) const noexcept {
    return within(wide{n} * per_slide_ + offset_ / slice_);
  }
  constexpr std::int64_t end_slice(std::int64_t n) const noexcept {
    return within(wide{n} * per_slide_ + offset_ / slice_ + per_window_);
  }
  /// The first window that has slice s, and the last.
  constexpr std::int64_t first_with(std::int64_t s) const noexcept {
    return std::max(within(floor(wide{s} - offset_ / slice_ - per_window_, per_slide_) + 1), first_number);
  }
  constexpr std::int64_t last_with(std::int64_t s) const noexcept {
    return within(floor(wide{s} - offset_ / slice_, per_slide_));
  }

 private:
  __extension__ using wide = __int128;
  static constexpr std::int64_t first_number = INT64_MIN + 1;
  static constexpr std::int64_t within(wide n) noexcept {
    return static_cast<std::int64_t>(std::clamp<wide>(n, INT64_MIN, INT64_MAX));
  }
  static constexpr wide floor(wide a, std::int64_t b) noexcept { return a / b - (a % b < 0 ? 1 : 0); }
  static constexpr std::int64_t number(event_time t, std::int64_t step, std::int64_t offset) noexcept {
    const std::int64_t at = t.time_since_epoch().count(), rest = at % step;
    return within(floor(at, step) - ((rest < 0 ? rest + step : rest) < offset ? 1 : 0));
  }
  std::int64_t size_, slide_, offset_;  // the offset from 0 to slide
  std::int64_t slice_ = 0, per_window_ = 0, per_slide_ = 0;
};

}  // namespace freshet
