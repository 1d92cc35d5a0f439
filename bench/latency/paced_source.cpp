#include "paced_source.hpp"

#include <algorithm>

namespace freshet::latency {

void send_fill(const timetable& times, const std::atomic<bool>& give_up, const sender& send) {
  for (std::uint64_t i = 0; i < times.fill() && !give_up.load(std::memory_order_relaxed); ++i)
    if (!send(times.at(i))) return;
}

std::uint64_t pace(const timetable& times, const std::atomic<bool>& give_up, const sender& send) {
  sleep_exactly();
  const auto end = times.end();
  const auto instant = [](const sample& s) { return clock::time_point(std::chrono::nanoseconds(s.intended_ns)); };
  std::uint64_t sent = 0;
  for (auto next = times.at(times.fill()); instant(next) < end;) {
    if (give_up.load(std::memory_order_relaxed)) break;
    wait_until(instant(next));
    const auto now = std::min(clock::now(), end);
    // Its bound is the clock, not the number that is due: a `send` that waits mustn't stretch the row.
    while (instant(next) <= now && instant(next) < end) {
      if (!send(next)) return sent;
      next = times.at(times.fill() + ++sent);
      if ((sent & 1023) == 0 && clock::now() >= end) return sent;
    }
  }
  return sent;
}

}  // namespace freshet::latency
