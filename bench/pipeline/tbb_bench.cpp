// A peer: the same work as a oneTBB parallel_pipeline over blocks of 1,024 orders, two serial stages for the two halves
// of the keys. No acks, no recovery.
#ifdef FRESHET_BENCH_TBB
#include <benchmark/benchmark.h>
#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>

#include <memory>
#include <vector>

#include "freshet/base/hash.hpp"
#include "pipeline/workload.hpp"

namespace freshet::pipeline_bench {
namespace {

using block = std::shared_ptr<std::vector<order>>;

void tbb_pipeline(benchmark::State& state, std::uint64_t keys) {
  const auto n = tuples_for(keys);
  const tbb::global_control two(tbb::global_control::max_allowed_parallelism, 2);
  sums_by_key by_hand;
  sum_by_hand(order_source{keys}, n, by_hand);
  for (auto _ : state) {
    sums_by_key sums[2];
    order_source source{keys};
    std::uint64_t left = n, sink[2] = {0, 0};
    const auto sum_half = [&](int half) {
      return [&, half](const block& b) {
        for (const auto& o : *b)
          if (static_cast<int>(mix64(o.key) >> 63) == half) sink[half] ^= sums[half][o.key] += o.amount;
        return b;
      };
    };
    tbb::parallel_pipeline(16, tbb::make_filter<void, block>(tbb::filter_mode::serial_in_order,
                                                             [&](tbb::flow_control& stop) -> block {
                                                               if (left == 0) {
                                                                 stop.stop();
                                                                 return nullptr;
                                                               }
                                                               auto b = std::make_shared<std::vector<order>>();
                                                               b->reserve(1024);
                                                               for (int i = 0; i < 1024 && left; ++i, --left)
                                                                 b->push_back(source.next());
                                                               return b;
                                                             }) &
                                   tbb::make_filter<block, block>(tbb::filter_mode::parallel,
                                                                  [](const block& b) {
                                                                    for (auto& o : *b) o = doubled(o);
                                                                    return b;
                                                                  }) &
                                   tbb::make_filter<block, block>(tbb::filter_mode::serial_in_order, sum_half(0)) &
                                   tbb::make_filter<block, block>(tbb::filter_mode::serial_in_order, sum_half(1)) &
                                   tbb::make_filter<block, void>(tbb::filter_mode::parallel, [](const block&) {}));
    benchmark::DoNotOptimize(sink);
    state.PauseTiming();
    sums[0].insert(sums[1].begin(), sums[1].end());
    const bool right = sums[0] == by_hand;
    state.ResumeTiming();
    if (!right) return state.SkipWithError("the sums are not those of the hand loop");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * n));
}

BENCHMARK_CAPTURE(tbb_pipeline, keys_1000, 1000)
    ->Name("pipeline/tbb/keys:1000")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(tbb_pipeline, keys_1000000, 1'000'000)
    ->Name("pipeline/tbb/keys:1000000")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet::pipeline_bench
#endif
