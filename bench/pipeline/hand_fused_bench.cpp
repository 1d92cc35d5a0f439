// The best plain loop for the pipeline's work: one core, one flat hash map, nothing in between.
#include <benchmark/benchmark.h>

#include <boost/unordered/unordered_flat_map.hpp>

#include "pipeline/workload.hpp"

namespace freshet::pipeline_bench {
namespace {

void hand_fused(benchmark::State& state, std::uint64_t keys) {
  const auto n = tuples_for(keys);
  for (auto _ : state) {
    boost::unordered_flat_map<std::uint64_t, std::uint64_t> sums;
    order_source source{keys};
    std::uint64_t sink = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      const order o = doubled(source.next());
      sink ^= sums[o.key] += o.amount;
    }
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
