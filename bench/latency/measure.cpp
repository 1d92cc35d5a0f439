#include "measure.hpp"

#include <algorithm>
#include <thread>

#include "paced_source.hpp"

namespace freshet::latency {

namespace {

template <class Rep>
clock::duration seconds(Rep s) {
  return std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(s));
}

/// Whether latencies rise from the second quarter to the last: what is sent faster than it is worked off waits longer
/// and longer. A tenth of the time between the two allows for a restless machine, a tenth of an interval for batches.
bool backlog_grows(const arrivals& a, clock::duration measured, double interval_ms) {
  const auto early = static_cast<double>(a.quarters[1].percentile(50));
  const auto late = static_cast<double>(a.quarters[3].percentile(50));
  const double allowed = static_cast<double>((measured / 200).count()) + interval_ms * 1e5;
  return late > early + allowed;
}

void sleep_until(clock::time_point when, const std::atomic<bool>& give_up) {
  constexpr auto slice = std::chrono::milliseconds(50);
  while (!give_up && clock::now() < when) std::this_thread::sleep_until(std::min(when, clock::now() + slice));
}

}  // namespace

double source_alone(double rate, std::chrono::duration<double> how_long, const std::atomic<bool>& give_up) {
  const auto start = clock::now();
  const auto cpu = process_cpu_time();
  std::thread source(
      [&] { pace(rate, start, start + seconds(how_long.count()), give_up, [](const sample&) { return true; }); });
  source.join();
  return std::chrono::duration<double>(process_cpu_time() - cpu) / (clock::now() - start);
}

row measure(engine which, double interval_ms, double rate, const options& asked, const std::atomic<bool>& interrupted) {
  using namespace std::chrono_literals;
  const auto begin = clock::now() + 20ms;  // the engine's threads have started and sleep by then
  const window measured{begin + seconds(asked.duration_s / 10), begin + seconds(asked.duration_s)};
  const auto results = std::make_shared<arrivals>();
  push_spout<sample> samples;
  auto run = start(which, interval_ms, asked, pipeline(samples, latency_sink{measured, results}));

  std::uint64_t sent = 0;
  std::thread source([&] {
    sent = pace(rate, begin, measured.to, interrupted, [&](const sample& s) { return samples.push(s).has_value(); });
  });
  sleep_until(measured.from, interrupted);
  const auto cpu = process_cpu_time();
  const auto cpu_from = clock::now();
  sleep_until(measured.to, interrupted);
  row r{.engine = which, .interval_ms = interval_ms, .rate = rate, .latency = {}};
  r.cores = std::chrono::duration<double>(process_cpu_time() - cpu) / (clock::now() - cpu_from);
  source.join();
  samples.close();
  run.wait();
  r.latency = results->all();
  r.sustained = static_cast<double>(sent) >= 0.99 * rate * asked.duration_s &&
                !backlog_grows(*results, measured.to - measured.from, interval_ms);
  return r;
}

}  // namespace freshet::latency
