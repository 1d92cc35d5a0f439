// The best plain loop for the pipeline's work: one core, one flat hash map, nothing in between.
#include <benchmark/benchmark.h>

#include "pipeline/workload.hpp"

namespace freshet::pipeline_bench {
namespace {

void hand_fused(benchmark::State& state, std::uint64_t keys) {
  const auto n = tuples_for(keys);
  for (auto _ : state) {
    sums_by_key sums;
    auto sink = sum_by_hand(order_source{keys}, n, sums);
    benchmark::DoNotOptimize(sink);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * n));
}

BENCHMARK_CAPTURE(hand_fused, keys_1000, 1000)
    ->Name("pipeline/hand_fused/keys:1000")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(hand_fused, keys_1000000, 1'000'000)
    ->Name("pipeline/hand_fused/keys:1000000")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet::pipeline_bench
