// What happens when a bolt is slower than its spout: nothing piles up.
//
// Look at the table: the spout could emit millions a second, the bolt does some thousands. `pending` (messages emitted
// and not finished) stops rising at what the channel between the two holds, 8 batches of 16 tuples, and what either end
// has at hand; the spout's max_pending would stop it where the channel is larger. Memory is bounded by settings with
// names, and what comes out per second is what the bolt can do. The last column says how much of its time the spout had
// something to send and no room. It runs for two seconds; Ctrl-C drains and ends it earlier.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <freshet/freshet.hpp>
#include <iomanip>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

constexpr std::size_t max_pending = 1'000;

void print(const freshet::run_metrics& m) {
  const auto fast = m.node("fast");
  std::cout << std::fixed << std::setprecision(1) << std::setw(7) << std::chrono::duration<double>(m.uptime).count()
            << std::setw(10) << fast.emitted << std::setw(10) << fast.acked << std::setw(10) << fast.pending
            << std::setw(10) << m.node("slow").queued << std::setw(15) << fast.backpressured * 100 << " %" << std::endl;
}

int main() {
  freshet::topology_builder builder("backpressure");
  const freshet::generator_options two_seconds{.duration = 2s};
  auto numbers = builder.spout("fast", freshet::generator_spout{[](std::uint64_t i) { return i; }, two_seconds},
                               {.max_pending = max_pending, .max_batch = 64});
  auto slow = builder
                  .bolt("slow",
                        [](std::uint64_t n) {
                          std::this_thread::sleep_for(100us);
                          return n;
                        })
                  .input(numbers, freshet::shuffle_grouping{});
  builder.sink("end", [](std::uint64_t) {}).input(slow);

  const freshet::event_executor executor{{.workers = 2, .max_batch = 16, .channel_batches = 8}};
  auto run = executor.start(builder.build());
  freshet::drain_on_signals guard{run};

  std::cout << "seconds   emitted  finished   pending    queued   backpressured\n";
  std::uint64_t most = 0;
  while (!run.wait_for(200ms)) {
    const auto m = run.metrics();
    print(m);
    most = std::max(most, m.node("fast").pending);
  }
  const auto fast = run.metrics().node("fast");
  const bool bounded = most <= max_pending;
  std::cout << "emitted " << fast.emitted << ", finished " << fast.acked << ", " << (bounded ? "never" : "at times")
            << " more than " << max_pending << " pending\n";
  return fast.emitted == fast.acked && bounded ? 0 : 1;
}
