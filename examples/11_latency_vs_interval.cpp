// What a batch interval costs in latency: the choice between the engines, as a table.
//
// Look at: the spout is an open loop. Value i is intended for start + i / rate, whatever became of those before it, and
// carries that instant; the sink takes `now - intended`, so what waits, wherever it waits, is counted. Per event that
// is a few wake-ups; in batches a value waits half an interval on average and a whole one at worst. `freshet-latency`
// is the same with all the trimmings.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <freshet/freshet.hpp>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

struct tick {
  std::uint64_t number = 0;
  steady::time_point intended;
};

freshet::topology paced(std::shared_ptr<freshet::histogram> latency) {
  const auto make = [](std::uint64_t i, steady::time_point intended) { return tick{i, intended}; };
  freshet::topology_builder builder("paced");
  auto ticks = builder.spout("ticks", freshet::generator_spout{make, {.rate = 2'000, .duration = 500ms}});
  // One task behind a global grouping: the histogram has one writer.
  builder
      .sink("latency",
            [latency](const tick& t) {
              latency->record(
                  static_cast<std::uint64_t>(std::max<std::int64_t>(0, (steady::now() - t.intended).count())));
            })
      .input(ticks, freshet::global_grouping{});
  return builder.build();
}

// One line of the table. Gives back the signal that has cut it short: 0 for none.
template <class Executor>
int row(const std::string& name, const Executor& executor) {
  const auto latency = std::make_shared<freshet::histogram>();
  auto run = executor.start(paced(latency));
  const freshet::drain_on_signals guard{run};
  run.wait();
  std::cout << std::left << std::setw(18) << name << std::right << std::fixed << std::setprecision(2);
  for (const double p : {50.0, 99.0}) std::cout << std::setw(12) << static_cast<double>(latency->percentile(p)) / 1e6;
  std::cout << std::setw(10) << latency->count() << std::endl;
  return guard.signal();
}

int main() {
  std::cout << "                      p50 ms      p99 ms    values\n";
  int signal = row("per event", freshet::event_executor{});
  for (const auto interval : {1ms, 10ms, 50ms})
    if (!signal)
      signal = row("batches of " + std::to_string(interval.count()) + " ms",
                   freshet::batch_executor{{.interval = interval}});
  return signal ? 128 + signal : 0;
}
