#pragma once
#include <algorithm>
#include <compare>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "freshet/base/time_arithmetic.hpp"

// Windows: which ones there are, which a time falls into, and when they are over. All functions here are pure, and
// defined for every event time; what would begin or end beyond time begins or ends at its end.

namespace freshet {

/// The event times from `start` up to, but without, `end`. Ordered by start, then end.
struct window {
  event_time start{};
  event_time end{};

  friend constexpr auto operator<=>(const window&, const window&) = default;
  constexpr bool contains(event_time t) const noexcept { return start <= t && t < end; }
};

/// The event time of a window's result: the last one in it.
constexpr event_time result_time(const window& w) noexcept { return w.end - event_span{1}; }
/// Its stamp: below its own time, or it would be late wherever tuples are judged by themselves.
constexpr event_time result_stamp(const window& w) noexcept { return shifted_back(result_time(w), event_span{1}); }

/// The stamp of what waits until the watermark has reached its time: no smaller than what has flowed on before it.
constexpr event_time released_stamp(event_time t, event_time stamp) noexcept {
  return std::max(shifted_back(t, event_span{1}), stamp);
}

/// All of time: the window of a stream that is divided by triggers alone. It closes when the input ends.
inline constexpr window global_window{beginning_of_time, end_of_time};

/// Windows of one size, side by side: start = offset + n * size for every whole n, before the epoch too.
///     tumbling{1min}       tumbling{24h, 22h}: days that begin at 22:00 UTC
struct tumbling {
  event_span size{};    ///< above 0
  event_span offset{};  ///< any: what counts is the rest modulo size
};

/// Windows of one size that begin every `slide`: start = offset + n * slide. A time is in size / slide of them, or one
/// more or less where that isn't a whole number.
///     hopping{1h, 15min}
struct hopping {
  event_span size{};    ///< above 0
  event_span slide{};   ///< above 0, at most size
  event_span offset{};  ///< any: what counts is the rest modulo slide
};

/// Windows of activity by key, parted by gaps in which nothing happens: a tuple joins a session when its distance to it
/// is at most `gap`. See time/session_set.hpp.
struct sessions {
  event_span gap{};  ///< not negative; 0: only equal times are one session
};

/// Every `size` tuples of a key in the order they come. The rest at the end of the input is no window.
struct tumbling_count {
  std::uint64_t size = 0;  ///< above 0
};
/// The last `size` tuples of a key, after every `slide` of them; fewer while there haven't been as many.
struct sliding_count {
  std::uint64_t size = 0;   ///< above 0
  std::uint64_t slide = 1;  ///< above 0
};

/// What is wrong with windows, as sentences for `build()`, each to be read after the name of the node; none where they
/// are sound.
std::vector<std::string> mistakes_of(const tumbling&);
std::vector<std::string> mistakes_of(const hopping&);
std::vector<std::string> mistakes_of(const sessions&);
std::vector<std::string> mistakes_of(const tumbling_count&);
std::vector<std::string> mistakes_of(const sliding_count&);

namespace detail {
/// How long before `t` the last offset + n * step was, at or before it. REQUIRES: step > 0.
constexpr event_span past_of(event_time t, event_span step, event_span offset) noexcept {
  event_span at = t.time_since_epoch() % step, from = offset % step;
  if (at < event_span{}) at += step;
  if (from < event_span{}) from += step;
  return at >= from ? at - from : at - from + step;
}
}  // namespace detail

/// The last offset + n * step at or before `t`. REQUIRES: step > 0.
constexpr event_time aligned(event_time t, event_span step, event_span offset) noexcept {
  return shifted_back(t, detail::past_of(t, step, offset));
}

/// REQUIRES: no mistakes, here and below.
constexpr window window_of(const tumbling& w, event_time t) noexcept {
  const event_span past = detail::past_of(t, w.size, w.offset);
  return {shifted_back(t, past), shifted(t, w.size - past)};
}

/// Calls `f(window)` for each window that `t` is in, the earliest first.
template <class F>
constexpr void for_each_window(const tumbling& w, event_time t, F&& f) {
  f(window_of(w, t));
}
template <class F>
constexpr void for_each_window(const hopping& w, event_time t, F&& f) {
  const event_span past = detail::past_of(t, w.slide, w.offset);
  if (past >= w.size) return;
  for (auto n = (w.size - past - event_span{1}) / w.slide; n >= 0; --n) {
    const event_span since = past + n * w.slide;
    f(window{shifted_back(t, since), shifted(t, w.size - since)});
  }
}

/// The part of time around `t` that is in the same windows throughout: they all begin and end between such slices, of
/// the size gcd(size, slide).
constexpr event_span slice_size(const hopping& w) noexcept {
  return event_span{std::gcd(w.size.count(), w.slide.count())};
}
constexpr window slice_of(const hopping& w, event_time t) noexcept {
  return window_of(tumbling{slice_size(w), w.offset}, t);
}

/// Whether a tuple comes too late for a window: the watermark of its own partition had passed the window's end, and
/// what is allowed beyond, just before it (`stamp`). Never a matter of what an operator happens to know.
constexpr bool is_late(const window& w, event_span allowed_lateness, event_time stamp) noexcept {
  return shifted(w.end, allowed_lateness) <= stamp;
}
/// The same for a tuple that is judged by its own time `t`: in sessions, joins, ordered input and de-duplication.
/// Before a partition's first event (a stamp of `beginning_of_time`) nothing is late.
constexpr bool is_late(event_time t, event_span allowed_lateness, event_time stamp) noexcept {
  return stamp != beginning_of_time && shifted(t, allowed_lateness) <= stamp;
}
/// Whether a window is closed: the watermark that flows has passed its end and the allowed lateness. That watermark is
/// never above the stamps of tuples still to come, so none that is not late finds its window closed.
constexpr bool is_closed(const window& w, event_span allowed_lateness, event_time watermark) noexcept {
  return shifted(w.end, allowed_lateness) <= watermark;
}

}  // namespace freshet
