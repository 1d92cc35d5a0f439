// What checkpoints cost the batch engine: sums by key, each batch 10 ms, without a directory and with one, where the
// record of a batch is on the device before the batch is committed. The sink is a plain callback under at_least_once:
// it sees the rows before that, so with a directory those of the last batch may come twice after a crash; without, all
// begins anew.
#include <benchmark/benchmark.h>

#include "base/bench_folder.hpp"
#include "freshet/freshet.hpp"
#include "pipeline/workload.hpp"

namespace freshet::pipeline_bench {
namespace {

struct sum_amount {
  void add(std::uint64_t& sum, const order& o) const { sum += o.amount; }
};

topology sums_of(std::uint64_t keys) {
  stream_builder b{"checkpoint_bench"};
  b.spout("orders", order_spout{tuples_for(keys), keys}, {.parallelism = 2})
      .key_by(&order::key)
      .aggregate("sum", sum_amount{}, {.parallelism = 2})
      .to("sink",
          [seen = std::uint64_t{0}](const keyed<std::uint64_t, std::uint64_t>& row) mutable {
            benchmark::DoNotOptimize(seen ^= row.value);
          },
          {.parallelism = 2});
  return b.build();
}

void sums(benchmark::State& state, bool with_checkpoints) {
  const auto keys = static_cast<std::uint64_t>(state.range(0));
  const auto graph = sums_of(keys);
  std::uint64_t batches = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const bench_folder folder{"freshet_checkpoint_bench"};
    batch_options options{.interval = std::chrono::milliseconds(10), .guarantee = guarantee::at_least_once};
    if (with_checkpoints) options.checkpoints = {.directory = folder / "kept", .sync = log_sync::every_batch};
    state.ResumeTiming();
    auto run = batch_executor{options}.start(graph);
    run.wait();
    batches += run.metrics().batches_done;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * tuples_for(keys)));
  state.counters["batches"] = static_cast<double>(batches) / static_cast<double>(state.iterations());
}

BENCHMARK_CAPTURE(sums, without, false)
    ->Name("batch/checkpoints/none")
    ->ArgName("keys")
    ->Arg(1000)
    ->Arg(1'000'000)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(sums, with, true)
    ->Name("batch/checkpoints/every_batch")
    ->ArgName("keys")
    ->Arg(1000)
    ->Arg(1'000'000)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet::pipeline_bench
