#include "measure.hpp"

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "paced_source.hpp"
#include "scratch_folder.hpp"

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

/// What sends, and how it ends; both kinds of source are this to a row.
struct outside {
  sender send;
  std::function<void()> close;
};
template <class Source>
outside outside_of(const Source& source) {
  const auto shared = std::make_shared<Source>(source);
  return {[shared](const sample& s) { return shared->push(s).has_value(); }, [shared] { shared->close(); }};
}

void sleep_until(clock::time_point when, const std::atomic<bool>& give_up) {
  constexpr auto slice = std::chrono::milliseconds(50);
  while (!give_up && clock::now() < when) std::this_thread::sleep_until(std::min(when, clock::now() + slice));
}

/// The topology of a row, with what sends into it.
topology graph_of(const setting& of, const options& asked, const std::shared_ptr<const timetable>& times,
                  const std::shared_ptr<arrivals>& results, outside& source) {
  if (asked.checkpoints_ms.empty()) {
    const push_spout<sample> samples;
    source = outside_of(samples);
    return pipeline(samples, latency_sink{times, results});
  }
  const readable_samples samples{times};
  source = outside_of(samples);
  if (!of.checkpoint_ms) return pipeline(samples, latency_sink{times, results});
  return pipeline(samples, latency_epoch_sink{times, results});
}

/// Waits until a row is over, with a savepoint in its middle where there is a run to make one; gives the cores that its
/// measured part took.
double watch(const timetable& times, const std::atomic<bool>& interrupted, topology_run* saved) {
  sleep_until(times.measured_from(), interrupted);
  const auto cpu = process_cpu_time();
  const auto from = clock::now();
  if (saved) {
    sleep_until(times.begin() + (times.end() - times.begin()) / 2, interrupted);
    saved->savepoint();
  }
  sleep_until(times.end(), interrupted);
  return std::chrono::duration<double>(process_cpu_time() - cpu) / (clock::now() - from);
}

}  // namespace

double source_alone(double rate, std::chrono::duration<double> how_long, const std::atomic<bool>& give_up) {
  timetable times{rate, 1000};
  const auto start = clock::now();
  times.set_times(start, seconds(how_long.count()));
  const auto cpu = process_cpu_time();
  std::thread source([&] { pace(times, give_up, [](const sample&) { return true; }); });
  source.join();
  return std::chrono::duration<double>(process_cpu_time() - cpu) / (clock::now() - start);
}

row measure(const setting& of, const options& asked, const std::atomic<bool>& interrupted) {
  using namespace std::chrono_literals;
  const auto times = std::make_shared<timetable>(of.rate, asked.keys);
  const auto results = std::make_shared<arrivals>();
  std::optional<scratch_folder> folder;
  if (of.checkpoint_ms) folder.emplace(asked.directory);
  outside samples;
  const auto graph = graph_of(of, asked, times, results, samples);
  auto run = start(of, asked, graph, folder ? folder->path() : std::string());

  send_fill(*times, interrupted, samples.send);
  if (folder) run.savepoint();                                       // the epoch that has all keys is none of the row's
  times->set_times(clock::now() + 20ms, seconds(asked.duration_s));  // the engine's threads sleep by then
  auto source = std::async(std::launch::async, [&] { return pace(*times, interrupted, samples.send); });
  row r{.of = of, .latency = {}};
  r.cores = watch(*times, interrupted, folder && asked.savepoint ? &run : nullptr);
  const auto sent = source.get();
  samples.close();
  run.wait();
  r.latency = results->all();
  r.sustained = static_cast<double>(sent) >= 0.99 * of.rate * asked.duration_s &&
                !backlog_grows(*results, times->end() - times->measured_from(), of.interval_ms);
  return r;
}

}  // namespace freshet::latency
