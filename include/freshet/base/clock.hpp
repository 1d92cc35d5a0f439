#pragma once
#include <chrono>

#include "freshet/base/time_arithmetic.hpp"

namespace freshet {

/// Where all of Freshet takes its time from, so that a test or a simulation can give its own. Thread safe.
class clock {
 public:
  clock() = default;
  clock(const clock&) = delete;
  clock& operator=(const clock&) = delete;
  virtual ~clock();

  /// For spans: never goes back. Costs about 20 ns, so read it once a batch.
  virtual std::chrono::steady_clock::time_point now() const noexcept = 0;
  /// For people and for records: UTC, may jump.
  virtual event_time wall() const noexcept = 0;

  /// The system's clocks. Lives until the process ends.
  static const clock& real();
};

/// The moment `span` after `now`, held within what time can say. A span of max() has no end: it gives
/// time_point::max(), which whatever waits takes for "never". A negative span is over.
constexpr std::chrono::steady_clock::time_point deadline(std::chrono::steady_clock::time_point now,
                                                         std::chrono::nanoseconds span) noexcept {
  using time_point = std::chrono::steady_clock::time_point;
  constexpr std::chrono::nanoseconds none{};
  if (span == std::chrono::nanoseconds::max() || (span > none && now > time_point::max() - span))
    return time_point::max();
  if (span < none && now < time_point::min() - span) return time_point::min();
  return now + span;
}

/// When the steady clock, which stands at `now` as the clock for people does at `wall`, has that show `when`; `now` if
/// it does already.
constexpr std::chrono::steady_clock::time_point moment_of(event_time when, event_time wall,
                                                          std::chrono::steady_clock::time_point now) noexcept {
  using std::chrono::nanoseconds;
  if (when <= wall) return now;
  const auto span = distance(wall, when);
  const bool is_far = when == end_of_time || span > std::chrono::duration_cast<event_span>(nanoseconds::max());
  return deadline(now, is_far ? nanoseconds::max() : nanoseconds(span));
}

}  // namespace freshet
