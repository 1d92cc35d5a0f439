#include "paced_source.hpp"

#include <algorithm>

namespace freshet::latency {

namespace {

constexpr std::uint64_t keys = 1000;
// Sleeping for less takes a core, which the engine would then not have.
constexpr double seconds_between_groups = 50e-6;

// Knuth's linear congruential generator: any value by its index would do, this one spreads the keys.
std::uint64_t scrambled(std::uint64_t i) { return (i * 6364136223846793005ull + 1442695040888963407ull) >> 33; }

}  // namespace

std::uint64_t pace(double rate, clock::time_point start, clock::time_point end, const std::atomic<bool>& give_up,
                   const std::function<bool(const sample&)>& send) {
  sleep_exactly();
  const double period_ns = 1e9 / rate;
  const auto group = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rate * seconds_between_groups));
  // From the index and not by adding up, so that it is exact after any number of values.
  const auto intended = [&](std::uint64_t i) {
    return start +
           std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(i / group * group) * period_ns));
  };
  std::uint64_t sent = 0;
  for (auto next = intended(0); next < end;) {
    if (give_up.load(std::memory_order_relaxed)) break;
    wait_until(next);
    const auto now = std::min(clock::now(), end);
    // Its bound is the clock, not the number that is due: a `send` that waits mustn't stretch the row.
    for (; next <= now && next < end; next = intended(++sent)) {
      if (!send({scrambled(sent) % keys, sent & 255, next.time_since_epoch().count()})) return sent;
      if ((sent & 1023) == 1023 && clock::now() >= end) return sent + 1;
    }
  }
  return sent;
}

}  // namespace freshet::latency
