// The pipeline on the batch engine: once with a row for each tuple, once combined before the shuffle (one row for each
// key and batch) in batches of 10 ms.
#include <benchmark/benchmark.h>

#include "freshet/freshet.hpp"
#include "pipeline/workload.hpp"

namespace freshet::pipeline_bench {
namespace {

struct sum_amount {
  void add(std::uint64_t& sum, const order& o) const { sum += o.amount; }
  void merge(std::uint64_t& into, const std::uint64_t& from) const { into += from; }
};

using sum_row = keyed<std::uint64_t, std::uint64_t>;

template <class Sink>
topology pipeline(std::uint64_t count, std::uint64_t keys, bool combined, Sink sink) {
  stream_builder b{"pipeline"};
  const auto orders = b.spout("orders", order_spout{count, keys}, {.parallelism = 2})
                          .map("double", doubled, {.parallelism = 2})
                          .key_by(&order::key);
  const auto sums = combined ? orders.combine().aggregate("sum", sum_amount{}, {.parallelism = 2})
                             : orders.aggregate("sum", sum_amount{}, {.parallelism = 2});
  sums.to("sink", std::move(sink), {.parallelism = 2});
  return b.build();
}

bool sums_as_by_hand(const batch_executor& engine, std::uint64_t keys, bool combined) {
  last_sums last;
  const auto keep = [last](const sum_row& row) mutable { last.keep(row.key, row.value); };
  engine.start(pipeline(orders_to_check, keys, combined, keep)).wait();
  return last.are_right(orders_to_check, keys);
}

void batch(benchmark::State& state, bool combined, std::uint64_t keys) {
  const batch_executor engine{{.interval = std::chrono::milliseconds(10)}};
  if (!sums_as_by_hand(engine, keys, combined)) return state.SkipWithError("the sums are not those of the hand loop");
  const auto graph = pipeline(tuples_for(keys), keys, combined, [seen = std::uint64_t{0}](const sum_row& row) mutable {
    benchmark::DoNotOptimize(seen ^= row.value);
  });
  std::uint64_t batches = 0, done = 0;
  for (auto _ : state) {
    auto run = engine.start(graph);
    run.wait();
    const auto m = run.metrics();
    batches += m.batches_done;
    done += m.node("orders").acked;
  }
  if (done != state.iterations() * tuples_for(keys)) return state.SkipWithError("orders are missing");
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * tuples_for(keys)));
  state.counters["batches"] = static_cast<double>(batches) / static_cast<double>(state.iterations());
}

BENCHMARK_CAPTURE(batch, each_1000, false, 1000)
    ->Name("pipeline/batch/keys:1000")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(batch, each_1000000, false, 1'000'000)
    ->Name("pipeline/batch/keys:1000000")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(batch, combined_1000, true, 1000)
    ->Name("pipeline/batch_combined/keys:1000")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(batch, combined_1000000, true, 1'000'000)
    ->Name("pipeline/batch_combined/keys:1000000")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet::pipeline_bench
