// What windows cost: readings of 100 keys in order, five a second and key, through both engines. Those called combined
// put readings together before they are sent to the task of their key. windows/hand is the
// loop for tumbling windows that a good engineer would write by hand. A window of 1 h that slides by 1 s holds each
// reading in 3,600 windows: what it costs beside a tumbling one says whether it is computed anew for each. Early: with
// a result of each window each minute, too, of which that window has 60.
#include <benchmark/benchmark.h>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/generator_spout.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t readings = 500'000, keys = 100;

struct reading {
  std::uint32_t key = 0;
  std::uint32_t value = 0;
  event_time at{};
};
reading reading_at(std::uint64_t n) {
  return {static_cast<std::uint32_t>(mix64(n) % keys), static_cast<std::uint32_t>(n),
          event_time{event_span{static_cast<std::int64_t>(n) * 2}}};
}

struct xor_results {
  std::uint64_t seen = 0, results = 0;
  void write(const windowed<std::uint32_t, std::uint64_t>& w) {
    seen ^= w.value;
    ++results;
  }
  void close() { benchmark::DoNotOptimize(seen); }
};

void windows_by_hand(benchmark::State& state) {
  for (auto _ : state) {
    std::vector<std::pair<event_time, std::uint64_t>> open(keys);
    std::uint64_t seen = 0;
    for (std::uint64_t n = 0; n < readings; ++n) {
      const auto r = reading_at(n);
      auto& [end, sum] = open[r.key];
      if (r.at >= end) {
        seen ^= std::exchange(sum, 0);
        end = window_of(tumbling{1min}, r.at).end;
      }
      sum += r.value;
    }
    for (auto& o : open) seen ^= o.second;
    benchmark::DoNotOptimize(seen);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(readings) * state.iterations());
}
BENCHMARK(windows_by_hand)->Name("windows/hand")->UseRealTime()->Unit(benchmark::kMillisecond);

struct sum_values {
  void add(std::uint64_t& sum, const reading& r) const { sum += r.value; }
  void merge(std::uint64_t& into, std::uint64_t from) const { into += from; }
};

/// What becomes of the readings of windows, before they are aggregated.
enum class way { plain, combined, early };

template <class W>
topology graph_of(const W& windows, way how) {
  stream_builder b{"windows"};
  const auto divided =
      b.spout("readings", generator_spout{reading_at, {.count = readings}})
          .event_time(&reading::at)
          .key_by(&reading::key)
          .window(windows, how == way::early ? window_options{.early = {.every = 1min}} : window_options{});
  const auto sums = how == way::combined ? divided.combine().aggregate("sums", sum_values{}, {.parallelism = 2})
                                         : divided.aggregate("sums", sum_values{}, {.parallelism = 2});
  sums.to("sink", xor_results{}, {.parallelism = 2});
  return b.build();
}

template <class W>
void windows_event(benchmark::State& state, W windows, way how = way::plain) {
  const auto graph = graph_of(windows, how);
  const event_executor engine{{.guarantee = guarantee::at_least_once}};
  for (auto _ : state) engine.start(graph).wait();
  state.SetItemsProcessed(static_cast<std::int64_t>(readings) * state.iterations());
}
template <class W>
void windows_batch(benchmark::State& state, W windows, way how = way::plain) {
  const auto graph = graph_of(windows, how);
  const batch_executor engine{{.interval = 10ms}};
  for (auto _ : state) engine.start(graph).wait();
  state.SetItemsProcessed(static_cast<std::int64_t>(readings) * state.iterations());
}

#define FRESHET_BENCH_WINDOWS(name, ...)              \
  BENCHMARK_CAPTURE(windows_event, name, __VA_ARGS__) \
      ->Name("windows/event/" #name)                  \
      ->UseRealTime()                                 \
      ->Unit(benchmark::kMillisecond);                \
  BENCHMARK_CAPTURE(windows_batch, name, __VA_ARGS__) \
      ->Name("windows/batch/" #name)                  \
      ->UseRealTime()                                 \
      ->Unit(benchmark::kMillisecond)

FRESHET_BENCH_WINDOWS(tumbling_1min, tumbling{1min});
FRESHET_BENCH_WINDOWS(tumbling_1s, tumbling{1s});
FRESHET_BENCH_WINDOWS(hopping_1h_1s, hopping{1h, 1s});
FRESHET_BENCH_WINDOWS(hopping_1h_1s_early, hopping{1h, 1s}, way::early);
FRESHET_BENCH_WINDOWS(sessions_1s, sessions{1s});
FRESHET_BENCH_WINDOWS(tumbling_1min_combined, tumbling{1min}, way::combined);
FRESHET_BENCH_WINDOWS(tumbling_1s_combined, tumbling{1s}, way::combined);
FRESHET_BENCH_WINDOWS(hopping_1h_1s_combined, hopping{1h, 1s}, way::combined);
FRESHET_BENCH_WINDOWS(sessions_1s_combined, sessions{1s}, way::combined);

}  // namespace
}  // namespace freshet
