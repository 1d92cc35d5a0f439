// How long it takes to make the events of the Nexmark suite: below this no query can be.
#include <benchmark/benchmark.h>

#include "nexmark/generator.hpp"

namespace freshet::nexmark {
namespace {

constexpr std::uint64_t events = 5'000'000;

void generate(benchmark::State& state, std::chrono::milliseconds out_of_order) {
  const generator source{{.out_of_order = out_of_order}};
  for (auto _ : state) {
    for (std::uint64_t n = 0; n < events; ++n) {
      const event made = source(n);
      benchmark::DoNotOptimize(made);
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * events));
  state.counters["seconds_per_event"] = benchmark::Counter(
      static_cast<double>(events), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(generate, in_order, std::chrono::milliseconds{0})
    ->Name("nexmark/generate/out_of_order_ms:0")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(generate, out_of_order, std::chrono::milliseconds{100})
    ->Name("nexmark/generate/out_of_order_ms:100")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet::nexmark
