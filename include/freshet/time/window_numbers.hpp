#pragma once
#include <algorithm>
#include <cstdint>

#include "freshet/time/window.hpp"

namespace freshet {

/// Hopping windows and their slices by number: window n begins at offset + n * slide, slice n at offset + n *
/// slice_size. Numbers stay apart where the windows themselves are cut off at an end of time. Pure functions, in
/// constant time.
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
    return last(t) - size_ / slide_ + (past < size_ % slide_ ? 0 : 1);
  }
  constexpr window at(std::int64_t n) const noexcept {
    __extension__ using wide = __int128;
    const wide start = static_cast<wide>(n) * slide_ + offset_;
    const auto within = [](wide t) {
      return event_time{event_span{static_cast<std::int64_t>(std::clamp<wide>(t, INT64_MIN, INT64_MAX))}};
    };
    return {within(start), within(start + size_)};
  }

  constexpr std::int64_t slice(event_time t) const noexcept { return number(t, slice_, offset_ % slice_); }
  /// The slices of window n: from this one, `slices_per_window()` of them.
  constexpr std::int64_t first_slice(std::int64_t n) const noexcept { return n * per_slide_ + offset_ / slice_; }
  constexpr std::int64_t slices_per_window() const noexcept { return per_window_; }
  /// The first window that has slice s.
  constexpr std::int64_t first_with(std::int64_t s) const noexcept {
    return floor(s - offset_ / slice_ - per_window_, per_slide_) + 1;
  }

 private:
  static constexpr std::int64_t floor(std::int64_t a, std::int64_t b) noexcept { return a / b - (a % b < 0 ? 1 : 0); }
  static constexpr std::int64_t number(event_time t, std::int64_t step, std::int64_t offset) noexcept {
    const std::int64_t at = t.time_since_epoch().count(), rest = at % step;
    return floor(at, step) - ((rest < 0 ? rest + step : rest) < offset ? 1 : 0);
  }
  std::int64_t size_, slide_, offset_;  // the offset from 0 to slide
  std::int64_t slice_ = 0, per_window_ = 0, per_slide_ = 0;
};

}  // namespace freshet
