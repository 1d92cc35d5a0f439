#pragma once
#include <algorithm>
#include <chrono>

#include "freshet/base/event_time.hpp"

namespace freshet {

/// Spans of event time: sizes of windows, gaps, bounds, lateness. Finer units don't convert: event time has none.
using event_span = event_time::duration;

/// The first and the last time at which an event can be: `beginning_of_time` and `end_of_time` stand before and behind
/// all of them, as what a watermark is when nothing was seen and when the stream has ended.
inline constexpr event_time first_event_time = beginning_of_time + event_span{1};
inline constexpr event_time last_event_time = end_of_time - event_span{1};

/// `t` moved by `by`, either way. The two ends of time stay where they are, as infinities do; what would go beyond one
/// of them stops at it.
constexpr event_time shifted(event_time t, event_span by) noexcept {
  if (t == beginning_of_time || t == end_of_time) return t;
  if (by >= event_span{}) return t > end_of_time - by ? end_of_time : t + by;
  return t < beginning_of_time - by ? beginning_of_time : t + by;
}
/// `t` moved back by `by`. REQUIRES: by >= 0.
constexpr event_time shifted_back(event_time t, event_span by) noexcept { return shifted(t, -by); }

/// The nearest time at which an event can be: what the clock of a broken device says may lie at an end of time.
constexpr event_time nearest_event_time(event_time t) noexcept {
  return std::clamp(t, first_event_time, last_event_time);
}

/// How far `b` is behind `a`, at most event_span::max(). REQUIRES: a <= b.
constexpr event_span distance(event_time a, event_time b) noexcept {
  return a < event_time{} && b > event_time{event_span::max() + a.time_since_epoch()} ? event_span::max() : b - a;
}

}  // namespace freshet
